# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a node are bounded, and details are left out before what decides the verdict."""

import json
import os
from typing import Dict, List, NamedTuple, Optional

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    Override,
    render_override,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import render_policy
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state, size_limit
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import is_blacklisted, ungroup_reasons
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree

RELEASE = "6.12.0-124.8.1.el10_1.x86_64"
NEXT_RELEASE = "6.13.0"
NAMES = _module_names.KNOWN_MODULES
LONG = "x" * 240
VERDICT_KEYS = ("state", "autoload", "requests", "boot", "next_boot", "depends", "provider", "autoload_after")


DEPENDENCIES = sorted({needed for name in NAMES for needed in module_tree.list_dependencies(name)})


def repeat(line):
    """Return a line for each module; {} is its name."""
    return "".join(line.format(name) for name in NAMES)


def spread(path, line):
    """Return a file with one line for each module; {} is a number in the path and the name in the line."""
    return {path.format(number): line.format(name) for number, name in enumerate(NAMES)}


def wrap(lines):
    """Return a block of the boot file."""
    return "{}\n{}{}\n".format(boot_block.BEGIN, lines, boot_block.END)


def merge(*parts):
    merged = {}
    for part in parts:
        merged.update(part)
    return merged


LISTED = {boot_block.PATH: repeat("{}\n")}
OVERRIDDEN = {"/etc/modprobe.d/hardening.conf": repeat("install {} /bin/false\n")}
BLACKLISTED = {"/usr/lib/modprobe.d/hardening-blacklist.conf": "# CIS 3.2\n" + repeat("blacklist {}\n")}
NO_HELPER = {"/proc/sys/kernel/modprobe": "/usr/local/sbin/no-such-modprobe"}
SIGNATURES = {"/sys/kernel/security/lockdown": "none [integrity]"}
DISABLED_AT_BOOT = {"/etc/sysctl.d/99-sysctl.conf": "kernel.modules_disabled = 1\n"}
FILE_FOR_EACH_LINE = merge(
    spread("/etc/modprobe.d/" + LONG + "{}.conf", "blacklist {}\n"),
    spread("/etc/modules-load.d/" + LONG + "{}.conf", "{}\n"),
)


def make_edited_override(number):
    path = "/etc/modprobe.d/vendor-{}.conf".format(number)
    override = Override(path, path.replace("/etc/", "/usr/lib/"), ("blacklist dccp",))
    return {path: render_override(override, "blacklist dccp\n") + "# edited\n"}


EVERY_FAULT = merge(
    {
        "/etc/modprobe.d/h.conf": "".join(
            "install {} /bin/false{}\u00fc\n".format(name, number % 3) for number, name in enumerate(NAMES)
        ),
        "/usr/lib/modprobe.d/b.conf": "".join("blacklist {}\n".format(name) * 7 for name in NAMES),
        "/proc/cmdline": "module_blacklist={0} modprobe.blacklist={0} modules-load={0}".format(",".join(NAMES)),
        "/etc/sysctl.d/99.conf": "kernel.modules_disabled=1\n",
        "/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
        "/etc/selinux/targeted/active/modules/400/istio_node_prep/cil": render_policy(["container_t"] * 8),
        "/etc/modules-load.d/all.conf": repeat("{}\n"),
        boot_block.PATH: wrap(repeat("{}\n")),
        "/lib/modules/{}/modules.builtin".format(NEXT_RELEASE): repeat("kernel/{}.ko\n"),
        "/boot/loader/entries/next.conf": "version {}\n".format(NEXT_RELEASE),
        "/boot/loader/entries/this.conf": "version {}\n".format(RELEASE),
        "/boot/grub2/grubenv": "saved_entry=next\n",
    },
    NO_HELPER,
    SIGNATURES,
    *(make_edited_override(number) for number in range(40)),
)


class Situation(NamedTuple):
    """A node, and what is left out of its facts.

    :ivar files: dict of path to content, or to None for a file that cannot be read.
    :ivar truncated: what C(truncated) of the facts names.
    :ivar has_tree: whether the running kernel has a modules tree.
    """

    files: Dict[str, Optional[str]]
    truncated: List[str] = []
    has_tree: bool = True


