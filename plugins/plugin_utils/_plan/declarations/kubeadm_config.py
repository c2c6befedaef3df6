# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KubeadmConfigTemplate of Cluster API. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    MODPROBE_COMMAND,
    POD_COMMAND,
    DeclarationFormat,
    list_lines,
)

# kubernetes-sigs/cluster-api, api/bootstrap/kubeadm/v1beta2/kubeadmconfig_types.go, KubeadmConfigSpec and File: files
# with path, permissions and content; preKubeadmCommands. v1beta1 has the same fields; v1beta2 exists since 1.11.
# bootstrap/kubeadm/pkg: the commands are items of runcmd for cloud-init. For Ignition they are lines of a script with
# "set -e", where a command that fails keeps the machine from joining: so this one must not fail.
TEMPLATE = """# For control planes: files and preKubeadmCommands below spec.kubeadmConfigSpec of KubeadmControlPlane.
# Before Cluster API 1.11 the version is v1beta1.
apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
kind: KubeadmConfigTemplate
metadata:
  name: istio-modules
spec:
  template:
    spec:
      files:
        - path: {path}
          permissions: "0644"
          content: |
{lines}      preKubeadmCommands:
        - {command} || true
"""
INDENT = 12


def render(names: Sequence[str]) -> str:
    """Return the template of machines that join a cluster."""
    command = MODPROBE_COMMAND.format(names=" ".join(names))
    return TEMPLATE.format(path=BOOT_FILE, lines=list_lines(names, INDENT), command=command)


FORMAT = DeclarationFormat(
    key="kubeadm_config",
    title="KubeadmConfigTemplate",
    render=render,
    load=POD_COMMAND,
    suffix=".yaml",
    is_file=True,
)
