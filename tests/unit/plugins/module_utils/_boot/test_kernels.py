# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel that boots next, other installed kernels, and images in which no kernel runs."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import kernels
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import UnknownKernelError
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE, STANDARD

NEWER = RELEASE + "2"
WITHOUT_NAT = [name for name in STANDARD if name not in ("iptable_nat", "xt_owner")]


def codes_of(entry, axis):
    return [reason["code"] for reason in entry["reasons"] if reason["axis"] == axis]


def test_a_module_missing_in_the_next_kernel_is_reported_before_the_reboot(node):
    node.tree()
    node.tree(WITHOUT_NAT, release=NEWER)
    node.link("/vmlinuz", "boot/vmlinuz-" + NEWER)
    node.write("/proc/modules", "iptable_nat 16384 0 - Live 0x0\nxt_mark 16384 0 - Live 0x0\n")
    node.write("/etc/modules-load.d/a.conf", "iptable_nat\nxt_mark\n")
    lost = node.describe("iptable_nat")
    assert (lost["state"], lost["autoload"], lost["boot"]) == ("loaded", "yes", "ineffective")
    assert lost["next_boot"] == {"state": "missing", "autoload": "never"}
    assert NEWER in lost["reasons"][-1]["text"]
    kept = node.describe("xt_mark")
    assert (kept["boot"], kept.get("next_boot")) == ("yes", None)
    unlisted = node.describe("xt_owner")
    assert (unlisted["state"], unlisted["boot"], codes_of(unlisted, "boot")) == (
        "loadable",
        "no",
        ["missing_in_next_kernel"],
    )


def test_an_installed_kernel_has_nothing_loaded(node):
    node.tree()
    node.tree(WITHOUT_NAT, release=NEWER, nf_conntrack_ipv4=("kernel/net", ["nf_conntrack"], []))
    node.write("/proc/modules", "xt_mark 16384 0 - Live 0x0\n")
    node.write("/proc/sys/kernel/modules_disabled", "1\n")
    node.write("/boot/loader/entries/a.conf", "version {}\n".format(NEWER))
    for kernel in ("next", NEWER):
        facts = node.facts(["xt_mark", "xt_owner", "nf_conntrack_ipv4"], kernel)
        assert {name: facts["modules"][name]["state"] for name in ("xt_mark", "xt_owner", "nf_conntrack_ipv4")} == {
            "xt_mark": "loadable",
            "xt_owner": "missing",
            "nf_conntrack_ipv4": "loadable",
        }
        assert (facts["kernel"]["release"], facts["kernel"]["running"]) == (NEWER, False)
    assert node.facts(["xt_mark"])["modules"]["xt_mark"]["state"] == "loaded"


def test_a_guess_does_not_decide_the_reboot(node):
    node.tree()
    node.tree(WITHOUT_NAT, release=NEWER)
    assert "next_boot" not in node.describe("iptable_nat")
    assert node.facts(["xt_mark"])["kernel"]["next_boot"] == {
        "release": NEWER,
        "source": "highest version of the modules trees",
        "certain": False,
    }


def test_the_error_for_an_unknown_kernel_names_the_installed_ones(node):
    node.tree()
    with pytest.raises(UnknownKernelError, match="'5.4' is not installed; installed kernels: " + RELEASE):
        node.observe(["xt_owner"], "5.4")


@pytest.mark.parametrize(
    "files, links, expected",
    [
        (
            {},
            {"/boot/vmlinuz": "vmlinuz-5.14.21-150500-default"},
            ("5.14.21-150500-default", "link /boot/vmlinuz", True),
        ),
        (
            {
                "/boot/grub2/grubenv": "# GRUB\nsaved_entry=id-5.14.0-9.el9\n",
                "/boot/loader/entries/id-5.14.0-9.el9.conf": "title x\nversion 5.14.0-9.el9\n",
            },
            {"/vmlinuz": "boot/vmlinuz-5.14.0-10.el9"},
            ("5.14.0-9.el9", "saved_entry in /boot/grub2/grubenv", True),
        ),
        (
            {
                "/boot/loader/entries/a.conf": "version 5.14.0-9.el9\n",
                "/boot/loader/entries/b.conf": "version 5.14.0-10.el9\n",
            },
            {},
            ("5.14.0-10.el9", "highest version in /boot/loader/entries", False),
        ),
        ({"/boot/grub/grubenv": "saved_entry=../../../etc/passwd\n", "/vmlinuz": "no link"}, {}, None),
    ],
    ids=["link", "saved entry before a link", "highest entry", "path in a saved entry"],
)
def test_the_next_kernel_is_read_from_the_boot_loader(node, files, links, expected):
    for path, text in files.items():
        node.write(path, text)
    for path, target in links.items():
        node.link(path, target)
    assert kernels.read_next_kernel(node.files, []) == expected


def test_the_numbers_of_a_release_sort_as_numbers():
    releases = ["6.1.0-10-amd64", "6.1.0-9-amd64", "5.14.0-70.el9", "6.10.1", "6.2.0"]
    assert sorted(releases, key=kernels.make_version_key) == [
        "5.14.0-70.el9",
        "6.1.0-9-amd64",
        "6.1.0-10-amd64",
        "6.2.0",
        "6.10.1",
    ]


def test_the_facts_of_an_image_are_about_the_kernel_that_it_boots(node):
    node.tree(WITHOUT_NAT)
    node.remove("/proc/sys/kernel/osrelease")
    node.remove("/proc/modules")
    node.write("/etc/modules-load.d/a.conf", "xt_mark\n")
    facts = node.facts(["xt_mark", "xt_owner"])
    assert (facts["kernel"]["release"], facts["kernel"]["running"], facts["kernel"]["modules_supported"]) == (
        RELEASE,
        False,
        True,
    )
    entries = facts["modules"]
    assert [(entries[name]["state"], entries[name]["boot"]) for name in ("xt_mark", "xt_owner")] == [
        ("loadable", "yes"),
        ("missing", "no"),
    ]


def test_an_image_without_a_kernel_is_refused(node):
    node.remove("/proc/sys/kernel/osrelease")
    with pytest.raises(UnknownKernelError, match="installed kernels: none"):
        node.observe(["xt_owner"])