SITUATIONS = {
    "nothing is wrong": Situation({}),
    "module loading is disabled": Situation({"/proc/sys/kernel/modules_disabled": "1"}),
    "kernel.modprobe does not exist": Situation(NO_HELPER),
    "only signed modules load": Situation(SIGNATURES),
    "a container": Situation({"/run/.containerenv": ""}),
    "SELinux is enforcing after a reboot": Situation({"/etc/selinux/config": "SELINUX=enforcing\n"}),
    "module loading is disabled now and at boot": Situation(
        merge({"/proc/sys/kernel/modules_disabled": "1"}, DISABLED_AT_BOOT)
    ),
    "an unreadable file in sysctl.d": Situation({"/etc/sysctl.d/99-some-tool.conf": None}),
    "a comment on each line of the boot list": Situation(
        {"/etc/modules-load.d/m.conf": repeat("{} # needed by Istio\n")}
    ),
    "each module overridden": Situation(OVERRIDDEN),
    "each module overridden and listed": Situation(merge(OVERRIDDEN, LISTED)),
    "each module blacklisted and listed": Situation(merge(BLACKLISTED, LISTED)),
    "each module overridden, blacklisted and listed": Situation(merge(OVERRIDDEN, BLACKLISTED, LISTED)),
    "all of that, and three node-wide settings": Situation(
        merge(OVERRIDDEN, BLACKLISTED, LISTED, NO_HELPER, SIGNATURES, DISABLED_AT_BOOT)
    ),
    "a different command for each module": Situation(
        {"/etc/modprobe.d/a.conf": repeat("install {0} /usr/local/sbin/refuse {0} || " + LONG + "\n")},
        ["origin", "reasons"],
    ),
    "a file for each line": Situation(FILE_FOR_EACH_LINE, ["origin", "boot_files", "reasons"]),
    "many names in the block and on other lines": Situation(
        {
            boot_block.PATH: wrap("".join("a{}_{}\n".format("y" * 40, number) for number in range(300)))
            + "".join("b{}_{}\n".format("y" * 40, number) for number in range(300))
        },
        ["origin", "managed"],
    ),
    "many unreadable files": Situation(
        merge(
            {"/etc/modprobe.d/{}{}.conf".format(LONG, number): None for number in range(99)},
            OVERRIDDEN,
            BLACKLISTED,
            LISTED,
        ),
        ["origin", "unreadable"],
    ),
    "a different alias for each module": Situation(
        {"/etc/modprobe.d/a.conf": repeat("alias {0} {0}_" + "y" * 30 + "\n")}, ["origin", "reasons"]
    ),
    "an alias line for a request of each module": Situation(
        {
            "/etc/modprobe.d/a.conf": "".join(
                "alias {} off\n".format(requests[-1]) for requests in _module_names.AUTOLOAD_REQUESTS.values()
            )
        }
    ),
    "each dependency of another module blacklisted": Situation(
        {"/etc/modprobe.d/a.conf": "".join("blacklist {}\n".format(name) for name in DEPENDENCIES)}
    ),
    "a dependency named over and over": Situation(
        {
            "/lib/modules/{}/modules.dep".format(RELEASE): repeat(
                module_tree.NETFILTER + "/{}.ko.xz:" + " {}/x_tables.ko.xz".format(module_tree.NETFILTER) * 50 + "\n"
            )
        }
    ),
    "kernel.modprobe is a long path": Situation({"/proc/sys/kernel/modprobe": "/" + "x" * 20000}, ["origin", "texts"]),
    "each fault of each kind, and another kernel boots next": Situation(
        EVERY_FAULT, ["origin", "boot_files", "managed", "reasons", "other_reasons"]
    ),
    "one name in the block over and over": Situation({boot_block.PATH: wrap("xt_owner\n" * 3000)}),
    "long lines and many names": Situation(
        {
            "/etc/modprobe.d/a.conf": "".join(
                "install {} {}\n".format(name, "x" * 9999) for name in ("xt_owner", "xt_mark", "nf_nat")
            ),
            "/etc/modules-load.d/a.conf": "".join("module_{}\nnf_nat\n".format(number) for number in range(2000)),
            "/etc/os-release": "PRETTY_NAME=" + "x" * 100000,
        }
    ),
    "no option of any module is set": Situation({"/boot/config-" + RELEASE: "CONFIG_MODULES=y\n"}, has_tree=False),
    "no modules tree": Situation({}, has_tree=False),
}


