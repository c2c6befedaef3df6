# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The netlink messages that create an ipset, with a kernel that answers from a script."""

import socket
import struct

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import ipset

ACK = 0


def message(kind, body):
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def answer(number):
    return message(2, struct.pack("=i", -number) + b"\0" * 16)


# A message that is no acknowledgement, as the kernel may send one first.
OTHER = message(6 << 8 | 2, b"\2\0\0\0")


class FakeSocket:
    def __init__(self, answers):
        self.answers = list(answers)
        self.sent = []

    def send(self, data):
        self.sent.append(data)

    def recv(self, _size):
        return self.answers.pop(0)

    def settimeout(self, _seconds):
        pass

    bind = settimeout

    def close(self):
        pass


@pytest.fixture
def fake_kernel(monkeypatch):
    def script(*answers):
        created = FakeSocket(answers)
        monkeypatch.setattr(socket, "socket", lambda *_arguments: created)
        return created

    return script


def test_a_set_with_comments_has_istios_revision_and_one_entry(fake_kernel):
    created = fake_kernel(OTHER + answer(ACK), answer(ACK))
    ipset.create_ipset("pods", "ipv4", "192.0.2.1")
    kinds = [struct.unpack_from("=IHH", data)[1] for data in created.sent]
    assert kinds == [6 << 8 | 2, 6 << 8 | 9]
    for data in created.sent:
        assert len(data) % 4 == 0
        assert len(data) == struct.unpack_from("=I", data)[0]
    assert struct.pack("=HHB", 5, 4, 2) in created.sent[0]
    assert struct.pack("!I", 1 << 4) in created.sent[0]
    assert socket.inet_aton("192.0.2.1") in created.sent[1]
    assert b"probe\0" in created.sent[1]


@pytest.mark.parametrize(
    "answers, text",
    [
        ([answer(22)], "ipset: Invalid argument"),
        ([answer(4098)], "ipset: the kernel does not have this set type, or this revision of it"),
        ([answer(4109)], "ipset: the kernel does not support comments"),
        ([answer(ACK), answer(4999)], "ipset: error 4999"),
    ],
)
def test_an_error_of_the_kernel_is_reported(fake_kernel, answers, text):
    fake_kernel(*answers)
    with pytest.raises(ipset.IpsetError) as raised:
        ipset.create_ipset("pods", "ipv6", "2001:db8::1")
    assert str(raised.value) == text
