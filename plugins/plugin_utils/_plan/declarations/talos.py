# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine configuration of Talos. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    DeclarationFormat,
)


def render(names: Sequence[str]) -> str:
    """Return a patch of the machine configuration.

    siderolabs/talos, pkg/machinery/config/types/v1alpha1/v1alpha1_types.go: MachineConfig.MachineKernel and
    KernelConfig.KernelModules, a list of KernelModuleConfig, each with its name. Talos 1.14 prefers documents of the
    kind KernelModuleConfig, which older releases do not know, and still accepts this list. A patch is merged: Merge in
    pkg/machinery/config/merge appends its list to a list that exists.
    """
    return "machine:\n  kernel:\n    modules:\n" + "".join(f"      - name: {name}\n" for name in names)


FORMAT = DeclarationFormat(
    key="talos",
    title="Talos",
    render=render,
    # cmd/talosctl/cmd/talos/patch.go. KernelModuleSpecController loads the modules when the configuration changes; that
    # needs no reboot. There is no shell and no modprobe.
    load="talosctl --nodes NODE patch machineconfig --patch @{file}",
    suffix=".yaml",
    ids=("talos",),
)
