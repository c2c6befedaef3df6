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

    v1alpha1, MachineConfig.kernel.modules: a list of KernelModuleConfig, each with its name. A patch is merged: its
    list is appended to a list that exists.
    """
    return "machine:\n  kernel:\n    modules:\n" + "".join(f"      - name: {name}\n" for name in names)


FORMAT = DeclarationFormat(
    key="talos",
    title="Talos",
    render=render,
    # Talos loads modules when its configuration changes; there is no shell and no modprobe.
    load="talosctl --nodes NODE patch machineconfig --patch @{file}",
    suffix=".yaml",
    ids=("talos",),
)
