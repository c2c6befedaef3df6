# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of systems that Ansible must not write to: what their owner declares instead. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import is_valid

# OpenShift: machineconfiguration.openshift.io/v1; Ignition 3.2.0 is what every supported release takes.
MACHINE_CONFIG = """apiVersion: machineconfiguration.openshift.io/v1
kind: MachineConfig
metadata:
  name: 99-worker-istio-modules
  labels:
    machineconfiguration.openshift.io/role: worker
spec:
  config:
    ignition:
      version: 3.2.0
    storage:
      files:
        - path: {path}
          mode: 0644
          overwrite: true
          contents:
            source: data:,{encoded}
"""
# Fedora CoreOS and Flatcar: Butane's inline file.
BUTANE = """variant: fcos
version: 1.4.0
storage:
  files:
    - path: {path}
      mode: 0644
      overwrite: true
      contents:
        inline: |
{indented}"""

# Part of the system's name, what its owner declares, and how.
WAYS = (
    ("Red Hat Enterprise Linux CoreOS", "MachineConfig", MACHINE_CONFIG),
    ("CentOS Stream CoreOS", "MachineConfig", MACHINE_CONFIG),
    ("Fedora CoreOS", "Butane", BUTANE),
)
MANAGERS = {
    "ostree": "rpm-ostree keeps this system: what is written file by file is lost or drifts",
    "transactional-update": "transactional-update keeps this system: changes count from the next snapshot and reboot on",
    "image": "/etc is read-only: this system comes as an image",
}
NO_SYSTEMD = "systemd does not run here, and nothing else reads /etc/modules-load.d: have your init load the modules, for example by /etc/modules"


def managed(facts: Mapping[str, Any]) -> str | None:
    """Return why nothing at all is to be written on this system, or None."""
    by = (facts.get("platform") or {}).get("managed_by")
    return MANAGERS.get(by, f"{by} keeps this system") if by else None


def artifact(facts: Mapping[str, Any], modules: Iterable[str]) -> dict[str, str] | None:
    """Return C(kind) and C(text) of what the owner declares so that these modules are loaded at boot; None where no way is known.

    It takes the whole file's place, so that it has what the file lists already, too; of a file with more than the facts tell nobody
    can make one.
    """
    if (facts.get("managed") or {}).get("truncated"):
        return None
    name = str(facts["os"].get("name") or "")
    listed = [*((facts.get("managed") or {}).get("other_modules") or ()), *facts["boot_files"].get(BOOT_FILE, ())]
    modules = list(dict.fromkeys([*filter(is_valid, listed), *modules]))
    for system, kind, template in WAYS:
        if system in name:
            text = "".join(module + "\n" for module in modules)
            indented = "".join(f"          {module}\n" for module in modules)
            return {"kind": kind, "text": template.format(path=BOOT_FILE, encoded=quote(text), indented=indented)}
    return None
