# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the facts of a node are, whatever there is to tell, and what goes first where that is too much."""

import json
import os

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names, _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block, modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state, size_limit
from ansible_collections.nodeprep.istio.tests.unit.corpus import cases
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree

RELEASE = "6.12.0-124.8.1.el10_1.x86_64"
NAMES = _module_names.KNOWN_MODULES
LISTED = {boot_block.PATH: "".join(name + "\n" for name in NAMES)}
OVERRIDDEN = {"/etc/modprobe.d/hardening.conf": "".join("install {} /bin/false\n".format(name) for name in NAMES)}
BLACKLISTED = {
    "/usr/lib/modprobe.d/hardening-blacklist.conf": "# CIS 3.2\n"
    + "".join("blacklist {}\n".format(name) for name in NAMES)
}
LONG = "x" * 240
VERDICT = ("state", "autoload", "boot", "next_boot", "depends", "provider", "autoload_after")


def each(path, text):
    """Return a file for each module."""
    return {path.format(number): text.format(name) for number, name in enumerate(NAMES)}


# None is a file that cannot be read. What is told in short is named for each.
SITUATIONS = {
    "nothing wrong": ({}, []),
    "modules disabled": ({"/proc/sys/kernel/modules_disabled": "1"}, []),
    "no helper": ({"/proc/sys/kernel/modprobe": "/usr/local/sbin/no-such-modprobe"}, []),
    "signatures": ({"/sys/kernel/security/lockdown": "none [integrity]"}, []),
    "container": ({"/run/.containerenv": ""}, []),
    "SELinux after a reboot": ({"/etc/selinux/config": "SELINUX=enforcing\n"}, []),
    "modules disabled, and again after a reboot": (
        {"/proc/sys/kernel/modules_disabled": "1", "/etc/sysctl.d/99-sysctl.conf": "kernel.modules_disabled = 1\n"},
        [],
    ),
    "a file of sysctl.d that is none": ({"/etc/sysctl.d/99-some-tool.conf": None}, []),
    "a comment on each line of the boot list": (
        {"/etc/modules-load.d/m.conf": "".join(name + " # needed by Istio\n" for name in NAMES)},
        [],
    ),
    "every module overridden": (OVERRIDDEN, []),
    "every module overridden, and listed": (dict(OVERRIDDEN, **LISTED), []),
    "every module blacklisted, and listed": (dict(BLACKLISTED, **LISTED), []),
    "every module overridden, blacklisted and listed": (dict(OVERRIDDEN, **dict(BLACKLISTED, **LISTED)), []),
    "all of that without a helper, with signatures wanted, and loading off at boot": (
        dict(
            OVERRIDDEN,
            **dict(
                BLACKLISTED,
                **dict(
                    LISTED,
                    **{
                        "/proc/sys/kernel/modprobe": "/usr/local/sbin/no-such-modprobe",
                        "/sys/kernel/security/lockdown": "none [integrity]",
                        "/etc/sysctl.d/99-sysctl.conf": "kernel.modules_disabled = 1\n",
                    },
                ),
            ),
        ),
        [],
    ),
    "a command of its own for each module": (
        {
            "/etc/modprobe.d/a.conf": "".join(
                "install {0} /usr/local/sbin/refuse {0} || {1}\n".format(name, LONG) for name in NAMES
            )
        },
        ["origin", "reasons"],
    ),
    "a file for each line": (
        dict(
            each("/etc/modprobe.d/" + LONG + "{}.conf", "blacklist {}\n"),
            **each("/etc/modules-load.d/" + LONG + "{}.conf", "{}\n"),
        ),
        ["origin", "boot_files", "reasons"],
    ),
    "many names in our block, and beside it": (
        {
            boot_block.PATH: "".join(
                [boot_block.BEGIN + "\n"]
                + ["a{}_{}\n".format("y" * 40, number) for number in range(300)]
                + [boot_block.END + "\n"]
                + ["b{}_{}\n".format("y" * 40, number) for number in range(300)]
            )
        },
        ["origin", "managed"],
    ),
    "many files that cannot be read": (
        dict(
            {"/etc/modprobe.d/{}{}.conf".format(LONG, number): None for number in range(99)},
            **dict(OVERRIDDEN, **dict(BLACKLISTED, **LISTED)),
        ),
        ["origin", "unreadable"],
    ),
    "an alias of its own for each module": (
        {"/etc/modprobe.d/a.conf": "".join("alias {0} {0}_{1}\n".format(name, "y" * 30) for name in NAMES)},
        ["origin", "reasons"],
    ),
    "what each module needs, named over and over": (
        {
            "/lib/modules/{}/modules.dep".format(RELEASE): "".join(
                "{0}/{1}.ko.xz:{2}\n".format(
                    module_tree.NETFILTER, name, " {}/x_tables.ko.xz".format(module_tree.NETFILTER) * 50
                )
                for name in NAMES
            )
        },
        [],
    ),
    "a helper with a long path": ({"/proc/sys/kernel/modprobe": "/" + "x" * 20000}, ["origin", "texts"]),
    "each fault of each kind, in several words, with another kernel to come": (
        dict(
            {
                "/etc/modprobe.d/h.conf": "".join(
                    "install {} /bin/false{}\u00fc\n".format(name, number % 3) for number, name in enumerate(NAMES)
                ),
                "/usr/lib/modprobe.d/b.conf": "".join("blacklist {}\n".format(name) * 7 for name in NAMES),
                "/proc/cmdline": "module_blacklist={0} modprobe.blacklist={0} modules-load={0}".format(",".join(NAMES)),
                "/etc/sysctl.d/99.conf": "kernel.modules_disabled=1\n",
                "/proc/sys/kernel/modprobe": "/usr/local/sbin/none",
                "/sys/kernel/security/lockdown": "none [integrity]",
                "/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
                "/etc/selinux/targeted/active/modules/400/istio_node_prep/cil": "(allow container_t kernel_t (system (module_request)))\n"
                * 8,
                "/etc/modules-load.d/all.conf": LISTED[boot_block.PATH],
                boot_block.PATH: "{}\n{}{}\n".format(boot_block.BEGIN, LISTED[boot_block.PATH], boot_block.END),
                "/lib/modules/6.13.0/modules.builtin": "".join("kernel/{}.ko\n".format(name) for name in NAMES),
                "/boot/loader/entries/next.conf": "version 6.13.0\n",
                "/boot/grub2/grubenv": "saved_entry=next\n",
            },
            **{
                "/etc/modprobe.d/vendor-{}.conf".format(
                    number
                ): "{}\n# A copy without the lines below of /usr/lib/modprobe.d/vendor-{}.conf\n".format(
                    modprobe_overrides.MARK, number
                )
                for number in range(40)
            },
        ),
        ["origin", "boot_files", "managed", "reasons", "other_reasons"],
    ),
    "one name in our block, over and over": (
        {boot_block.PATH: "{}\n{}{}\n".format(boot_block.BEGIN, "xt_owner\n" * 3000, boot_block.END)},
        [],
    ),
    "long lines and many names": (
        {
            "/etc/modprobe.d/a.conf": "".join(
                "install {} {}\n".format(name, "x" * 9999) for name in ("xt_owner", "xt_mark", "nf_nat")
            ),
            "/etc/modules-load.d/a.conf": "".join("module_{}\nnf_nat\n".format(number) for number in range(2000)),
            "/etc/os-release": "PRETTY_NAME=" + "x" * 100000,
        },
        [],
    ),
    "tree gone": (None, []),
}


