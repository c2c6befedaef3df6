# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root causes, waivers and drift, on facts made here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import reason_codes
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report import causes
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import headline
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import alike
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Cause, Row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.summary import summary
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import (
    WaiverRule,
    read_waivers,
    without_effect,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    SELECTION,
    build,
    facts,
    fleet,
    outcome,
)


def node(change=None, kind=KINDS[0], selection=SELECTION):
    found = facts(kind)
    if change:
        change(found)
    return outcome(found, selection)


def causes_of(change, **options):
    return [(cause.text, cause.remedy) for cause in build([("a", node(change, **options))]).causes]


def gap(name="xt_owner", **entry):
    def change(found):
        found["modules"][name].update({"reasons": [], "autoload": "never", "boot": "no", **entry})

    return change


def reason(axis, code, text, where=None):
    return {"axis": axis, "code": code, "text": text, **({"where": where} if where else {})}


def test_one_cause_for_many_nodes_and_requirements():
    kind = next(kind for kind in KINDS if kind.release.endswith("el10_1.x86_64"))
    document = build([(name, outcome(facts(kind), SELECTION)) for name in ("a", "b", "c")])
    (extra,) = (cause for cause in document.causes if cause.text == "kernel-modules-extra is not installed")
    assert (
        extra.nodes == ("a", "b", "c")
        and extra.gaps == 3 * len(extra.requirements)
        and "xt_owner" in extra.requirements
    )
    assert extra.remedy == "Install kernel-modules-extra for the running kernel"
    assert sum(cause.gaps for cause in document.causes) == sum(len(node.gaps) for node in document.nodes)


@pytest.mark.parametrize(
    "managed_by, remedy",
    [(None, "Load and persist them: "), ("ostree", "Declare the modules as such a system is changed: ")],
)
def test_the_owner_of_a_node_that_the_role_refuses_is_told_another_remedy(managed_by, remedy):
    def change(found):
        gap(state="loadable")(found)
        found["platform"] = {"systemd": True, "managed_by": managed_by}

    ((text, told),) = causes_of(change)
    assert text.startswith("Modules are installed but not loaded") and told.startswith(remedy)


@pytest.mark.parametrize(
    "entry, expected",
    [
        ({"state": "loadable"}, "Modules are installed but not loaded, and the kernel does not load them on demand"),
        ({"state": "loaded"}, "Modules are loaded, but no boot file lists them"),
        (
            {
                "state": "loadable",
                "autoload": "denied",
                "reasons": [reason("autoload", "blacklist", "blacklisted (/etc/x.conf:3)", "/etc/x.conf:3")],
            },
            "/etc/x.conf blacklists modules",
        ),
        (
            # Loaded by hand against the blacklist: listing it in a boot file would not bring it back.
            {
                "state": "loaded",
                "autoload": "denied",
                "reasons": [reason("autoload", "blacklist", "blacklisted (/etc/x.conf:3)", "/etc/x.conf:3")],
            },
            "/etc/x.conf blacklists modules",
        ),
        (
            {"state": "loaded", "autoload": "denied", "reasons": [reason("autoload", "selinux", "SELinux denies")]},
            "Modules are loaded, but no boot file lists them",
        ),
        (
            {
                "state": "loaded",
                "boot": "ineffective",
                "reasons": [reason("boot", "malformed_boot_entry", "/etc/m.conf:2 names no module", "/etc/m.conf:2")],
            },
            "/etc/m.conf has lines that load nothing",
        ),
        (
            {
                "state": "blocked",
                "autoload": "denied",
                "reasons": [reason("now", "modules_disabled", "kernel.modules_disabled is 1")],
            },
            "kernel.modules_disabled is 1",
        ),
        (
            {"state": "missing", "reasons": [reason("now", "not_in_tree", "not in /lib/modules/6.1.0-42-amd64")]},
            "The kernel of Debian GNU/Linux 12",
        ),
        (
            {"state": "missing", "reasons": [reason("now", "brand_new", "xt_owner fell off 6.1.0-42-amd64")]},
            "The module fell off the running kernel",
        ),
    ],
)
def test_causes(entry, expected):
    ((text, _remedy),) = causes_of(gap(**entry))
    assert text.startswith(expected)


