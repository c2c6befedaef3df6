# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that makes a declaration of facts or of a selection."""

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter import declaration as plugin
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import FORMATS_BY_KEY
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, recorded

NFTABLES = {"backend": "nftables", "profile": "effective"}


def test_without_facts_the_declaration_is_made_of_the_selection():
    made = plugin.declaration("talos", **NFTABLES)
    assert (made["kind"], made["exact"], made["modules"]) == (
        "Talos",
        False,
        ["nf_tables", "nft_redir", "nft_chain_nat"],
    )
    assert "- name: nft_redir\n" in made["text"]


def test_with_facts_it_is_made_of_the_node():
    made = plugin.declaration("talos", facts=recorded(facts(nft_redir={"state": "builtin"})), **NFTABLES)
    assert (made["exact"], made["modules"]) == (True, ["nf_tables", "nft_chain_nat", "nft_counter"])


@pytest.mark.parametrize(
    "key, options, message",
    [
        ("docker", {}, "declaration: format: unknown value 'docker'; valid values: "),
        (
            {"schema": 3},
            {},
            "declaration: the input is not text; give the format as the input, and the facts as facts=",
        ),
        ("talos", {"backend": "ebpf"}, "declaration: backend: unknown value 'ebpf'"),
        ("talos", {"bakend": "nftables"}, "declaration: unknown option 'bakend'"),
        ("talos", {"facts": {}}, "declaration: the facts: schema is None"),
    ],
)
def test_a_wrong_input_is_an_error(key, options, message):
    with pytest.raises(AnsibleFilterError, match=message):
        plugin.declaration(key, **options)


def test_the_documentation_lists_the_formats():
    documented = yaml.safe_load(plugin.DOCUMENTATION)["options"]["_input"]["choices"]
    assert documented == sorted(FORMATS_BY_KEY)
