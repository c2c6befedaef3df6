# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the facts of a node are, whatever there is to tell, and what goes first where that is too much."""

import json
import os

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _boot_file, _module_names, _module_states, _reason_groups, _shortened
from ansible_collections.nodeprep.istio.tests.unit.plugins.module_utils import corpus, synthetic

RELEASE = "6.12.0-124.8.1.el10_1.x86_64"
NAMES = _module_names.KNOWN_MODULES
LISTED = {_boot_file.PATH: "".join(name + "\n" for name in NAMES)}
OVERRIDDEN = {"/etc/modprobe.d/hardening.conf": "".join("install {} /bin/false\n".format(name) for name in NAMES)}
BLACKLISTED = {"/usr/lib/modprobe.d/hardening-blacklist.conf": "# CIS 3.2\n" + "".join("blacklist {}\n".format(name) for name in NAMES)}
LONG = "x" * 240
VERDICT = ("state", "autoload", "boot", "next", "depends", "provider", "autoload_after")


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
    "a comment on each line of the boot list": ({"/etc/modules-load.d/m.conf": "".join(name + " # needed by Istio\n" for name in NAMES)}, []),
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
        {"/etc/modprobe.d/a.conf": "".join("install {0} /usr/local/sbin/refuse {0} || {1}\n".format(name, LONG) for name in NAMES)},
        ["origin", "reasons"],
    ),
    "a file for each line": (
        dict(each("/etc/modprobe.d/" + LONG + "{}.conf", "blacklist {}\n"), **each("/etc/modules-load.d/" + LONG + "{}.conf", "{}\n")),
        ["origin", "boot_files", "reasons"],
    ),
    "many names in our block, and beside it": (
        {
            _boot_file.PATH: "".join(
                [_boot_file.BEGIN + "\n"]
                + ["a{}_{}\n".format("y" * 40, number) for number in range(300)]
                + [_boot_file.END + "\n"]
                + ["b{}_{}\n".format("y" * 40, number) for number in range(300)]
            )
        },
        ["origin", "ours"],
    ),
    "many files that cannot be read": (
        dict({"/etc/modprobe.d/{}{}.conf".format(LONG, number): None for number in range(99)}, **dict(OVERRIDDEN, **dict(BLACKLISTED, **LISTED))),
        ["origin", "unreadable"],
    ),
    "an alias of its own for each module": (
        {"/etc/modprobe.d/a.conf": "".join("alias {0} {0}_{1}\n".format(name, "y" * 30) for name in NAMES)},
        ["origin", "reasons"],
    ),
    "what each module needs, named over and over": (
        {
            "/lib/modules/{}/modules.dep".format(RELEASE): "".join(
                "{0}/{1}.ko.xz:{2}\n".format(synthetic.NETFILTER, name, " {}/x_tables.ko.xz".format(synthetic.NETFILTER) * 50) for name in NAMES
            )
        },
        ["origin", "depends"],
    ),
    "a helper with a long path": ({"/proc/sys/kernel/modprobe": "/" + "x" * 20000}, ["origin", "texts"]),
    "long lines and many names": (
        {
            "/etc/modprobe.d/a.conf": "".join("install {} {}\n".format(name, "x" * 9999) for name in ("xt_owner", "xt_mark", "nf_nat")),
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
    modules = {name: (synthetic.NETFILTER, [needed for needed in needs(name) if needed != name], []) for name in NAMES}
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
        return [name.split("table_")[0] + "_tables", "x_tables", *(["nf_nat", *conntrack] if name.endswith("nat") else [])]
    if name.startswith("xt_") or name in ("ip_tables", "ip6_tables"):
        return ["x_tables", *(conntrack if name in ("xt_CT", "xt_conntrack", "xt_connmark", "xt_nat", "xt_REDIRECT") else [])]
    return conntrack[1:] if name == "nf_conntrack" else conntrack if name == "nf_nat" else []


@pytest.mark.parametrize("situation", sorted(SITUATIONS))
def test_the_facts_stay_small(node, situation):
    files, told_in_short = SITUATIONS[situation]
    make(node, files)
    facts = node.facts(NAMES)
    assert facts.get("shortened", []) == told_in_short
    size = len(json.dumps(facts))
    assert size < 16 * 1024, size
    # What the verdict rests on is all there.
    seen = node.observe(NAMES)
    for name in NAMES:
        entry = _module_states.describe(seen, name)
        assert all(facts["modules"][name].get(key) == entry.get(key) for key in VERDICT if key not in told_in_short)


def test_where_there_is_too_much_to_tell_details_go_first(node):
    make(node, SITUATIONS["a file for each line"][0])
    facts = node.facts(NAMES)
    assert facts["conflicts"] == {} and {path: sorted(names) for path, names in facts["boot_files"].items()} == {"other files": sorted(NAMES)}
    told = {group["code"]: group["modules"] for group in facts["reasons"] if group["code"] == "blacklist"}
    assert sorted(told["blacklist"]) == sorted(NAMES) and not any("where" in group for group in facts["reasons"])


@pytest.mark.parametrize("case", corpus.CASES, ids=[case.title + ": " + case.name for case in corpus.CASES])
def test_what_is_said_once_holds_for_each_module(node, case):
    case.setup(node)
    seen = node.observe(NAMES)
    modules = {name: _module_states.describe(seen, name) for name in NAMES}
    reasons = {name: entry["reasons"] for name, entry in modules.items()}
    groups = json.loads(json.dumps(_reason_groups.grouped(reasons, modules)))
    assert _reason_groups.ungrouped(groups, modules) == reasons


def test_a_line_is_said_of_many_modules_at_once(node):
    node.tree()
    node.write("/etc/modprobe.d/a.conf", "install x_tables /bin/false\nblacklist xt_mark\n\nblacklist xt_owner\n")
    node.write("/etc/modules-load.d/b.conf", "xt_owner\n")
    facts = node.facts(["x_tables", "xt_mark", "xt_owner"])
    refused = {"code": "install_override", "text": "install override '/bin/false'", "where": "/etc/modprobe.d/a.conf"}
    assert facts["reasons"] == [
        dict(refused, axis="now", modules={"x_tables": [1]}),
        dict(refused, axis="now", needs="x_tables", modules={"xt_mark": [1], "xt_owner": [1]}),
        {"axis": "autoload", "code": "never_requested", "text": "the kernel never asks for it", "modules": {"x_tables": []}},
        {"axis": "autoload", "code": "blacklist", "text": "blacklisted", "where": "/etc/modprobe.d/a.conf", "modules": {"xt_mark": [2], "xt_owner": [4]}},
        {
            "axis": "boot",
            "code": "blacklist",
            "text": "blacklisted",
            "where": "/etc/modprobe.d/a.conf",
            "listed": "/etc/modules-load.d/b.conf",
            "modules": {"xt_owner": [4, 1]},
        },
    ]
    assert [group["code"] for group in node.reasons(facts, "xt_owner")[2:]] == ["blacklist"]
    assert node.reasons(facts, "xt_owner")[-1]["listed"] == "/etc/modules-load.d/b.conf:1"


def test_more_may_be_told_where_more_is_asked(node):
    make(node, SITUATIONS["every module overridden, blacklisted and listed"][0])
    assert "shortened" not in node.facts([*NAMES, *("more_{}".format(number) for number in range(47))])


def test_a_step_that_saves_nothing_is_not_named(node):
    make(node, {})
    facts = node.facts(NAMES)
    assert _shortened.shortened(facts, 1)["shortened"] == ["origin", "depends"]
