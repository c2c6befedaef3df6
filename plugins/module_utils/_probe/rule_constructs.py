# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""What a construct of rules and the proof of it consist of."""

from collections import namedtuple

# A construct: its name, the selection under which Istio programs it, its rules as a template over the words of an IP
# family, the traffic that proves it, whether it needs an ipset, its kernel options, and a function of tool and
# family that returns the modules that it always needs and those that it may need.
Construct = namedtuple("Construct", "name condition rules proofs ipset options needs")

# Traffic through the rules. kind: "redirect" (TCP to a listener that asks for the original destination), "transparent"
# (TCP to a listener that has the original destination for its own address), "datagram" (UDP, answered from the original
# destination) or "source" (TCP whose source is rewritten). to: the word of the family that holds the destination.
# listen: the listener's port. uid, gid: of the client; server_uid: of the listener.
Proof = namedtuple("Proof", "kind to port listen uid gid server_uid")

# Istio's proxy runs with this user and group; everybody else is an application.
PROXY = 1337
APPLICATION = 0


def proof(kind, to="target", port=80, listen=15001, uid=APPLICATION, gid=APPLICATION, server_uid=PROXY):
    return Proof(kind, to, port, listen, uid, gid, server_uid)
