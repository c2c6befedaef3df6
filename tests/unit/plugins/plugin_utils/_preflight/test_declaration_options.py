# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of playbook declare_istio_nodes."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.declaration_options import (
    find_declaration_errors,
)


def find_errors(**options):
    return list(find_declaration_errors(options))


def test_valid_options_have_no_errors(tmp_path):
    assert find_errors() == []
    assert find_errors(formats=["talos", "cloud_init"], dir=str(tmp_path / "new"), **{"from": "selection"}) == []
    assert find_errors(formats="talos,cloud_init", sources=str(tmp_path)) == []
    assert find_errors(sources=[str(tmp_path)], **{"from": "sources"}) == []
    assert find_errors(formats=[], sources=None, dir="", **{"from": "nodes"}) == []


@pytest.mark.parametrize(
    "options, option, message",
    [
        ({"formats": {"talos": 1}}, "formats", "invalid value \"{'talos': 1}\"; give a list"),
        ({"formats": "talos,tallos"}, "formats", "unknown value 'tallos'; valid values: bottlerocket, "),
        ({"formats": ["tallos"]}, "formats", "unknown value 'tallos'; valid values: bottlerocket, "),
        ({"formats": [["talos"]]}, "formats", "unknown value \"['talos']\"; valid values: "),
        ({"sources": ["/no/such"]}, "sources", "/no/such: no such file or directory; "),
        ({"dir": "/dev/null/x"}, "dir", "/dev/null is not a directory; "),
        ({"from": "node"}, "from", "unknown value 'node'; valid values: nodes, sources, selection"),
        ({"from": "sources"}, "from", "sources needs istio_declaration_sources; set it, for example to "),
        ({"from": "selection"}, "from", "selection needs istio_declaration_formats; set it, for example to [talos]"),
    ],
)
def test_a_mistake_is_reported_with_its_option(options, option, message):
    ((found, error),) = find_errors(**options)
    assert found == option
    assert error.startswith(message)
