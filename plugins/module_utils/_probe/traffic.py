# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real traffic through the rules of a scratch network namespace: client and listener are sockets of this process."""

import contextlib
import fcntl
import os
import socket
import struct
import time
from typing import Callable, Dict, Iterator, List

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import (
    DATAGRAM,
    REDIRECT,
    SOURCE,
    TRANSPARENT,
    TrafficTest,
)

# linux/sockios.h, linux/if.h, linux/in.h, linux/in6.h, linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h
SIOCGIFINDEX, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR = 0x8933, 0x8913, 0x8914, 0x8916
IFF_UP = 0x1
IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
SO_ORIGINAL_DST = 80
SOL_IPV6 = 41

TOKEN = b"nodeprep.istio probe"
# Seconds. Everything happens inside the kernel: what has not arrived by then was dropped.
ARRIVAL_TIMEOUT = 2.0

ADDRESS_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
ANY = {"ipv4": "0.0.0.0", "ipv6": "::"}
LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}


class TrafficError(Exception):
    """The traffic did not go where the rules send it."""


def configure_loopback(addresses: List[str], family: str) -> None:
    """Bring the loopback interface up, and add the addresses to it. Raises OSError."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as control:
        flags = struct.unpack_from("16sH", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0)))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
        if family == "ipv4":
            for number, address in enumerate(addresses, 1):
                label = f"lo:{number}".encode("ascii")
                packed = socket.inet_aton(address)
                fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16sHH4s8x", label, socket.AF_INET, 0, packed))
            return
        index = struct.unpack_from("16si", fcntl.ioctl(control, SIOCGIFINDEX, struct.pack("16si12x", b"lo", 0)))[1]
    with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as control:
        for address in addresses:
            packed = socket.inet_pton(socket.AF_INET6, address)
            fcntl.ioctl(control, SIOCSIFADDR, struct.pack("=16sIi", packed, 128, index))
            _wait_until_usable(address)


def _wait_until_usable(address: str) -> None:
    """Wait until an IPv6 address can be used. It is tentative at first, even on loopback, and packets would be lost."""
    deadline = time.time() + ARRIVAL_TIMEOUT
    while True:
        with contextlib.closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as trial:
            try:
                trial.bind((address, 0))
                return
            except OSError:
                if time.time() > deadline:
                    raise
        time.sleep(0.001)


def send_traffic(test: TrafficTest, family: str, params: Dict[str, str]) -> str:
    """Send the traffic of one test, and return a text that describes what arrived.

    :param params: the parameters of the IP family, see C(FAMILY_PARAMS).

    Raises TrafficError or OSError.
    """
    return _CHECKS[test.kind](test, family, params)


def _check_redirect(test: TrafficTest, family: str, params: Dict[str, str]) -> str:
    """Check that a TCP connection to another address arrives at the listener with its original destination."""
    with _listener(test, family) as listener, _connection(test, family, params, listener) as connection:
        destination = _original_destination(connection, family)
        return _expect("SO_ORIGINAL_DST", destination, (params[test.to], test.port))


def _original_destination(connection: socket.socket, family: str) -> object:
    if family == "ipv4":
        answer = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        _kind, port, packed = struct.unpack_from("!HH4s", answer)
    else:
        answer = connection.getsockopt(SOL_IPV6, SO_ORIGINAL_DST, 28)
        _kind, port, _flow, packed = struct.unpack_from("!HHI16s", answer)
    return socket.inet_ntop(ADDRESS_FAMILIES[family], packed), port


def _check_transparent(test: TrafficTest, family: str, params: Dict[str, str]) -> str:
    """Check that a TCP connection to another address arrives at the listener under that address."""
    with _listener(test, family, transparent=True) as listener:
        with _connection(test, family, params, listener) as connection:
            own_address = connection.getsockname()[:2]
            return _expect("the listener's own address", own_address, (params[test.to], test.port))


def _check_source(test: TrafficTest, family: str, params: Dict[str, str]) -> str:
    """Check that a TCP connection arrives with the source address that the rules set."""
    with _listener(test, family) as listener, _connection(test, family, params, listener) as connection:
        return _expect("the source address", connection.getpeername()[0], params["prober"])


def _check_datagram(test: TrafficTest, family: str, params: Dict[str, str]) -> str:
    """Check that a UDP query to another address is answered by the listener, from that address."""
    destination = params[test.to]
    with _socket(family, socket.SOCK_DGRAM, test.server_uid) as server:
        with _socket(family, socket.SOCK_DGRAM, test.uid, test.gid) as client:
            # REDIRECT sends to the loopback address. conntrack knows the answer only if it comes from there.
            server.bind((LOOPBACK[family], test.listen))
            # A connected socket accepts an answer only from its peer.
            client.connect((destination, test.port))
            client.send(TOKEN)
            with _no_timeout(f"the query did not reach port {test.listen}"):
                query, sender = server.recvfrom(len(TOKEN))
            server.sendto(query, sender)
            with _no_timeout(f"no answer came back from {destination}"):
                answer = client.recv(len(TOKEN))
    _expect("the answer", answer, TOKEN)
    return f"answered from {destination} port {test.port}"


_CHECKS: Dict[str, Callable[[TrafficTest, str, Dict[str, str]], str]] = {
    REDIRECT: _check_redirect,
    TRANSPARENT: _check_transparent,
    DATAGRAM: _check_datagram,
    SOURCE: _check_source,
}


@contextlib.contextmanager
def _listener(test: TrafficTest, family: str, transparent: bool = False) -> Iterator[socket.socket]:
    with _socket(family, socket.SOCK_STREAM, test.server_uid) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if transparent:
            level, option = (socket.SOL_IP, IP_TRANSPARENT) if family == "ipv4" else (SOL_IPV6, IPV6_TRANSPARENT)
            listener.setsockopt(level, option, 1)
        listener.bind((ANY[family], test.listen))
        listener.listen(1)
        yield listener


@contextlib.contextmanager
def _connection(
    test: TrafficTest, family: str, params: Dict[str, str], listener: socket.socket
) -> Iterator[socket.socket]:
    """Connect, send the token to the listener and back, and provide the listener's end of the connection."""
    destination = params[test.to]
    peer = f"{destination} port {test.port}"
    with _socket(family, socket.SOCK_STREAM, test.uid, test.gid) as client:
        with _no_timeout(f"the connection to {peer} was dropped"):
            client.connect((destination, test.port))
        with _no_timeout(f"the connection to {peer} did not arrive at port {test.listen}"):
            connection = listener.accept()[0]
        with contextlib.closing(connection):
            connection.settimeout(ARRIVAL_TIMEOUT)
            client.send(TOKEN)
            with _no_timeout(f"nothing arrived at port {test.listen}"):
                received = connection.recv(len(TOKEN))
            connection.send(received)
            with _no_timeout(f"nothing came back from port {test.listen}"):
                answer = client.recv(len(TOKEN))
            _expect("the answer", answer, TOKEN)
            yield connection


@contextlib.contextmanager
def _socket(family: str, kind: socket.SocketKind, uid: int, gid: int = 0) -> Iterator[socket.socket]:
    """Provide a socket of a user and a group. The owner match uses the credentials that created the socket."""
    os.setegid(gid)
    os.seteuid(uid)
    try:
        created = socket.socket(ADDRESS_FAMILIES[family], kind)
    finally:
        os.seteuid(0)
        os.setegid(0)
    with contextlib.closing(created):
        created.settimeout(ARRIVAL_TIMEOUT)
        yield created


@contextlib.contextmanager
def _no_timeout(failure: str) -> Iterator[None]:
    """Turn a timeout or another error of a socket into a TrafficError with this text."""
    try:
        yield
    except socket.timeout:
        raise TrafficError(failure)
    except OSError as exc:
        raise TrafficError(f"{failure}: {exc.strerror or exc}")


def _expect(what: str, found: object, wanted: object) -> str:
    """Return a text that describes what was found. Raises TrafficError if it is not what was wanted."""
    if found != wanted:
        raise TrafficError(f"{what} is {found}, not {wanted}")
    return f"{what} is {found}"