def make(node, files):
    """Make a node with all modules of the catalogue in a tree of their own, which has what they need on Debian."""
    node.write("/proc/sys/kernel/osrelease", RELEASE)
    node.write("/usr/lib/systemd/systemd", "")
    modules = {
        name: (module_tree.NETFILTER, [needed for needed in needs(name) if needed != name], []) for name in NAMES
    }
    for name, requests in _module_names.AUTOLOAD_REQUESTS.items():
        modules[name] = modules[name][:2] + ([request for request in requests if request != name],)
    node.tree([], release=RELEASE if files is not None else "6.12.0-211.el10", suffix=".xz", **modules)
    for path, text in (files or {}).items():
        node.write(path, text or "")
        if text is None:
            node.remove(path)
            os.mkfifo(str(node.path(path)))


def needs(name):
    conntrack = ["nf_conntrack", "nf_defrag_ipv4", "nf_defrag_ipv6"]
    if name.startswith("nft_"):
        return ["nf_tables", "nf_nat", *conntrack]
    if name.startswith(("iptable_", "ip6table_")):
        return [
            name.split("table_")[0] + "_tables",
            "x_tables",
            *(["nf_nat", *conntrack] if name.endswith("nat") else []),
        ]
    if name.startswith("xt_") or name in ("ip_tables", "ip6_tables"):
        return [
            "x_tables",
            *(conntrack if name in ("xt_CT", "xt_conntrack", "xt_connmark", "xt_nat", "xt_REDIRECT") else []),
        ]
    return conntrack[1:] if name == "nf_conntrack" else conntrack if name == "nf_nat" else []


@pytest.mark.parametrize("situation", sorted(SITUATIONS))
def test_the_facts_stay_small(node, situation):
    files, told_in_short = SITUATIONS[situation]
    make(node, files)
    facts = node.facts(NAMES)
    assert facts.get("truncated", []) == told_in_short
    size = len(json.dumps(facts))
    assert size < 16 * 1024, size
    # What the verdict rests on is all there.
    seen = node.observe(NAMES)
    for name in NAMES:
        entry = module_state.describe(seen, name)
        assert all(facts["modules"][name].get(key) == entry.get(key) for key in VERDICT if key not in told_in_short)


def test_where_there_is_too_much_to_tell_details_go_first(node):
    make(node, SITUATIONS["a file for each line"][0])
    facts = node.facts(NAMES)
    assert facts["conflicts"] == {} and {path: sorted(names) for path, names in facts["boot_files"].items()} == {
        "other files": sorted(NAMES)
    }
    told = {group["code"]: group["modules"] for group in facts["reasons"] if group["code"] == "blacklist"}
    assert sorted(told["blacklist"]) == sorted(NAMES) and not any("where" in group for group in facts["reasons"])