def test_a_name_and_what_took_its_code_over_are_one_gap():
    def neither(found):
        found["modules"]["nf_conntrack"].update(
            {
                "state": "missing",
                "autoload": "never",
                "boot": "no",
                "reasons": [reason("now", "not_in_tree", "not in x")],
            }
        )
        gone = reason("now", "provider_missing", "neither it nor nf_conntrack, which took its code over")
        found["modules"]["nf_conntrack_ipv4"] = {
            "state": "missing",
            "autoload": "never",
            "boot": "no",
            "reasons": [gone],
        }

    selection = Selection.from_options({"backend": "iptables", "profile": "documented"})
    (cause,) = (
        cause
        for cause in build([("a", node(neither, selection=selection))]).causes
        if "nf_conntrack" in cause.requirements
    )
    assert {"nf_conntrack", "nf_conntrack_ipv4"} <= set(cause.requirements) and cause.text.endswith(
        "does not have the modules"
    )


def test_every_reason_of_a_node_is_known():
    sources = Path(_reasons.__file__).parent.rglob("*.py")
    codes = {
        code
        for source in sources
        for code in re.findall(r'(?:Cause\(\s*|_dead\(.*|_in_doubt\(.*)"([a-z0-9_]+)", ', source.read_text())
    }
    assert len(codes) > 20 and codes <= set(reason_codes.KINDS) | set(reason_codes.TELLING)
    assert set(reason_codes.KINDS) - codes == {
        "not_loaded",
        "not_persisted",
        "kernel_modprobe_unknown",
        "selinux_unknown",
    }


def test_what_cannot_be_told_is_not_told_as_certain():
    denied = {
        "state": "loadable",
        "autoload": "denied",
        "reasons": [reason("autoload", "selinux", "SELinux lets no container_t ask")],
    }
    unknown = {
        "state": "loadable",
        "autoload": "unknown",
        "reasons": [reason("autoload", "selinux", "SELinux is enforcing, and its policy cannot be asked")],
    }
    assert causes_of(gap(**denied))[0][0].startswith("SELinux lets no container")
    assert causes_of(gap(**unknown))[0][0].startswith("Whether SELinux lets containers")


def test_a_tool_is_a_cause_of_its_own():
    def old(found):
        found["tools"]["nft"]["version"] = "0.9.8"

    assert ("nft 0.9.8 is older than 1.0.1", "Install nft 1.0.1 or newer") in causes_of(
        old, selection=Selection.from_options({"backend": "nftables"})
    )


def test_headlines():
    assert headline([]) == "" and headline([Cause("no_data: unreachable", "Unreachable", gaps=0)]) == ""
    assert headline([Cause("a", "X is off", gaps=1)]) == "One cause explains the only gap: X is off"
    assert headline([Cause("a", "X is off", gaps=4)]) == "One cause explains all 4 gaps: X is off"
    assert (
        headline([Cause("a", "X is off", gaps=9), Cause("b", "Y", gaps=2)])
        == "One cause explains 9 of 11 gaps: X is off"
    )


def waiver(**given):
    return WaiverRule(
        **{
            "requirement": "xt_owner",
            "nodes": ("*",),
            "reason": "old nodes",
            "until": "2026-11-24",
            "where": "w.yml:1",
            **given,
        }
    )


def judged(*waivers, now="2026-11-24T04:00:00Z"):
    return build(
        [("edge-1", node(gap(state="missing"))), ("node-1", node(gap(state="missing")))], now=now, waivers=waivers
    )


def test_a_waiver_holds_to_the_end_of_its_day_and_not_longer():
    document = judged(waiver(), now="2026-11-24T23:59:59Z")
    assert [node.verdict for node in document.nodes] == ["ready", "ready"] and [
        node.unwaived_verdict for node in document.nodes
    ] == ["not_ready", "not_ready"]
    assert document.causes == () and document.waivers[0].matches == 2 and not document.waivers[0].expired
    expired = judged(waiver(), now="2026-11-25T00:00:00Z")
    assert (
        [node.verdict for node in expired.nodes] == ["not_ready", "not_ready"]
        and expired.waivers[0].expired
        and expired.waivers[0].matches == 2
    )


