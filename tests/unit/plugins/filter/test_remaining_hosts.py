# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that selects the hosts of a play by what the role has yet to do on them."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.filter.remaining_hosts import remaining_hosts


class HostVars(dict):
    """As Ansible's: raw_get returns the variables without templating them."""

    raw_get = dict.__getitem__


HOSTVARS = HostVars(
    a={"istio_node_outcome": {"remaining": "modules"}},
    b={"istio_node_outcome": {"remaining": "more"}},
    c={"istio_node_outcome": {"remaining": "more", "failure": "the disk is full"}},
    d={"istio_node_outcome": {"unreachable": True}},
    e={"istio_node_outcome": "a text"},
    f={},
    g={"istio_node_outcome": {"remaining": "more"}},
)


def test_only_hosts_with_this_work_and_without_a_failure_are_listed():
    assert remaining_hosts(HOSTVARS, "more", list(HOSTVARS)) == ["b", "g"]
    assert remaining_hosts(HOSTVARS, "modules", list(HOSTVARS)) == ["a"]


def test_hosts_of_an_earlier_playbook_are_not_listed():
    assert remaining_hosts(HOSTVARS, "more", ["a", "b"]) == ["b"]
    assert remaining_hosts(HOSTVARS, "modules", ["b"]) == ["!all"]


def test_without_such_a_host_the_pattern_matches_no_host():
    assert remaining_hosts(HostVars(f={}), "more", ["f"]) == ["!all"]
