# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create an ipset over netlink, as Istio does (cni/pkg/ipset): without the ipset program."""

import os
import socket
import struct

# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/ipset/ip_set.h
NETLINK_NETFILTER = 12
NLM_F_REQUEST_ACK = 0x1 | 0x4
NLMSG_ERROR = 2
NLA_F_NESTED = 0x8000
NLA_F_NET_BYTEORDER = 0x4000
SUBSYS_IPSET = 6
PROTOCOL_VERSION = 6
CMD_CREATE, CMD_ADD = 2, 9
ATTR_PROTOCOL, ATTR_SETNAME, ATTR_TYPENAME, ATTR_REVISION, ATTR_FAMILY, ATTR_DATA = 1, 2, 3, 4, 5, 7
ATTR_IP, ATTR_CADT_FLAGS, ATTR_COMMENT = 1, 8, 26
ATTR_IPADDR_IPV4, ATTR_IPADDR_IPV6 = 1, 2
FLAG_WITH_COMMENT = 1 << 4

SET_TYPE = "hash:ip"
# The first revision with comments (net/netfilter/ipset/ip_set_hash_ip.c). Istio requests it since 1.25, and revision 0
# before; every kernel with revision 2 also has revision 0.
REVISION = 2
COMMENT = "probe"

# Errors of ipset itself, which are beyond those of errno: linux/netfilter/ipset/ip_set.h, enum ipset_errno.
MAX_ERRNO = 4095
ERRORS = {
    4097: "protocol error",
    4098: "the kernel does not have this set type, or this revision of it",
    4099: "the set exists with entries that have no comment",
    4109: "the kernel does not support comments",
}

# What the kernel loads to create the set.
MODULES = ("ip_set", "ip_set_hash_ip")

ANSWER_TIMEOUT = 20
MAX_MESSAGE_BYTES = 65536
# struct nlmsghdr, struct nlattr
HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")


class IpsetError(Exception):
    """The ipset could not be created."""


def create_ipset(name: str, family: str, address: str) -> None:
    """Create a set of type hash:ip with comments and add one address, in this network namespace.

    :param family: "ipv4" or "ipv6".

    Raises IpsetError.
    """
    try:
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    except OSError as exc:
        raise IpsetError(f"ipset: cannot open a netfilter netlink socket: {exc.strerror}")
    try:
        kernel.settimeout(ANSWER_TIMEOUT)
        kernel.bind((0, 0))
        _create(kernel, name, family)
        _add(kernel, name, family, address)
    except OSError as exc:
        raise IpsetError(f"ipset: {exc.strerror or exc}")
    finally:
        kernel.close()


def _create(kernel: socket.socket, name: str, family: str) -> None:
    address_family = _address_family(family)
    flags = _attribute(ATTR_CADT_FLAGS | NLA_F_NET_BYTEORDER, struct.pack("!I", FLAG_WITH_COMMENT))
    attributes = [
        _text(ATTR_SETNAME, name),
        _text(ATTR_TYPENAME, SET_TYPE),
        _attribute(ATTR_REVISION, struct.pack("B", REVISION)),
        _attribute(ATTR_FAMILY, struct.pack("B", address_family)),
        _nested(ATTR_DATA, flags),
    ]
    _request(kernel, CMD_CREATE, address_family, b"".join(attributes))


def _add(kernel: socket.socket, name: str, family: str, address: str) -> None:
    address_family = _address_family(family)
    kind = ATTR_IPADDR_IPV4 if family == "ipv4" else ATTR_IPADDR_IPV6
    packed = _attribute(kind | NLA_F_NET_BYTEORDER, socket.inet_pton(address_family, address))
    data = _nested(ATTR_DATA, _nested(ATTR_IP, packed) + _text(ATTR_COMMENT, COMMENT))
    _request(kernel, CMD_ADD, address_family, _text(ATTR_SETNAME, name) + data)


def _address_family(family: str) -> int:
    return socket.AF_INET if family == "ipv4" else socket.AF_INET6


def _request(kernel: socket.socket, command: int, address_family: int, attributes: bytes) -> None:
    """Send one request, and wait for its acknowledgement. Raises OSError."""
    protocol = _attribute(ATTR_PROTOCOL, struct.pack("B", PROTOCOL_VERSION))
    payload = struct.pack("!BBH", address_family, 0, 0) + protocol + attributes
    kernel.send(HEADER.pack(HEADER.size + len(payload), SUBSYS_IPSET << 8 | command, NLM_F_REQUEST_ACK, 1, 0) + payload)
    while True:
        message = kernel.recv(MAX_MESSAGE_BYTES)
        while message:
            length, kind = HEADER.unpack_from(message)[:2]
            if kind == NLMSG_ERROR:
                _raise_error(-struct.unpack_from("=i", message, HEADER.size)[0])
                return
            message = message[_aligned(length) :]


def _raise_error(number: int) -> None:
    """Raise OSError, unless the number is 0: then the message is only the acknowledgement."""
    if number == 0:
        return
    if number in ERRORS:
        raise OSError(number, ERRORS[number])
    if number <= MAX_ERRNO:
        raise OSError(number, os.strerror(number))
    raise OSError(number, f"error {number}")


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _attribute(kind: int, payload: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode("utf-8") + b"\0")


def _nested(kind: int, payload: bytes) -> bytes:
    return _attribute(kind | NLA_F_NESTED, payload)
