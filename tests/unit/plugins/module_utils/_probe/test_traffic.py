# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof must not believe in rules that are not there: the same traffic, over a loopback interface without any."""

import os
import socket

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import traffic
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_constructs import proof

WORDS = {"target": "127.0.0.1", "prober": "127.0.0.9"}


@pytest.fixture(autouse=True)
def anybody(monkeypatch):
    monkeypatch.setattr(os, "seteuid", lambda _uid: None)
    monkeypatch.setattr(os, "setegid", lambda _gid: None)
    monkeypatch.setattr(traffic, "PATIENCE", 0.2)


@pytest.fixture
def port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_connection_that_goes_nowhere_is_unproved(port):
    with pytest.raises(
        traffic.Unproved, match="the connection to 127.0.0.1 port {} was dropped: Connection refused".format(port)
    ):
        traffic.prove(proof("redirect", port=port, listen=0), "ipv4", WORDS)


def test_a_source_that_is_not_rewritten_is_unproved(port):
    with pytest.raises(traffic.Unproved, match="the source address is 127.0.0.1, not 127.0.0.9"):
        traffic.prove(proof("source", port=port, listen=port), "ipv4", WORDS)
    assert traffic.prove(proof("source", port=port, listen=port), "ipv4", dict(WORDS, prober="127.0.0.1"))


def test_a_connection_that_was_not_redirected_has_no_original_destination(port):
    with pytest.raises((traffic.Unproved, OSError)):
        traffic.prove(proof("redirect", port=port, listen=port), "ipv4", WORDS)


def test_a_query_without_an_answer_is_unproved(port):
    with pytest.raises(traffic.Unproved, match="the query did not reach port"):
        traffic.prove(proof("datagram", port=port, listen=0), "ipv4", WORDS)
    assert traffic.prove(
        proof("datagram", port=port, listen=port), "ipv4", WORDS
    ) == "answered from 127.0.0.1 port {}".format(port)
