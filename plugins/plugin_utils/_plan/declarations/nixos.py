# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of NixOS. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    DeclarationFormat,
)


def render(names: Sequence[str]) -> str:
    """Return a module of the configuration, for imports.

    NixOS/nixpkgs, nixos/modules/system/boot/kernel.nix: boot.kernelModules is a list of strings, or what such a list
    is coerced to; lists of several modules are merged.
    """
    lines = "".join(f'    "{name}"\n' for name in names)
    return f"{{\n  boot.kernelModules = [\n{lines}  ];\n}}\n"


FORMAT = DeclarationFormat(
    key="nixos",
    title="NixOS",
    render=render,
    # It also loads the modules: the list is in restartTriggers of systemd-modules-load in kernel.nix.
    load="nixos-rebuild switch",
    suffix=".nix",
    ids=("nixos",),
)
