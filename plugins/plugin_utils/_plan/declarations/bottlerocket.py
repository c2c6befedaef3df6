# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Bottlerocket. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    DeclarationFormat,
)

# settings.kernel.modules.NAME: autoload writes the name to modules-load.d; it needs allowed.
TABLE = """[settings.kernel.modules.{name}]
allowed = true
autoload = true
"""


def render(names: Sequence[str]) -> str:
    """Return the settings, for the user data or for apiclient."""
    return "".join(TABLE.format(name=name) for name in names)


FORMAT = DeclarationFormat(
    key="bottlerocket",
    title="Bottlerocket",
    render=render,
    # The service kernel-modules then restarts systemd-modules-load, which loads them.
    load="apiclient apply < {file}",
    suffix=".toml",
    ids=("bottlerocket",),
)
