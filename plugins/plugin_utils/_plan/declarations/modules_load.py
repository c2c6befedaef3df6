# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot file itself, for an image or for the host of a container. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    MODPROBE_COMMAND,
    DeclarationFormat,
    list_lines,
)


def render_file(names: Sequence[str]) -> str:
    """Return the file. modules-load.d(5) of systemd: one name in a line; lines that begin with # are comments."""
    return f"# {BOOT_FILE}\n{list_lines(names)}"


def render_host_file(names: Sequence[str]) -> str:
    """Return lines for a file of the host, which may list other modules."""
    return (
        f"# On the host of this container: load the modules, and list them in {BOOT_FILE} there.\n{list_lines(names)}"
    )


FORMAT = DeclarationFormat(
    key="modules_load",
    title="modules-load.d file",
    render=render_file,
    load=MODPROBE_COMMAND,
    suffix=".conf",
    is_file=True,
)
HOST_FORMAT = DeclarationFormat(
    key="host_file",
    title="host file",
    render=render_host_file,
    load=MODPROBE_COMMAND,
    suffix=".conf",
    platforms=("container",),
)
