# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons in words, and the groups in which the facts hold them."""

import json

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names, _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import CODES, Cause, Code
from ansible_collections.nodeprep.istio.tests.unit.corpus import cases
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree

NAMES = _module_names.KNOWN_MODULES
LIVE = "{} 16384 0 - Live 0x0\n"


def test_each_code_has_the_name_of_its_constant():
    assert {name.lower(): value for name, value in vars(Code).items() if name.isupper()} == {
        code: code for code in CODES
    }


def test_a_cause_becomes_a_reason_without_what_it_does_not_have():
    cause = Cause(Code.BLACKLIST, "blacklisted", "/etc/a.conf:1")
    assert cause.to_reason("boot") == {
        "axis": "boot",
        "code": "blacklist",
        "text": "blacklisted",
        "where": "/etc/a.conf:1",
    }


@pytest.mark.parametrize(
    "cause, text",
    [
        (Cause("x", "blacklisted"), "blacklisted"),
        (Cause("x", "blacklisted", "/b.conf:2"), "blacklisted (/b.conf:2)"),
        (Cause("x", "blacklisted", "/b.conf:2", "nf_nat"), "needs nf_nat: blacklisted (/b.conf:2)"),
        (
            Cause("x", "blacklisted", "/b.conf:2", "nf_nat", "/a.conf:1"),
            "/a.conf:1 lists it, but: needs nf_nat: blacklisted (/b.conf:2)",
        ),
    ],
    ids=["text", "place", "dependency", "boot line"],
)
def test_a_cause_is_described_with_its_places(cause, text):
    assert cause.describe() == text


def test_reasons_are_described_with_their_axes():
    reasons = [Cause("x", "blocked").to_reason("now"), Cause("y", "not listed").to_reason("boot")]
    assert _reasons.describe_reasons(reasons) == "blocked; boot: not listed"


@pytest.mark.parametrize(
    "cause, line",
    [
        (Cause(Code.BLACKLIST, "blacklisted"), "blacklist xt_owner"),
        (Cause(Code.BLACKLIST, "blacklisted", dependency="nf_nat"), "blacklist nf_nat"),
        (
            Cause(Code.INSTALL_OVERRIDE, _reasons.describe_install_override("/bin/false {} '")),
            "install xt_owner /bin/false {} '",
        ),
        (Cause(Code.MODULE_BLACKLIST, "named"), None),
    ],
    ids=["blacklist", "dependency", "install", "command line"],
)
def test_a_line_is_reconstructed_from_its_reason(cause, line):
    assert _reasons.reconstruct_line(cause.to_reason("now"), "xt_owner") == line


def test_a_cause_is_not_repeated_on_a_later_axis():
    cause = Cause("x", "blocked")
    causes = {"boot": Cause("y", "not listed"), "now": cause, "autoload": Cause("x", "blocked")}
    assert _reasons.collect_reasons(causes) == [cause.to_reason("now"), causes["boot"].to_reason("boot")]
    assert _reasons.collect_reasons({"now": None}) == []


def test_a_reason_is_added_unless_its_place_is_named_on_an_earlier_axis():
    first = Cause("x", "blacklisted", "/a:1").to_reason("autoload")
    same = Cause("x", "other words", "/a:1").to_reason("boot")
    earlier = Cause("x", "blacklisted", "/a:1").to_reason("now")
    other = Cause("x", "blacklisted", "/a:2").to_reason("boot")
    assert _reasons.add_reasons([first], [same, other]) == [first, other]
    assert _reasons.add_reasons([first], [earlier]) == [earlier, first]
    assert _reasons.add_reasons([], [first, same]) == [first]


