# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profile of Incus and LXD, for nodes that are containers of a host. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    DeclarationFormat,
)

# lxc/incus, internal/instance/config.go, linux.kernel_modules: an option of containers, names with commas between them.
# internal/server/instance/drivers/driver_lxc.go: startCommon loads them with "modprobe -b" before it starts the
# instance, which does not start if that fails; Update loads them at once if the instance runs. LXD has the same option
# in lxd/instance, unless linux.kernel_modules.load is "ondemand".
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
    # cmd/incus/profile.go. LXD has the same commands, as lxc. Incus before 6.0.4 and many releases of LXD do not read
    # the file for create, so edit reads it again.
    load=(
        "incus profile create istio-modules < {file} && incus profile edit istio-modules < {file} && "
        "incus profile add NODE istio-modules"
    ),
    suffix=".yaml",
)