def test_a_waiver_holds_for_its_nodes_and_requirements_alone():
    assert [node.verdict for node in judged(waiver(nodes=("edge-*",))).nodes] == ["ready", "not_ready"]
    assert [node.verdict for node in judged(waiver(requirement="iptables/module/xt_*")).nodes] == ["ready", "ready"]
    useless = judged(waiver(requirement="xt_mark"))
    assert useless.totals["not_ready"] == 2 and useless.waivers[0].matches == 0


@pytest.mark.parametrize(
    "given, missed",
    [
        ({}, ""),
        ({"nodes": ("nobody", "edge-*")}, ""),
        ({"requirement": "xt_mark"}, ""),  # met
        ({"requirement": "xt_ownr"}, "no requirement is called xt_ownr"),
        ({"nodes": ("egde-*", "nobody")}, "no node is called egde-* or nobody"),
        (
            {"nodes": ("egde-*",), "requirement": "xt_ownr"},
            "no node is called egde-* and no requirement is called xt_ownr",
        ),
    ],
)
def test_a_waiver_that_is_misspelt_is_told(given, missed):
    document = judged(waiver(**given))
    expected = [f"Waiver {document.waivers[0].where} has no effect: {missed}."] if missed else []
    assert without_effect(document) == expected and summary(document, "")[-1 - len(expected) : -1] == expected


def test_of_two_waivers_the_one_in_force_counts():
    document = judged(waiver(until="2020-01-01"), waiver(until="2030-01-01"))
    (row,) = (row for row in document.nodes[0].rows if row.waiver is not None)
    assert row.waiver == 1 and document.totals["ready"] == 2


GOOD = "- {requirement: xt_owner, reason: why, until: 2026-12-31}\n"


def test_waivers_are_read_with_their_lines():
    read = read_waivers(
        "---\nwaivers:\n  # a remark\n  - requirement: xt_owner\n    nodes: [a, 'b*']\n    reason: why\n    until: '2026-12-31'\n",
        "w.yml",
    )
    assert read == [WaiverRule("xt_owner", ("a", "b*"), "why", "2026-12-31", "w.yml:4")]
    assert (
        read_waivers(GOOD, "w.yml")[0].nodes == ("*",)
        and read_waivers("", "w.yml") == []
        and read_waivers("waivers:\n", "w.yml") == []
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: [", "w.yml:1: this is no YAML"),
        ("hello", "w.yml:1: there is no list of waivers"),
        (GOOD + "- xt_mark\n", "w.yml:2: this is no waiver"),
        (GOOD + "\n- {requirement: x, reason: why}\n", "w.yml:3: until is missing; "),
        ("- {requirement: x, reason: why, until: 2026-12-31, node: a}", "w.yml:1: there is no 'node'; "),
        ("- {requirement: x, reason: '', until: 2026-12-31}", "w.yml:1: a waiver needs a reason"),
        ("- {requirement: x, reason: why, until: soon}", "w.yml:1: until: 'soon' is no day"),
        ("- {requirement: x, reason: why, until: 2026-12-31, nodes: []}", "w.yml:1: requirement and nodes are names"),
        ("- {requirement: [], reason: why, until: 2026-12-31}", "w.yml:1: requirement and nodes are names"),
        ("\n- {requirement: x, reason: why, until: 2027-02-31}", "w.yml:2: until: '2027-02-31' is no day"),
    ],
)
def test_a_bad_waiver_gets_one_clear_error(text, message):
    with pytest.raises(ReportError, match=message):
        read_waivers(text, "w.yml")