@pytest.mark.parametrize(
    "state, state_at_next_boot, reasons, works",
    [
        ("loaded", None, [], True),
        ("loadable", None, [], True),
        ("builtin", None, [], False),
        ("missing", None, [], False),
        ("missing", "loadable", [], True),
        ("loaded", "missing", [], True),
        ("blocked", None, [("now", "modules_disabled")], True),
        ("blocked", None, [("now", "install_override")], False),
        ("blocked", None, [("now", "modules_disabled"), ("boot", "install_override")], False),
        ("blocked", None, [("now", "modules_disabled"), ("boot", "blacklist")], True),
        ("loaded", None, [("autoload", "flat_tree")], False),
    ],
    ids=[
        "loaded",
        "loadable",
        "builtin",
        "missing",
        "loadable with the next kernel",
        "missing in the next kernel",
        "modules disabled until a reboot",
        "overridden",
        "modules disabled and overridden",
        "modules disabled and blacklisted",
        "not found by name",
    ],
)
def test_a_boot_file_lists_what_loads_here_or_after_a_reboot(state, state_at_next_boot, reasons, works):
    assert _reasons.works_at_boot(state, state_at_next_boot, reasons) is works


# Nodes on which the cause that blocks one module does not block all modules that depend on it.
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
def test_a_group_holds_for_all_its_modules_and_for_no_other(node, files):
    node.tree([], suffix=".xz", **module_tree.build_catalogue())
    for path, text in files.items():
        node.write(path, text)
    compare(node)


@pytest.mark.parametrize("case", cases.CASES, ids=[case.title + ": " + case.name for case in cases.CASES])
def test_the_groups_of_a_node_hold_the_reasons_of_each_module(node, case):
    case.setup(node)
    compare(node)


def compare(node):
    seen = node.observe(NAMES)
    modules = {name: module_state.describe(seen, name) for name in NAMES}
    reasons = {name: entry["reasons"] for name, entry in modules.items()}
    groups = json.loads(json.dumps(_reasons.group_reasons(reasons, modules)))
    restored = _reasons.ungroup_reasons(groups, modules)
    for name, expected in reasons.items():
        assert sorted(map(to_items, restored[name])) == sorted(map(to_items, expected))
        for axis in _reasons.AXES:
            assert first_of(restored[name], axis) == first_of(expected, axis)


def to_items(reason):
    return sorted(reason.items())


def first_of(reasons, axis):
    return next((reason for reason in reasons if reason["axis"] == axis), None)


def test_a_line_about_many_modules_is_one_group(node):
    node.tree()
    node.write("/etc/modprobe.d/a.conf", "install x_tables /bin/false\nblacklist xt_mark\n\nblacklist xt_owner\n")
    node.write("/etc/modules-load.d/b.conf", "xt_owner\n")
    facts = node.facts(["x_tables", "xt_mark", "xt_owner"])
    override = {"code": "install_override", "text": "install override '/bin/false'", "where": "/etc/modprobe.d/a.conf"}
    blacklist = {"code": "blacklist", "text": "blacklisted", "where": "/etc/modprobe.d/a.conf"}
    never = next(group for group in facts["reasons"] if group["code"] == "never_requested")
    assert facts["reasons"] == [
        dict(override, axis="now", includes_dependents=True, modules={"x_tables": [1]}),
        dict(override, axis="now", dependency="x_tables", modules={"xt_mark": [1], "xt_owner": [1]}),
        {"axis": "autoload", "code": "never_requested", "text": never["text"], "modules": {"x_tables": []}},
        dict(blacklist, axis="autoload", modules={"xt_mark": [2], "xt_owner": [4]}),
        dict(blacklist, axis="boot", listed_in="/etc/modules-load.d/b.conf", modules={"xt_owner": [4, 1]}),
    ]
    assert [reason["code"] for reason in node.reasons(facts, "xt_owner")[2:]] == ["blacklist"]
    assert node.reasons(facts, "xt_owner")[-1]["listed_in"] == "/etc/modules-load.d/b.conf:1"


def test_the_file_of_a_module_is_left_of_its_directory():
    reasons = {
        name: [Cause("module_file_missing", "missing", "/lib/modules/6.1/{}.ko.xz".format(name)).to_reason("now")]
        for name in ("xt_owner", "xt_mark")
    }
    modules = {"xt_owner": {}, "xt_mark": {}}
    (group,) = _reasons.group_reasons(reasons, modules)
    assert group["where"] == "/lib/modules/6.1"
    assert group["modules"] == {"xt_owner": ["xt_owner.ko.xz"], "xt_mark": ["xt_mark.ko.xz"]}
    assert _reasons.ungroup_reasons([group], modules) == reasons
