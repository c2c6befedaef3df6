# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target: the selection after a planned change."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.target import parse_target

CURRENT = {"mode": "sidecar", "istio_version": "1.28", "ip_family": "dual"}


def test_the_target_has_the_changed_options_and_keeps_the_others():
    target = parse_target(CURRENT, {"mode": "ambient", "backend": "nftables"})
    assert target == Selection.from_options({**CURRENT, "mode": "ambient", "backend": "nftables"})


@pytest.mark.parametrize("changes", [None, "", {}, {"mode": "sidecar"}, {"mode": ["sidecar"], "istio_version": "1.28"}])
def test_without_a_change_there_is_no_target(changes):
    assert parse_target(CURRENT, changes) is None


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            "1.32",
            "target: '1.32' is not a mapping; give the options that change, as in {'istio_version': '1.32'}, "
            "and on the command line the whole variable as JSON",
        ),
        (["ambient"], "target: ['ambient'] is not a mapping; "),
        ({"mdoe": "ambient"}, "target: unknown option 'mdoe'; valid options: backend, mode, "),
        ({"mode": "ambent"}, "target: mode: unknown value 'ambent'; valid values: sidecar, ambient"),
        ({"istio_version": 1.3}, "target: istio_version: 1.3 is not a string; "),
        ({"backend": "nftables", "istio_version": "1.26"}, "target: backend: Istio 1.26 has no nftables rules"),
    ],
)
def test_a_wrong_target_gets_an_error_that_names_it(changes, message):
    with pytest.raises(InvalidInputError) as error:
        parse_target(CURRENT, changes)
    assert str(error.value).startswith(message)