def write_node(node, situation=SITUATIONS["nothing is wrong"]):
    """Write a node whose tree has all modules of the catalogue, with their dependencies on Debian."""
    node.write("/proc/sys/kernel/osrelease", RELEASE)
    node.write("/usr/lib/systemd/systemd", "")
    release = RELEASE if situation.has_tree else "6.12.0-211.el10"
    node.tree([], release=release, suffix=".xz", **module_tree.build_catalogue())
    for path, text in situation.files.items():
        node.write(path, text or "")
        if text is None:
            node.remove(path)
            os.mkfifo(str(node.path(path)))


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=list(SITUATIONS))
def test_the_facts_are_small_and_have_all_that_decides_the_verdict(node, situation):
    write_node(node, situation)
    facts = node.facts(NAMES)
    assert facts.get("truncated", []) == situation.truncated
    assert len(json.dumps(facts)) < 16 * 1024
    observed = node.observe(NAMES)
    for name in NAMES:
        entry = module_state.describe(observed, name)
        for key in VERDICT_KEYS:
            assert facts["modules"][name].get(key) == entry.get(key), (name, key)


def test_reasons_without_places_still_name_their_modules(node):
    write_node(node, SITUATIONS["a file for each line"])
    facts = node.facts(NAMES)
    assert facts["conflicts"] == {}
    assert [sorted(names) for names in facts["boot_files"].values()] == [sorted(NAMES)]
    assert list(facts["boot_files"]) == ["other files"]
    blacklisted = [name for group in facts["reasons"] if group["code"] == "blacklist" for name in group["modules"]]
    assert set(blacklisted) == set(NAMES)
    assert not any("where" in group for group in facts["reasons"])


def test_more_modules_may_have_larger_facts(node):
    write_node(node, SITUATIONS["each module overridden, blacklisted and listed"])
    assert "truncated" not in node.facts([*NAMES, *("more_{}".format(number) for number in range(47))])


def test_providers_outside_the_catalogue_are_left_out_late(node):
    write_node(node)
    facts = node.facts(NAMES)
    for name in NAMES:
        facts["modules"][LONG + name] = dict(facts["modules"][name])
        facts["modules"][name] = {
            "state": "merged",
            "autoload": "yes",
            "boot": "not_applicable",
            "provider": LONG + name,
        }
    limited = size_limit.limit_size(facts)
    assert "providers" in limited["truncated"]
    assert len(json.dumps(limited)) < 16 * 1024
    unknown = {"state": "unknown", "autoload": "unknown", "boot": "unknown"}
    assert limited["modules"] == dict.fromkeys(NAMES, unknown)
    for group in limited["reasons"]:
        assert set(group["modules"]) <= set(NAMES)


@pytest.mark.parametrize(
    "situation", ["each dependency of another module blacklisted", "each module overridden, blacklisted and listed"]
)
def test_each_module_keeps_the_blacklist_that_keeps_the_role_from_loading_it(node, situation):
    write_node(node, SITUATIONS[situation])
    whole = ungroup(node.facts(NAMES))
    limited = ungroup(size_limit.limit_size(node.facts(NAMES), 1))
    for name in NAMES:
        is_blocked = node.describe(name)["state"] == "blocked"
        assert is_blocked or is_blacklisted(limited[name]) == is_blacklisted(whole[name]), name


def ungroup(facts):
    return ungroup_reasons(facts["reasons"], facts["modules"])


def test_without_its_requests_a_module_has_the_worst_answer(node):
    chains = ("nft-chain-1-nat", "nft-chain-2-nat")
    node.tree(nft_chain_nat=(module_tree.NETFILTER, [], chains), xt_mark=(module_tree.NETFILTER, [], ["ipt_mark"]))
    node.write("/etc/modprobe.d/a.conf", "alias nft-chain-2-nat off\n")
    facts = node.facts(["nft_chain_nat", "xt_mark", "xt_owner"])
    answers = {name: (entry["autoload"], entry.get("requests")) for name, entry in facts["modules"].items()}
    assert answers["nft_chain_nat"] == ("denied", {"nft-chain-1-nat": "yes", "nft-chain-10-nat": "never"})
    assert answers["xt_mark"][0] == "yes"
    limited = size_limit.limit_size(facts, 1)
    assert limited["truncated"][-1] == "requests"
    assert {name: (entry["autoload"], "requests" in entry) for name, entry in limited["modules"].items()} == {
        "nft_chain_nat": ("never", False),
        "xt_mark": ("never", False),
        "xt_owner": ("yes", False),
    }


def test_a_step_that_saves_nothing_is_not_named(node):
    write_node(node)
    assert size_limit.limit_size(node.facts(NAMES), 1)["truncated"] == ["origin", "depends"]
