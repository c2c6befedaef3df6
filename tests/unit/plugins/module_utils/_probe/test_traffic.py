# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real traffic over a loopback interface without rules: a test must not pass if nothing redirects."""

import os
import socket

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import traffic
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import (
    DATAGRAM,
    REDIRECT,
    SOURCE,
    TrafficTest,
)

PARAMS = {"target": "127.0.0.1", "prober": "127.0.0.9"}


@pytest.fixture(autouse=True)
def any_user(monkeypatch):
    monkeypatch.setattr(os, "seteuid", lambda _uid: None)
    monkeypatch.setattr(os, "setegid", lambda _gid: None)
    monkeypatch.setattr(traffic, "ARRIVAL_TIMEOUT", 0.2)


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_connection_to_a_closed_port_fails(port):
    expected = "the connection to 127.0.0.1 port {} was dropped: Connection refused".format(port)
    with pytest.raises(traffic.TrafficError, match=expected):
        traffic.send_traffic(TrafficTest(REDIRECT, port=port, listen=0), "ipv4", PARAMS)


def test_a_source_that_is_not_rewritten_fails(port):
    with pytest.raises(traffic.TrafficError, match="the source address is 127.0.0.1, not 127.0.0.9"):
        traffic.send_traffic(TrafficTest(SOURCE, port=port, listen=port), "ipv4", PARAMS)


def test_the_expected_source_passes(port):
    params = dict(PARAMS, prober="127.0.0.1")
    observed = traffic.send_traffic(TrafficTest(SOURCE, port=port, listen=port), "ipv4", params)
    assert observed == "the source address is 127.0.0.1"


def test_a_connection_that_was_not_redirected_has_no_original_destination(port):
    with pytest.raises((traffic.TrafficError, OSError)):
        traffic.send_traffic(TrafficTest(REDIRECT, port=port, listen=port), "ipv4", PARAMS)


def test_a_query_without_an_answer_fails(port):
    with pytest.raises(traffic.TrafficError, match="the query did not reach port"):
        traffic.send_traffic(TrafficTest(DATAGRAM, port=port, listen=0), "ipv4", PARAMS)


def test_an_answered_query_passes(port):
    observed = traffic.send_traffic(TrafficTest(DATAGRAM, port=port, listen=port), "ipv4", PARAMS)
    assert observed == "answered from 127.0.0.1 port {}".format(port)
