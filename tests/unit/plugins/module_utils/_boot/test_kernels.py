# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel that boots next, other installed kernels, and images in which no kernel runs."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import kernels
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import UnknownKernelError
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE, STANDARD

NEWER = "6.1.1-test"
WITHOUT_NAT = [name for name in STANDARD if name not in ("iptable_nat", "xt_owner")]


def codes_of(entry, axis):
    return [reason["code"] for reason in entry["reasons"] if reason["axis"] == axis]


def test_a_module_missing_in_the_next_kernel_is_reported_before_the_reboot(node):
    node.tree()
    node.tree(WITHOUT_NAT, release=NEWER)
    node.grub(NEWER, RELEASE)
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
        "source": "highest version of the running kernel's flavour",
        "certain": False,
    }


@pytest.mark.parametrize(
    "setup, source",
    [
        (lambda node: node.link("/vmlinuz", "boot/vmlinuz-" + NEWER), "link /vmlinuz"),
        (lambda node: node.grub(NEWER), "default entry in /boot/grub/grub.cfg"),
    ],
    ids=["the link of the distribution", "a boot loader that does not know the running kernel"],
)
def test_files_that_may_not_have_booted_the_running_kernel_are_a_guess(node, setup, source):
    node.tree()
    node.tree(WITHOUT_NAT, release=NEWER)
    setup(node)
    assert node.facts(["xt_mark"])["kernel"]["next_boot"] == {"release": NEWER, "source": source, "certain": False}
    assert "next_boot" not in node.describe("iptable_nat")


def test_a_boot_loader_that_knows_the_running_kernel_only_by_its_image_is_certain(node):
    node.tree()
    node.tree(release=NEWER)
    node.grub(NEWER)
    node.write("/boot/vmlinuz-" + RELEASE, "")
    assert node.facts(["xt_mark"])["kernel"]["next_boot"]["certain"]


def test_boot_loaders_that_disagree_are_a_guess(node):
    node.grub(NEWER, RELEASE)
    node.write("/boot/extlinux/extlinux.conf", "default a\nlabel a\nlinux /vmlinuz-{}\n".format(RELEASE))
    found = kernels.read_next_kernel(node.files, [], RELEASE)
    assert (found.release, found.certain) == (NEWER, False)


def test_the_only_installed_kernel_boots_again_if_it_runs(node):
    node.tree()
    expected = (RELEASE, "the only installed kernel", True)
    assert kernels.read_next_kernel(node.files, [RELEASE], RELEASE) == expected
    assert not kernels.read_next_kernel(node.files, [RELEASE], RELEASE, is_container=True).certain
    # Another system starts this one with a kernel that is not on this disk.
    assert not kernels.read_next_kernel(node.files, [RELEASE], NEWER).certain
    node.write("/boot/vmlinuz-" + NEWER, "")
    assert not kernels.read_next_kernel(node.files, [RELEASE], RELEASE).certain


def test_in_a_container_nothing_is_certain(node):
    node.grub(NEWER, RELEASE)
    assert kernels.read_next_kernel(node.files, [], RELEASE).certain
    assert not kernels.read_next_kernel(node.files, [], RELEASE, is_container=True).certain


def test_without_a_tree_and_with_a_guess_only_nothing_is_predicted(node):
    node.tree(release=NEWER)
    node.write("/etc/modules-load.d/a.conf", "xt_owner\n")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["boot"], entry.get("next_boot")) == ("unknown", "unknown", None)
    text = entry["reasons"][0]["text"]
    assert "reboot into" not in text
    assert "perhaps " + NEWER in text
    assert text.endswith("if the modules are still missing then, add those of " + RELEASE)


def test_without_a_tree_the_kernel_of_the_boot_loader_is_the_remedy(node):
    node.tree(release=NEWER)
    node.grub(NEWER, RELEASE)
    entry = node.describe("xt_owner")
    assert entry["next_boot"] == {"state": "loadable", "autoload": "yes"}
    assert entry["reasons"][0]["text"].endswith("is missing: reboot into " + NEWER)


@pytest.mark.parametrize(
    "running, expected",
    [
        ("5.10.60-v7l+", "5.10.63-v7l+"),
        ("5.10.60+", "5.10.63+"),
        ("6.1.0-40-amd64", "5.10.63-v8+"),
        (None, "5.10.63-v8+"),
    ],
)
def test_a_guess_prefers_the_flavour_of_the_running_kernel(node, running, expected):
    installed = ["5.10.63+", "5.10.63-v7+", "5.10.63-v7l+", "5.10.63-v8+"]
    assert kernels.read_next_kernel(node.files, installed, running).release == expected


@pytest.mark.parametrize(
    "release, flavour",
    [
        ("5.10.63-v7l+", "v7l"),
        ("5.10.63+", ""),
        ("6.1.0-42-cloud-amd64", "cloud-amd64"),
        ("6.12.57+deb13-amd64", "amd64"),
        ("5.14.0-570.12.1.el9_6.x86_64+rt", "x86-rt"),
        ("5.15.0-304.171.4.el8uek.x86_64", "uek-x86"),
        ("6.11.4-201.fc40.x86_64", "x86"),
        ("6.8.0-45-generic", "generic"),
        ("6.10.6-arch1-1", ""),
        ("6.6.50-0-lts", "lts"),
        ("6.9.8-orbstack-00170-g7b4100b7ced4", "orbstack"),
    ],
)
def test_the_flavour_is_what_distinguishes_kernels_of_one_version(release, flavour):
    assert kernels.find_flavour(release) == flavour


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
            ("5.14.0-10.el9", "highest version", False),
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
