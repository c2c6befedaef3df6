# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MachineConfig of OpenShift and OKD. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    MODPROBE_COMMAND,
    DeclarationFormat,
    list_lines,
)

# The kind: machineconfiguration.openshift.io/v1, pkg/apis of openshift/api. spec.config is an Ignition config, whose
# files have path, mode, overwrite and contents.source. Every supported release accepts Ignition 3.2.0.
TEMPLATE = """# For control planes, replace worker by master.
apiVersion: machineconfiguration.openshift.io/v1
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
            source: data:,{url_encoded}
"""


def render(names: Sequence[str]) -> str:
    """Return the MachineConfig for the pool worker."""
    return TEMPLATE.format(path=BOOT_FILE, url_encoded=quote(list_lines(names)))


FORMAT = DeclarationFormat(
    key="machine_config",
    title="MachineConfig",
    render=render,
    # oc debug mounts the root of the node as /host.
    load=f"oc debug node/NODE -- chroot /host {MODPROBE_COMMAND}",
    suffix=".yaml",
    names=("Red Hat Enterprise Linux CoreOS", "CentOS Stream CoreOS"),
    is_file=True,
)