# Nodes on which what keeps one module from loading is not simply in the way of those that need it.
LIVE = "{} 16384 0 - Live 0x0\n"
PARTLY = {
    "loaded now, and overridden until a reboot": {
        "/run/modprobe.d/r.conf": "install nf_tables /bin/false\n",
        "/usr/lib/modprobe.d/b.conf": "alias nft_compat off\n",
        "/proc/modules": LIVE.format("nf_tables") + LIVE.format("nft_compat"),
    },
    "the kernel's request overridden": {"/etc/modprobe.d/r.conf": "install nfnetlink-subsys-10 /bin/false\n"},
    "a container": {
        "/run/.containerenv": "",
        "/etc/modprobe.d/a.conf": "install x_tables /bin/false\n",
        "/proc/modules": LIVE.format("x_tables"),
    },
    "being loaded at this moment": {
        "/etc/modprobe.d/a.conf": "install nf* /bin/false\n",
        "/proc/modules": LIVE.format("nf_nat") + LIVE.format("nf_conntrack").replace("Live", "Loading"),
    },
}


@pytest.mark.parametrize("files", PARTLY.values(), ids=list(PARTLY))
def test_nothing_is_said_of_a_module_that_does_not_hold_for_it(node, files):
    make(node, files)
    compare(node)


@pytest.mark.parametrize("case", cases.CASES, ids=[case.title + ": " + case.name for case in cases.CASES])
def test_what_is_said_once_holds_for_each_module(node, case):
    case.setup(node)
    compare(node)


def compare(node):
    seen = node.observe(NAMES)
    modules = {name: module_state.describe(seen, name) for name in NAMES}
    reasons = {name: entry["reasons"] for name, entry in modules.items()}
    groups = json.loads(json.dumps(_reasons.grouped(reasons, modules)))
    told = _reasons.ungrouped(groups, modules)
    for name, expected in reasons.items():
        assert sorted(map(repr_of, told[name])) == sorted(map(repr_of, expected))
        for axis in _reasons.AXES:
            of_axis = [[reason for reason in either if reason["axis"] == axis] for either in (told[name], expected)]
            assert of_axis[0][:1] == of_axis[1][:1]


def repr_of(reason):
    return sorted(reason.items())


def test_a_line_is_said_of_many_modules_at_once(node):
    node.tree()
    node.write("/etc/modprobe.d/a.conf", "install x_tables /bin/false\nblacklist xt_mark\n\nblacklist xt_owner\n")
    node.write("/etc/modules-load.d/b.conf", "xt_owner\n")
    facts = node.facts(["x_tables", "xt_mark", "xt_owner"])
    refused = {"code": "install_override", "text": "install override '/bin/false'", "where": "/etc/modprobe.d/a.conf"}
    assert facts["reasons"] == [
        dict(refused, axis="now", includes_dependents=True, modules={"x_tables": [1]}),
        dict(refused, axis="now", dependency="x_tables", modules={"xt_mark": [1], "xt_owner": [1]}),
        {
            "axis": "autoload",
            "code": "never_requested",
            "text": "the kernel never asks for it",
            "modules": {"x_tables": []},
        },
        {
            "axis": "autoload",
            "code": "blacklist",
            "text": "blacklisted",
            "where": "/etc/modprobe.d/a.conf",
            "modules": {"xt_mark": [2], "xt_owner": [4]},
        },
        {
            "axis": "boot",
            "code": "blacklist",
            "text": "blacklisted",
            "where": "/etc/modprobe.d/a.conf",
            "listed_in": "/etc/modules-load.d/b.conf",
            "modules": {"xt_owner": [4, 1]},
        },
    ]
    assert [group["code"] for group in node.reasons(facts, "xt_owner")[2:]] == ["blacklist"]
    assert node.reasons(facts, "xt_owner")[-1]["listed_in"] == "/etc/modules-load.d/b.conf:1"


def test_more_may_be_told_where_more_is_asked(node):
    make(node, SITUATIONS["every module overridden, blacklisted and listed"][0])
    assert "truncated" not in node.facts([*NAMES, *("more_{}".format(number) for number in range(47))])


def test_what_an_alias_of_somebodys_own_leads_to_is_left_out_at_last(node):
    make(node, {})
    facts = node.facts(NAMES)
    for name in NAMES:
        facts["modules"][LONG + name] = dict(facts["modules"][name])
        facts["modules"][name] = {
            "state": "merged",
            "autoload": "yes",
            "boot": "not_applicable",
            "provider": LONG + name,
        }
    cut = size_limit.shortened(facts)
    assert "providers" in cut["truncated"] and len(json.dumps(cut)) < 16 * 1024
    assert cut["modules"] == {name: {"state": "unknown", "autoload": "unknown", "boot": "unknown"} for name in NAMES}
    assert set().union(*(group["modules"] for group in cut["reasons"])) <= set(NAMES)


def test_a_step_that_saves_nothing_is_not_named(node):
    make(node, {})
    facts = node.facts(NAMES)
    assert size_limit.shortened(facts, 1)["truncated"] == ["origin", "depends"]
