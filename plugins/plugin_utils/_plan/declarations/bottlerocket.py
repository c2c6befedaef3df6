# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Bottlerocket. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    POD,
    DeclarationFormat,
)

# bottlerocket-os/bottlerocket, sources/models/src/lib.rs of 1.19, KernelSettings and KmodSetting; the names are
# KmodKey. bottlerocket-core-kit, packages/release/modules-load.template: a name with allowed and autoload is a line in
# modules-load.d.
TABLE = """[settings.kernel.modules.{name}]
allowed = true
autoload = true
"""


def render(names: Sequence[str]) -> str:
    """Return the settings, for the user data or for apiclient apply."""
    return "".join(TABLE.format(name=name) for name in names)


FORMAT = DeclarationFormat(
    key="bottlerocket",
    title="Bottlerocket",
    render=render,
    # bottlerocket.dev, settings.kernel and "How do I use kubectl debug node": apiclient set, and apiclient in the root
    # of the node. sources/shared-defaults/defaults.toml, services.kernel-modules, then restarts systemd-modules-load,
    # which loads the modules.
    load=f"{POD} apiclient set {{names}}",
    suffix=".toml",
    load_argument="settings.kernel.modules.{name}.allowed=true settings.kernel.modules.{name}.autoload=true",
    ids=("bottlerocket",),
)
