# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Butane, from which Ignition's configuration is made. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    POD_COMMAND,
    DeclarationFormat,
    list_lines,
)

# coreos/butane, docs/config-fcos-v1_4.md and docs/config-flatcar-v1_0.md: storage.files with path, mode, overwrite and
# contents.inline. docs/specs.md: both versions become Ignition 3.3.0. docs/examples.md has modes in octal.
TEMPLATE = """variant: {variant}
version: {version}
storage:
  files:
    - path: {path}
      mode: 0644
      overwrite: true
      contents:
        inline: |
{lines}"""
INDENT = 10


def make_renderer(variant: str, version: str) -> Callable[[Sequence[str]], str]:
    """Return the function that returns the text of a variant."""

    def render(names: Sequence[str]) -> str:
        return TEMPLATE.format(variant=variant, version=version, path=BOOT_FILE, lines=list_lines(names, INDENT))

    return render


FCOS_FORMAT = DeclarationFormat(
    key="butane",
    title="Butane",
    render=make_renderer("fcos", "1.4.0"),
    load=POD_COMMAND,
    suffix=".bu",
    names=("Fedora CoreOS",),
    is_file=True,
)
FLATCAR_FORMAT = DeclarationFormat(
    key="butane_flatcar",
    title="Butane",
    render=make_renderer("flatcar", "1.0.0"),
    load=POD_COMMAND,
    suffix=".bu",
    ids=("flatcar",),
    is_file=True,
)
