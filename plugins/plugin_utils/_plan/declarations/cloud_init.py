# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User data of cloud-init. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    MODPROBE,
    POD_COMMAND,
    DeclarationFormat,
    list_lines,
)

# canonical/cloud-init, cloudinit/config/schemas/schema-cloud-config-v1.json: bootcmd, and write_files with path,
# permissions and content. cc_bootcmd.py runs its commands at each boot (PER_ALWAYS); a list is a command with its
# arguments. cc_write_files.py writes files once for each instance (PER_INSTANCE), after systemd-modules-load has run:
# so bootcmd loads the modules in the first boot. Container-Optimized OS keeps /etc and /var/lib/cloud in memory
# ("Disks and file system overview"), so both run at each boot there.
TEMPLATE = """bootcmd:
  - [{command}]
write_files:
  - path: {path}
    permissions: "0644"
    content: |
{lines}"""
INDENT = 6


def render(names: Sequence[str]) -> str:
    """Return the user data without its first line."""
    return TEMPLATE.format(command=", ".join((*MODPROBE, *names)), path=BOOT_FILE, lines=list_lines(names, INDENT))


FORMAT = DeclarationFormat(
    key="cloud_init",
    title="cloud-init",
    render=render,
    load=POD_COMMAND,
    suffix=".yaml",
    ids=("cos",),
    is_file=True,
    first_line="#cloud-config\n",
)
