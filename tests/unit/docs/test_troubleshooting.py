# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about error messages: each message is found by its words, and leads to a command and a remedy."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.code_blocks import ROOT, list_commands, parse_rst
from docutils import nodes

PAGE = (ROOT / "docs" / "docsite" / "rst" / "guide_troubleshooting.rst").read_text(encoding="utf-8")
# The sections whose titles are messages, and not the names of groups of them.
MESSAGES = [
    section
    for section in parse_rst(PAGE).findall(nodes.section)
    if any(section.next_node(nodes.title).findall(nodes.literal))
]


@pytest.mark.parametrize("section", MESSAGES, ids=lambda section: section["names"][0])
def test_a_message_has_a_meaning_one_command_and_a_remedy(section):
    leads = [strong.astext() for strong in section.findall(nodes.strong)]
    assert leads == ["Meaning.", "Remedy."]
    (block,) = section.findall(nodes.literal_block)
    (command,) = list_commands(block.astext())
    assert " nodeprep.istio." in command


@pytest.mark.parametrize(
    "words",
    [
        "unable to initialize table 'nat'",
        "can't initialize iptables table `nat'",
        "Table does not exist (do you need to insmod?)",
        "No chain/target/match by that name",
        "xtables lock",
        "RULE_APPEND failed",
        "Extension REDIRECT revision 0 not supported",
        "Could not fetch rule set generation id",
        "Protocol not supported",
        "Operation not supported",
        "modprobe: FATAL: Module",
        "Operation not permitted",
        "Key was rejected by service",
        "avc: denied { module_request }",
    ],
)
def test_a_message_that_users_search_for_is_a_title(words):
    assert any(words in section.next_node(nodes.title).astext() for section in MESSAGES)
