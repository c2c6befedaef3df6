# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux: what the policy allows containers to do, now and after a reboot."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import selinux
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts

TIME = "2026-01-01T00:00:00Z"


class Policy:
    """A loaded SELinux policy that answers as the kernel does.

    :param domains: dict of domain to (allowed permissions, flags).
    """

    def __init__(self, files, domains):
        self.files = files
        self.domains = domains

    def __getattr__(self, name):
        return getattr(self.files, name)

    def transact(self, path, request):
        assert path == "/sys/fs/selinux/access"
        source, target, number = request.decode("ascii").split()
        domain = source.split(":")[2]
        assert (target.split(":")[2], number) == ("kernel_t", "3")
        if domain not in self.domains:
            raise OSError(22, "Invalid argument")
        return "{:x} ffffffff 0 ffffffff 1 {}".format(*self.domains[domain]).encode("ascii")


@pytest.fixture
def selinux_node(node):
    """A node with SELinux in enforcing mode."""
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")
    node.write("/sys/fs/selinux/mls", "1")
    node.write("/sys/fs/selinux/class/system/index", "3")
    node.write("/sys/fs/selinux/class/system/perms/module_request", "5")
    node.write("/sys/fs/selinux/booleans/domain_kernel_load_modules", "0 0")
    node.write("/etc/selinux/config", "# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
    return node


@pytest.mark.parametrize("number", ["0", "-1", "33", "9" * 12, "x"])
def test_a_permission_that_no_policy_has_tells_nothing(selinux_node, number):
    selinux_node.write("/sys/fs/selinux/class/system/perms/module_request", number)
    policy = Policy(selinux_node.files, {"container_t": (0, 0)})
    assert selinux.query_module_request(policy) == (None, None)


ALLOWED = 0b10000
ALL_OTHERS = 0b01111


@pytest.mark.parametrize(
    "domains, autoload, domain, codes",
    [
        ({"container_t": (ALLOWED, 0)}, "yes", "container_t", []),
        ({"container_t": (ALL_OTHERS, 0)}, "denied", "container_t", ["selinux"]),
        ({"container_t": (0, 1)}, "yes", "container_t", []),
        ({"svirt_lxc_net_t": (0, 0)}, "denied", "svirt_lxc_net_t", ["selinux"]),
        ({}, "unknown", None, ["selinux_unknown"]),
    ],
    ids=["allowed", "denied", "a permissive domain", "the domain before container-selinux 2", "no such domain"],
)
def test_the_policy_decides_about_autoload(selinux_node, domains, autoload, domain, codes):
    facts = gather_facts(Policy(selinux_node.files, domains), ["xt_owner", "nf_nat"], TIME, None)
    assert facts["modules"]["xt_owner"]["autoload"] == autoload
    assert facts["modules"]["nf_nat"]["autoload"] == "never"
    assert facts["selinux"]["domain"] == domain
    assert facts["selinux"]["policy"] == "targeted"
    assert facts["selinux"]["domain_kernel_load_modules"] is False
    assert [reason["code"] for reason in selinux_node.reasons(facts, "xt_owner")] == codes


def test_the_policy_of_a_recording_cannot_be_queried(selinux_node):
    assert selinux_node.describe("xt_owner")["autoload"] == "unknown"


def test_a_permissive_policy_denies_nothing(selinux_node):
    selinux_node.write("/sys/fs/selinux/enforce", "0")
    assert selinux_node.describe("xt_owner")["autoload"] == "yes"


@pytest.mark.parametrize("allowed, next_boot", [(ALLOWED, None), (0, {"autoload": "denied"})])
def test_selinux_that_is_enforcing_after_a_reboot_denies_then(selinux_node, allowed, next_boot):
    selinux_node.write("/sys/fs/selinux/enforce", "0")
    facts = gather_facts(Policy(selinux_node.files, {"container_t": (allowed, 0)}), ["xt_owner"], TIME, None)
    entry = facts["modules"]["xt_owner"]
    assert facts["selinux"]["mode"] == "permissive"
    assert entry["autoload"] == "yes"
    assert entry.get("next_boot") == next_boot


@pytest.mark.parametrize("content", ["", "x", "99999999999999999999999999"])
def test_without_valid_numbers_in_selinuxfs_there_is_no_answer(selinux_node, content):
    selinux_node.write("/sys/fs/selinux/class/system/index", content)
    assert selinux.observe_selinux(selinux_node.files)["module_request"] is None


@pytest.mark.parametrize(
    "mode, cmdline, modules, enforcing",
    [
        ("permissive", "", "", True),
        ("disabled", "", "capability,selinux", True),
        ("enforcing", "", "", False),
        ("permissive", "enforcing=1 enforcing=0", "", False),
        ("disabled", "selinux=0", "", False),
        ("disabled", "", "capability,apparmor", False),
    ],
    ids=["permissive now", "disabled now", "enforcing now", "enforcing=0", "selinux=0", "booted without SELinux"],
)
def test_selinux_becomes_enforcing_unless_the_kernel_is_booted_otherwise(node, mode, cmdline, modules, enforcing):
    node.write(selinux.LSM, modules)
    facts = {"mode": mode, "configured": "enforcing"}
    assert selinux.is_enforcing_after_reboot(facts, node.files, cmdline) is enforcing