def test_what_changed_since_the_last_report():
    before = build([("a", node()), ("b", node()), ("lost", node()), ("down", node())])

    def new_kernel(found):
        found["kernel"]["release"] = "6.1.0-43-amd64"

    blacklisted = gap(
        state="loadable",
        autoload="denied",
        reasons=[reason("autoload", "blacklist", "blacklisted (/etc/x.conf:3)", "/etc/x.conf:3")],
    )
    after = [
        ("a", node(blacklisted)),
        ("b", node(new_kernel)),
        ("new", node()),
        ("down", {"failure": "unreachable: no route"}),
    ]
    drift = build(after, previous=before).drift
    assert (drift.since, drift.new, drift.lost) == (before.generated_at, ("new",), ("lost",))
    assert [(change.node, change.what, change.before, change.after) for change in drift.changes] == [
        ("a", "verdict", "ready", "not_ready"),
        ("a", "iptables/module/xt_owner", "loaded", "loadable, unmet"),
        ("b", "kernel", "6.1.0-42-amd64", "6.1.0-43-amd64"),
        ("down", "verdict", "ready", "no_data"),
    ]
    assert (
        drift.changes[0].reason == "/etc/x.conf blacklists modules"
        and "/etc/x.conf:3" in drift.changes[1].reason
        and "no route" in drift.changes[3].reason
    )
    assert [(group.whats, group.after, group.nodes) for group in alike(drift)][:2] == [
        (("verdict",), "not_ready", ("a",)),
        (("verdict",), "no_data", ("down",)),
    ]


def test_why_it_changed_is_told_of_now_and_not_of_the_past():
    """A node that was mended has what its facts said before only in the last report; and of many modules one cause is told."""
    lacking = [reason("autoload", "kernel_modprobe", "kernel.modprobe is '/bin/false', which loads nothing")]
    before = build([("a", node(gap(state="loadable", autoload="denied", reasons=lacking))), ("b", node())])
    extra = [reason("now", "not_installed", "CONFIG_XT_OWNER=m, but no such file is installed")]
    found = facts(KINDS[0])
    found["modules"]["xt_owner"]["reasons"] = lacking
    mended = {**outcome(found, SELECTION), "execution": {"check_mode": False, "loaded": ["xt_owner"], "persisted": []}}
    after = [("a", mended), ("b", node(gap(state="missing", reasons=extra)))]
    told = {(change.node, change.what): change.reason for change in build(after, previous=before).drift.changes}
    assert told[("a", "verdict")] == "prepared in this run" and told[("a", "iptables/module/xt_owner")] == ""
    assert (
        told[("b", "verdict")]
        == told[("b", "iptables/module/xt_owner")]
        == "packages of the running kernel are not installed"
    )


def test_changes_alike_are_told_once():
    def new_kernel(found):
        found["kernel"]["release"] = "6.1.0-43-amd64"

    before = build([(name, node()) for name in "abc"])
    drift = build([("a", node(new_kernel)), ("b", node(new_kernel)), ("c", {})], previous=before).drift
    assert [(group.whats, group.nodes) for group in alike(drift)] == [(("verdict",), ("c",)), (("kernel",), ("a", "b"))]


def test_nothing_changed():
    document = build(fleet(40, SELECTION))
    drift = build(fleet(40, SELECTION), previous=document).drift
    assert (drift.new, drift.lost, drift.changes) == ((), (), ())


def test_another_question_is_no_change_of_the_node():
    before = build([("a", outcome(facts(KINDS[0]), Selection.from_options({})))])
    assert build([("a", node())], previous=before).drift.changes == ()


@pytest.mark.parametrize(
    "entry, expected",
    [
        (
            {"state": "missing", "autoload": "never", "reasons": [reason("now", "not_installed", "not there")]},
            "not_installed",
        ),
        (
            {"state": "loadable", "autoload": "denied", "reasons": [reason("autoload", "selinux", "SELinux denies")]},
            "selinux",
        ),
        (
            {
                "state": "loadable",
                "autoload": "denied",
                "reasons": [reason("autoload", "selinux", "s"), reason("boot", "missing_in_next_kernel", "n")],
            },
            "missing_in_next_kernel",
        ),
        ({"state": "loadable", "autoload": "never", "reasons": []}, "not_loaded"),
        ({"state": "loaded", "autoload": "never", "reasons": []}, "not_persisted"),
    ],
)
def test_what_is_needed_after_a_reboot_only_is_not_said_to_be_loaded(entry, expected):
    row = Row("iptables/module/iptable_raw", "must", entry["state"], "not_needed", "unmet", ("effective",), "", "")
    assert causes._deciding_reason(entry, row)[0] == expected
