# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ignition's own configuration. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    POD_COMMAND,
    DeclarationFormat,
    list_lines,
)

# coreos/ignition, docs/configuration-v3_2.md and config/v3_2/types/schema.go, Node, FileEmbedded1 and Resource:
# ignition.version, storage.files with path, mode (a decimal number), overwrite and contents.source, a URL of the scheme
# data (RFC 2397). docs/specs.md: Ignition 2.7.0 and newer accept 3.2.0.
VERSION = "3.2.0"
MODE = 0o644


def render(names: Sequence[str]) -> str:
    """Return the configuration. JSON has no comments."""
    file = {
        "path": BOOT_FILE,
        "mode": MODE,
        "overwrite": True,
        "contents": {"source": f"data:,{quote(list_lines(names))}"},
    }
    return json.dumps({"ignition": {"version": VERSION}, "storage": {"files": [file]}}, indent=2) + "\n"


FORMAT = DeclarationFormat(
    key="ignition",
    title="Ignition",
    render=render,
    load=POD_COMMAND,
    suffix=".ign",
    is_file=True,
    comment="",
)
