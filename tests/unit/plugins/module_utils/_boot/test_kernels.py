# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel that boots next, other installed kernels, and images in which none runs."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import kernels
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE, STANDARD

NEWER = RELEASE + "2"
WITHOUT_NAT = [name for name in STANDARD if name not in ("iptable_nat", "xt_owner")]


def says(entry, axis):
    return [reason["code"] for reason in entry["reasons"] if reason["axis"] == axis]


def test_what_the_next_kernel_lacks_is_seen_before_the_reboot(node):
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
    assert (unlisted["state"], unlisted["boot"], says(unlisted, "boot")) == (
        "loadable",
        "no",
        ["missing_in_next_kernel"],
    )


def test_an_installed_kernel_is_judged_as_one_in_which_nothing_is_loaded(node):
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


def test_a_guess_does_not_judge_the_reboot(node):
    node.tree()
    node.tree(WITHOUT_NAT, release=NEWER)
    assert "next_boot" not in node.describe("iptable_nat")
    assert node.facts(["xt_mark"])["kernel"]["next_boot"] == {
        "release": NEWER,
        "source": "highest version of the modules trees",
        "certain": False,
    }


def test_a_kernel_that_is_not_installed_is_refused_with_what_is(node):
    node.tree()
    with pytest.raises(node_facts.NoSuchKernel, match="'5.4' is not installed; installed are " + RELEASE):
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
)
def test_how_the_next_kernel_is_told(node, files, links, expected):
    for path, text in files.items():
        node.write(path, text)
    for path, target in links.items():
        node.link(path, target)
    assert kernels.boots_next(node.files, []) == expected


def test_numbers_sort_as_numbers():
    releases = ["6.1.0-10-amd64", "6.1.0-9-amd64", "5.14.0-70.el9", "6.10.1", "6.2.0"]
    assert sorted(releases, key=kernels.version_key) == [
        "5.14.0-70.el9",
        "6.1.0-9-amd64",
        "6.1.0-10-amd64",
        "6.2.0",
        "6.10.1",
    ]


def test_an_image_is_judged_by_the_kernel_that_it_will_boot(node):
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
    with pytest.raises(node_facts.NoSuchKernel, match="none is installed"):
        node.observe(["xt_owner"])


def test_an_images_links_stay_in_the_image(node):
    node.tree()
    node.path("/usr/lib").mkdir(parents=True, exist_ok=True)
    node.path("/lib/modules").rename(node.path("/usr/lib/modules"))
    node.path("/lib").rmdir()
    node.link("/lib", "/usr/lib")
    node.link("/etc/modules-load.d/a.conf", "/srv/list")
    node.write("/srv/list", "xt_owner\n")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["boot"]) == ("loadable", "yes")
    node.link("/loop", "/loop")
    assert node.files.read("/loop") is None
