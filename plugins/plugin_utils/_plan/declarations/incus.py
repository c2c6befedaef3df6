# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profile of Incus and LXD, for nodes that are containers of a host. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    DeclarationFormat,
)

# Instance option linux.kernel_modules, containers only: names with commas between them, which the host loads before
# it starts the instance.
TEMPLATE = """description: Load the kernel modules for Istio on the host
config:
  linux.kernel_modules: {names}
devices: {{}}
"""


def render(names: Sequence[str]) -> str:
    """Return the profile."""
    return TEMPLATE.format(names=",".join(names))


FORMAT = DeclarationFormat(
    key="incus",
    title="Incus profile",
    render=render,
    # LXD has the same commands, as lxc.
    load=("incus profile create istio-modules < {file} && incus profile add NODE istio-modules && incus restart NODE"),
    suffix=".yaml",
)
