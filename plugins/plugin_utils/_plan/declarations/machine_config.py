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

# openshift/api, machineconfiguration/v1/types.go, MachineConfig and MachineConfigSpec: config is an Ignition config,
# whose fields are in ignition.py. openshift/machine-config-operator, pkg/controller/common: the label is
# MachineConfigRoleLabel, and IgnParseWrapper accepts Ignition 3.2.0. The mode is decimal, as in docs/MachineConfig.md
# there: in YAML 1.2, 0644 is the decimal number 644.
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
          mode: 420  # 0644
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
    # openshift/oc, pkg/cli/debug/debug.go: the pod of a node is privileged, and the root of the node is its /host.
    load=f"oc debug node/NODE -- chroot /host {MODPROBE_COMMAND}",
    suffix=".yaml",
    names=("Red Hat Enterprise Linux CoreOS", "CentOS Stream CoreOS"),
    is_file=True,
)
