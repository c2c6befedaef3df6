# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Make an ipset over netlink, as Istio does (cni/pkg/ipset): no ipset program is needed, and none of its doings is seen."""

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
CMD_CREATE, CMD_ADD, CMD_TYPE = 2, 9, 13
ATTR_PROTOCOL, ATTR_SETNAME, ATTR_TYPENAME, ATTR_REVISION, ATTR_FAMILY, ATTR_DATA = 1, 2, 3, 4, 5, 7
ATTR_IP, ATTR_CADT_FLAGS, ATTR_COMMENT = 1, 8, 26
FLAG_WITH_COMMENT = 1 << 4

# Errors of ipset itself, beyond those of errno: linux/netfilter/ipset/ip_set.h, enum ipset_errno.
ERRORS = {
    4097: "protocol error",
    4098: "this set type, or this revision of it, is not there",
    4099: "a set with entries that have no comment",
    4109: "comments are not supported",
}

# What the kernel loads for it.
MODULES = ("ip_set", "ip_set_hash_ip")

HEADER = struct.Struct("=IHHII")


def create(name, family, entry, comment="probe"):
    """Make a set of type hash:ip with comments and put one address into it, in this network namespace.

    :param family: "ipv4" or "ipv6".
    :returns: None, or the text of the error.
    """
    address_family = socket.AF_INET if family == "ipv4" else socket.AF_INET6
    try:
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    except OSError as exc:
        return "ipset: no netfilter netlink socket: {0}".format(exc.strerror)
    try:
        kernel.settimeout(20)
        kernel.bind((0, 0))
        typename = _text(ATTR_TYPENAME, "hash:ip")
        family_attribute = _attribute(ATTR_FAMILY, struct.pack("B", address_family))
        revision = _revision(_ask(kernel, CMD_TYPE, address_family, typename + family_attribute))
        flags = _attribute(ATTR_CADT_FLAGS | NLA_F_NET_BYTEORDER, struct.pack("!I", FLAG_WITH_COMMENT))
        revision_attribute = _attribute(ATTR_REVISION, struct.pack("B", revision))
        _ask(
            kernel,
            CMD_CREATE,
            address_family,
            _text(ATTR_SETNAME, name) + typename + revision_attribute + family_attribute + _nested(ATTR_DATA, flags),
        )
        address = _attribute(
            (1 if family == "ipv4" else 2) | NLA_F_NET_BYTEORDER, socket.inet_pton(address_family, entry)
        )
        data = _nested(ATTR_DATA, _nested(ATTR_IP, address) + _text(ATTR_COMMENT, comment))
        _ask(kernel, CMD_ADD, address_family, _text(ATTR_SETNAME, name) + data)
    except OSError as exc:
        return "ipset: {0}".format(exc.strerror or exc)
    finally:
        kernel.close()
    return None


def _ask(kernel, command, address_family, attributes):
    """Send one request, return the attributes of the answer. Raises OSError."""
    payload = (
        struct.pack("!BBH", address_family, 0, 0)
        + _attribute(ATTR_PROTOCOL, struct.pack("B", PROTOCOL_VERSION))
        + attributes
    )
    kernel.send(HEADER.pack(HEADER.size + len(payload), SUBSYS_IPSET << 8 | command, NLM_F_REQUEST_ACK, 1, 0) + payload)
    answer = b""
    while True:
        message = kernel.recv(65536)
        while message:
            length, kind = HEADER.unpack_from(message)[:2]
            body = message[HEADER.size : length]
            if kind == NLMSG_ERROR:
                number = -struct.unpack_from("=i", body)[0]
                if number:
                    raise OSError(
                        number,
                        ERRORS.get(number) or (os.strerror(number) if number < 4096 else "error {0}".format(number)),
                    )
                return answer
            answer = body[4:]
            message = message[(length + 3) & ~3 :]


def _revision(attributes):
    """Return the newest revision of the set type out of the answer to CMD_TYPE."""
    while len(attributes) >= 4:
        length, kind = struct.unpack_from("=HH", attributes)
        if kind & 0x3FFF == ATTR_REVISION:
            return attributes[4]
        attributes = attributes[(length + 3) & ~3 :]
    raise OSError(0, "the kernel tells no revision of hash:ip")


def _attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def _text(kind, text):
    return _attribute(kind, text.encode("utf-8") + b"\0")


def _nested(kind, payload):
    return _attribute(kind | NLA_F_NESTED, payload)
