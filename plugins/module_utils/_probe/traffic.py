# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Real traffic through the rules of a scratch network namespace: client and listener are sockets of this process."""

import contextlib
import fcntl
import os
import socket
import struct
import time

# linux/sockios.h, linux/if.h, linux/in.h, linux/in6.h, linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h
SIOCGIFINDEX, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR = 0x8933, 0x8913, 0x8914, 0x8916
IFF_UP = 0x1
IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
SO_ORIGINAL_DST = 80
SOL_IPV6 = 41

TOKEN = b"nodeprep.istio probe"
# Everything happens inside the kernel: what has not arrived by then has been dropped.
PATIENCE = 2.0

ADDRESS_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
ANY = {"ipv4": "0.0.0.0", "ipv6": "::"}
LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}


class Unproved(Exception):
    """The traffic did not go where the rules send it."""


def set_up(addresses, family):
    """Bring the loopback interface up and give it the addresses. Raises OSError."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as control:
        flags = struct.unpack_from("16sH", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0)))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
        if family == "ipv4":
            for number, address in enumerate(addresses):
                request = struct.pack(
                    "16sHH4s8x",
                    "lo:{0}".format(number + 1).encode("ascii"),
                    socket.AF_INET,
                    0,
                    socket.inet_aton(address),
                )
                fcntl.ioctl(control, SIOCSIFADDR, request)
            return
        index = struct.unpack_from("16si", fcntl.ioctl(control, SIOCGIFINDEX, struct.pack("16si12x", b"lo", 0)))[1]
    with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as control:
        for address in addresses:
            fcntl.ioctl(
                control, SIOCSIFADDR, struct.pack("=16sIi", socket.inet_pton(socket.AF_INET6, address), 128, index)
            )
            _wait_until_usable(address)


def _wait_until_usable(address):
    """An IPv6 address is tentative for a moment, on the loopback interface too, and a packet to it would be lost."""
    deadline = time.time() + PATIENCE
    while True:
        with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as trial:
            try:
                return trial.bind((address, 0))
            except OSError:
                if time.time() > deadline:
                    raise
        time.sleep(0.001)


def prove(proof, family, words):
    """Send the traffic of one proof. Returns what was seen; raises Unproved or OSError.

    :param proof: a :class:`_rule_constructs.Proof`.
    :param words: the words of the IP family, with the addresses.
    """
    return KINDS[proof.kind](proof, family, words)


def _redirect(proof, family, words):
    """A TCP connection to somewhere else arrives at the listener, which can ask where it was going."""
    with _listener(proof, family) as listener, _exchange(proof, family, words, listener) as (_client, connection):
        if family == "ipv4":
            _kind, port, packed = struct.unpack_from("!HH4s", connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16))
        else:
            _kind, port, _flow, packed = struct.unpack_from(
                "!HHI16s", connection.getsockopt(SOL_IPV6, SO_ORIGINAL_DST, 28)
            )
        return _expect(
            "SO_ORIGINAL_DST", (socket.inet_ntop(ADDRESS_FAMILIES[family], packed), port), (words[proof.to], proof.port)
        )


def _transparent(proof, family, words):
    """A TCP connection to somewhere else arrives at the listener under the address that it was going to."""
    with (
        _listener(proof, family, transparent=True) as listener,
        _exchange(proof, family, words, listener) as (_client, connection),
    ):
        return _expect("the listener's own address", connection.getsockname()[:2], (words[proof.to], proof.port))


def _source(proof, family, words):
    """A TCP connection arrives with the source address that the rules give it."""
    with _listener(proof, family) as listener, _exchange(proof, family, words, listener) as (_client, connection):
        return _expect("the source address", connection.getpeername()[0], words["prober"])


def _datagram(proof, family, words):
    """A UDP query to somewhere else is answered by the listener, and the answer comes from where the query went."""
    with (
        _socket(family, socket.SOCK_DGRAM, proof.server_uid) as server,
        _socket(family, socket.SOCK_DGRAM, proof.uid, proof.gid) as client,
    ):
        # REDIRECT sends to the loopback address, and the answer has to come from there for conntrack to know it.
        server.bind((LOOPBACK[family], proof.listen))
        # A connected socket takes an answer only from its peer.
        client.connect((words[proof.to], proof.port))
        client.send(TOKEN)
        query, sender = _in_time(
            lambda: server.recvfrom(len(TOKEN)), "the query did not reach port {0}".format(proof.listen)
        )
        server.sendto(query, sender)
        answer = _in_time(lambda: client.recv(len(TOKEN)), "no answer came back from {0}".format(words[proof.to]))
        return _expect("the answer", answer == TOKEN, True) and "answered from {0} port {1}".format(
            words[proof.to], proof.port
        )


KINDS = {"redirect": _redirect, "transparent": _transparent, "datagram": _datagram, "source": _source}


@contextlib.contextmanager
def _listener(proof, family, transparent=False):
    with _socket(family, socket.SOCK_STREAM, proof.server_uid) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if transparent:
            level, option = (socket.SOL_IP, IP_TRANSPARENT) if family == "ipv4" else (SOL_IPV6, IPV6_TRANSPARENT)
            listener.setsockopt(level, option, 1)
        listener.bind((ANY[family], proof.listen))
        listener.listen(1)
        yield listener


@contextlib.contextmanager
def _exchange(proof, family, words, listener):
    """Connect, carry the token there and back, give both ends."""
    with _socket(family, socket.SOCK_STREAM, proof.uid, proof.gid) as client:
        there = "{0} port {1}".format(words[proof.to], proof.port)
        _in_time(
            lambda: client.connect((words[proof.to], proof.port)), "the connection to {0} was dropped".format(there)
        )
        connection = _in_time(
            listener.accept, "the connection to {0} did not arrive at port {1}".format(there, proof.listen)
        )[0]
        with contextlib.closing(connection):
            connection.settimeout(PATIENCE)
            client.send(TOKEN)
            connection.send(
                _in_time(lambda: connection.recv(len(TOKEN)), "nothing arrived at port {0}".format(proof.listen))
            )
            answer = _in_time(lambda: client.recv(len(TOKEN)), "nothing came back from port {0}".format(proof.listen))
            _expect("the answer", answer, TOKEN)
            yield client, connection


@contextlib.contextmanager
def _socket(family, kind, uid, gid=0):
    """A socket that belongs to a user and a group, as the owner match sees it: by the credentials it was made with."""
    os.setegid(gid)
    os.seteuid(uid)
    try:
        made = socket.socket(ADDRESS_FAMILIES[family], kind)
    finally:
        os.seteuid(0)
        os.setegid(0)
    with contextlib.closing(made):
        made.settimeout(PATIENCE)
        yield made


def _in_time(act, failure):
    try:
        return act()
    except socket.timeout:
        raise Unproved(failure)
    except OSError as exc:
        raise Unproved("{0}: {1}".format(failure, exc.strerror or exc))


def _expect(what, found, wanted):
    if found != wanted:
        raise Unproved("{0} is {1}, not {2}".format(what, found, wanted))
    return "{0} is {1}".format(what, found)
