# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain to start programs in: only one that the node's own policy knows."""

import errno

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import selinux_domain


class FakePolicy(Files):
    """Files of a node whose policy knows some contexts, and no others."""

    def __init__(self, root, known):
        super(FakePolicy, self).__init__(str(root))
        self.known = known

    def transact(self, path, request):
        assert path == "/sys/fs/selinux/context"
        if request.decode("ascii") not in self.known:
            raise OSError(errno.EINVAL, "Invalid argument")
        return request


WITH_LEVELS = ("system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0")
WITHOUT_LEVELS = ("system_u:system_r:container_t", "system_u:object_r:container_file_t")


@pytest.mark.parametrize("mls, known", [("1", WITH_LEVELS), ("0", WITHOUT_LEVELS)])
def test_contexts_have_levels_if_the_policy_has_levels(node, mls, known):
    node.write("/sys/fs/selinux/mls", mls)
    assert selinux_domain.find_domain(FakePolicy(node.root, known), "container_t") == known


@pytest.mark.parametrize(
    "name, known, message",
    [
        ("container_t; id", WITH_LEVELS, "invalid SELinux type 'container_t; id'"),
        ("container_t\n", WITH_LEVELS, "invalid SELinux type"),
        ("", WITH_LEVELS, "invalid SELinux type ''"),
        ("no_such_t", WITH_LEVELS, "the policy has no type 'no_such_t'"),
        ("container_t", WITH_LEVELS[:1], "the policy has no type container_file_t"),
    ],
)
def test_a_type_that_the_policy_does_not_know_is_an_error(node, name, known, message):
    node.write("/sys/fs/selinux/mls", "1")
    with pytest.raises(selinux_domain.DomainError, match=message):
        selinux_domain.find_domain(FakePolicy(node.root, known), name)


def test_without_selinux_there_are_no_domains(node):
    with pytest.raises(selinux_domain.DomainError, match="SELinux is disabled"):
        selinux_domain.find_domain(FakePolicy(node.root, WITH_LEVELS), "container_t")
