# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The domain to start programs in: only what the node's own policy knows."""

import errno

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import selinux_domain


class Policy(Files):
    """Files of a node whose policy knows some contexts, and no others."""

    def __init__(self, root, known):
        super(Policy, self).__init__(str(root))
        self.known = known

    def transact(self, path, request):
        assert path == "/sys/fs/selinux/context"
        if request.decode("ascii") not in self.known:
            raise OSError(errno.EINVAL, "Invalid argument")
        return request


WITH_LEVELS = ("system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0")
WITHOUT = ("system_u:system_r:container_t", "system_u:object_r:container_file_t")


@pytest.mark.parametrize("mls, known", [("1", WITH_LEVELS), ("0", WITHOUT)])
def test_contexts_have_levels_where_the_policy_has(node, mls, known):
    node.write("/sys/fs/selinux/mls", mls)
    assert selinux_domain.find(Policy(node.root, known), "container_t") == known


@pytest.mark.parametrize(
    "name, known, message",
    [
        ("container_t; id", WITH_LEVELS, "'container_t; id' is no SELinux type"),
        ("container_t\n", WITH_LEVELS, "is no SELinux type"),
        ("", WITH_LEVELS, "'' is no SELinux type"),
        ("no_such_t", WITH_LEVELS, "policy has no type 'no_such_t'"),
        ("container_t", WITH_LEVELS[:1], "no files of containers"),
    ],
)
def test_what_the_policy_does_not_know_is_told(node, name, known, message):
    node.write("/sys/fs/selinux/mls", "1")
    with pytest.raises(selinux_domain.NoSuchDomain, match=message):
        selinux_domain.find(Policy(node.root, known), name)


def test_without_selinux_there_are_no_domains(node):
    with pytest.raises(selinux_domain.NoSuchDomain, match="SELinux is disabled"):
        selinux_domain.find(Policy(node.root, WITH_LEVELS), "container_t")
