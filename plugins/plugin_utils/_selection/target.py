# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target: the selection after a planned change of the mesh, such as an upgrade of Istio. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

OPTION = "target"


def parse_target(selection_options: Mapping[str, Any], changes: Any) -> Selection | None:
    """Return the selection with the changed options; None if nothing changes.

    :param selection_options: the options of the current selection.
    :param changes: the value of the option: a mapping of the options that change.

    Raises InvalidInputError if the changes are not a mapping, if an option or value is unknown, or if the changed
    options contradict each other or those that stay.
    """
    if changes is None or changes == "":
        return None
    if not isinstance(changes, Mapping):
        raise InvalidInputError(
            f"{OPTION}: {changes!r} is not a mapping; give the options that change, as in {{'istio_version': '1.32'}}, "
            "and on the command line the whole variable as JSON"
        )
    try:
        target = Selection.from_options({**selection_options, **changes})
    except InvalidInputError as error:
        raise InvalidInputError(f"{OPTION}: {error}") from error
    return None if target == Selection.from_options(selection_options) else target
