# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make declarations in a chosen format: of a node's facts, or of a selection alone. Pure."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import list_image_modules
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import (
    Declaration,
    make_declaration,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import get_format
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import plan_modules
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def declare_for_node(facts: Facts, selection: Selection, key: str) -> Declaration:
    """Return the declaration of all modules that a node has to load at boot, whatever lists them now.

    Raises InvalidInputError if the format is unknown, or if the facts do not include all names of the boot file.
    """
    entry = get_format(key)
    unlisted = replace(facts, boot_files={}, managed=replace(facts.managed, boot_file=()))
    plan = plan_modules(unlisted, assess(unlisted, selection), Consent())
    declaration = make_declaration(facts, plan.persist, plan.modules, entry)
    if declaration is None:
        raise InvalidInputError(
            f"format: {entry.key} replaces the whole boot file, but the facts do not include all of its names; "
            "choose a format that adds modules, such as talos or nixos"
        )
    return declaration


def declare_for_selection(selection: Selection, key: str) -> Declaration:
    """Return the declaration for an image that does not exist yet. Raises InvalidInputError if the format is unknown.

    The modules are those that the selection requires on a current kernel.
    """
    return Declaration(get_format(key).key, tuple(list_image_modules(selection)), exact=False)
