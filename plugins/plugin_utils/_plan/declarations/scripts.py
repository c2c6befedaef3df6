# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands for systems without a declaration of their own. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    MODPROBE_COMMAND,
    DeclarationFormat,
    list_lines,
)


def render_lbu(names: Sequence[str]) -> str:
    """Return commands for Alpine in diskless mode: lbu(8) keeps the files of /etc on the boot medium.

    alpinelinux/alpine-conf, lbu.in, cmd_commit: the medium is LBU_MEDIA or LBU_BACKUPDIR in /etc/lbu/lbu.conf, and lbu
    fails without it.
    """
    return f"cat > {BOOT_FILE} << 'END'\n{list_lines(names)}END\nlbu commit\n"


def render_startup(names: Sequence[str]) -> str:
    """Return a script that runs at each boot."""
    command = MODPROBE_COMMAND.format(names=" ".join(names))
    return f"# Run this as root at each boot of the node.\n{command}\n"


LBU_FORMAT = DeclarationFormat(
    key="lbu",
    title="lbu script",
    render=render_lbu,
    load=MODPROBE_COMMAND,
    suffix=".sh",
    ids=("alpine", "postmarketos"),
    platforms=("volatile",),
    is_file=True,
    first_line="#!/bin/sh\n",
)
STARTUP_FORMAT = DeclarationFormat(
    key="startup_script",
    title="startup script",
    render=render_startup,
    load=MODPROBE_COMMAND,
    suffix=".sh",
    platforms=("volatile", "unknown"),
    first_line="#!/bin/sh\n",
)
