# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root causes of gaps."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import ModuleFacts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import from_mapping
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.causes import _choose_reason, describe_main_cause
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import RootCause, Row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    build,
    make_alternatives,
    make_gap,
    make_outcome,
    make_reason,
)


def list_causes(change, **options):
    document = build([("a", make_outcome(change, **options))])
    return [(cause.text, cause.remedy) for cause in document.causes]


def test_one_cause_explains_many_nodes_and_requirements():
    kind = next(kind for kind in KINDS if kind.release.endswith("el10_1.x86_64"))
    document = build([(name, make_outcome(kind=kind)) for name in ("a", "b", "c")])
    (extra,) = (cause for cause in document.causes if cause.text == "kernel-modules-extra is not installed")
    assert extra.nodes == ("a", "b", "c")
    assert extra.gaps == 3 * len(extra.requirements)
    assert "xt_owner" in extra.requirements
    assert extra.remedy == "Install kernel-modules-extra for the running kernel"
    assert sum(cause.gaps for cause in document.causes) == sum(len(node.gaps) for node in document.nodes)


@pytest.mark.parametrize(
    "platform, start",
    [
        ({}, "Load and persist the modules: "),
        ({"managed_by": "transactional-update"}, "Load and persist the modules: "),
        ({"managed_by": "ostree"}, "Declare the modules in the system's configuration; "),
        ({"etc": "volatile"}, "Declare the modules in the system's configuration; "),
        ({"container": "kind"}, "Audit and prepare the host"),
        ({"container": "wsl"}, "Load and persist the modules: "),
    ],
    ids=["writable", "transactional-update", "ostree", "in memory", "container", "wsl"],
)
def test_the_remedy_of_a_node_that_the_role_does_not_change_is_a_declaration(platform, start):
    def change(found):
        make_gap(state="loadable")(found)
        found["platform"] = {"systemd": True, "managed_by": None, **platform}

    ((text, remedy),) = list_causes(change)
    assert text.startswith("Modules are installed but not loaded")
    assert remedy.startswith(start)


BLACKLIST = make_reason("autoload", "blacklist", "blacklisted (/etc/x.conf:3)", "/etc/x.conf:3")


@pytest.mark.parametrize(
    "entry, start",
    [
        pytest.param(
            {"state": "loadable"},
            "Modules are installed but not loaded, and the kernel does not autoload them",
            id="loadable",
        ),
        pytest.param({"state": "loaded"}, "Modules are loaded, but no boot file lists them", id="loaded"),
        pytest.param(
            {"state": "loadable", "autoload": "denied", "reasons": [BLACKLIST]},
            "/etc/x.conf blacklists modules",
            id="blacklisted",
        ),
        # The kernel waits for another module, and the role respects the blacklist of a dependency.
        pytest.param(
            {
                "state": "loadable",
                "autoload": "denied",
                "reasons": [{**make_reason("boot", "blacklist", "x", "/etc/x.conf:3"), "dependency": "nf_tables"}],
            },
            "/etc/x.conf blacklists modules",
            id="a blacklisted dependency",
        ),
        # To list it in a boot file does not load it.
        pytest.param(
            {"state": "loaded", "autoload": "denied", "reasons": [BLACKLIST]},
            "/etc/x.conf blacklists modules",
            id="blacklisted and loaded by hand",
        ),
        pytest.param(
            {
                "state": "loaded",
                "autoload": "denied",
                "reasons": [make_reason("autoload", "selinux", "SELinux denies")],
            },
            "Modules are loaded, but no boot file lists them",
            id="loaded and not autoloaded",
        ),
        pytest.param(
            {
                "state": "loaded",
                "boot": "ineffective",
                "reasons": [make_reason("boot", "malformed_boot_entry", "not a module name", "/etc/m.conf:2")],
            },
            "/etc/m.conf contains lines that are not read as the name of a module",
            id="malformed line of a boot file",
        ),
        pytest.param(
            {
                "state": "blocked",
                "autoload": "denied",
                "reasons": [make_reason("now", "modules_disabled", "kernel.modules_disabled is 1")],
            },
            "kernel.modules_disabled is 1",
            id="modules disabled",
        ),
        pytest.param(
            {"state": "missing", "reasons": [make_reason("now", "not_in_tree", "not in /lib/modules/6.1.0-42-amd64")]},
            "The kernel of Debian GNU/Linux 12",
            id="not in the module tree",
        ),
        pytest.param(
            {"state": "missing", "reasons": [make_reason("now", "brand_new", "xt_owner fell off 6.1.0-42-amd64")]},
            "The module fell off the running kernel",
            id="an unknown code",
        ),
    ],
)
def test_each_reason_has_a_cause(entry, start):
    ((text, _remedy),) = list_causes(make_gap(**entry))
    assert text.startswith(start)


def test_a_module_and_the_one_that_it_was_merged_into_have_one_cause():
    def change(found):
        missing = {"state": "missing", "autoload": "never", "boot": "no"}
        not_in_tree = make_reason("now", "not_in_tree", "not in x")
        found["modules"]["nf_conntrack"].update({**missing, "reasons": [not_in_tree]})
        no_provider = make_reason("now", "provider_missing", "neither it nor nf_conntrack is in x")
        found["modules"]["nf_conntrack_ipv4"] = {**missing, "reasons": [no_provider]}

    selection = Selection.from_options({"backend": "iptables", "profile": "documented"})
    causes = build([("a", make_outcome(change, selection=selection))]).causes
    (cause,) = (cause for cause in causes if "nf_conntrack" in cause.requirements)
    assert {"nf_conntrack", "nf_conntrack_ipv4"} <= set(cause.requirements)
    assert cause.text.endswith("does not include the modules")


def test_an_unknown_answer_is_another_cause_than_a_denial():
    denied = make_gap(
        state="loadable", autoload="denied", reasons=[make_reason("autoload", "selinux", "container_t may not")]
    )
    unknown = make_gap(
        state="loadable",
        autoload="unknown",
        reasons=[make_reason("autoload", "selinux_unknown", "the SELinux policy cannot be queried")],
    )
    assert list_causes(denied)[0][0].startswith("Modules are not loaded, and SELinux does not let containers")
    assert list_causes(unknown)[0][0].startswith("Modules are not loaded, and whether SELinux lets containers")


def test_a_tool_is_a_cause():
    def change(found):
        found["tools"]["nft"]["version"] = "0.9.8"

    causes = list_causes(change, selection=Selection.from_options({"backend": "nftables", "cni_plugin": True}))
    assert ("nft 0.9.8 is older than 1.0.1", "Install nft 1.0.1 or newer") in causes


@pytest.mark.parametrize(
    "causes, text",
    [
        pytest.param([], "", id="no cause"),
        pytest.param([RootCause("no_data: unreachable", "Unreachable", gaps=0)], "", id="no gap"),
        pytest.param([RootCause("a", "X is off", gaps=1)], "One cause explains the only gap: X is off", id="one gap"),
        pytest.param([RootCause("a", "X is off", gaps=4)], "One cause explains all 4 gaps: X is off", id="one cause"),
        pytest.param(
            [RootCause("a", "X is off", gaps=9), RootCause("b", "Y", gaps=2)],
            "One cause explains 9 of 11 gaps: X is off",
            id="two causes",
        ),
    ],
)
def test_the_main_cause_explains_most_gaps(causes, text):
    assert describe_main_cause(causes) == text


def test_a_cause_has_the_alternatives_that_help_on_most_of_its_nodes():
    kind = next(kind for kind in KINDS if kind.release.endswith("el10_1.x86_64"))
    changes = {"a": ["use A", "use B", "use C"], "b": ["use B", "use A"], "c": ["use B", "use D"], "d": []}
    nodes = [(name, make_outcome(kind=kind, plan=make_alternatives(*listed))) for name, listed in changes.items()]
    (cause,) = build(nodes).causes
    assert cause.alternative_texts == [
        "use B: helps on 3 of 4 nodes",
        "use A: helps on 2 of 4 nodes",
        "use C: helps on 1 of 4 nodes",
    ]
    assert describe_main_cause([cause]).endswith(
        "kernel-modules-extra is not installed. Alternative: use B: helps on 3 of 4 nodes"
    )


def test_the_alternatives_of_a_node_that_is_ready_or_waived_do_not_count():
    (document,) = [build([("a", make_outcome(plan=make_alternatives("use A")))])]
    assert document.causes == ()
    assert document.nodes[0].alternatives == ()


SELINUX = make_reason("autoload", "selinux", "SELinux denies")


@pytest.mark.parametrize(
    "entry, code",
    [
        pytest.param(
            {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "not_installed", "missing")]},
            "not_installed",
            id="missing now",
        ),
        pytest.param(
            {"state": "loadable", "autoload": "denied", "reasons": [SELINUX]}, "selinux", id="autoload denied"
        ),
        pytest.param(
            {
                "state": "loadable",
                "autoload": "denied",
                "reasons": [SELINUX, make_reason("boot", "missing_in_next_kernel", "n")],
            },
            "missing_in_next_kernel",
            id="missing in the next kernel",
        ),
        pytest.param({"state": "loadable", "autoload": "never"}, "not_loaded", id="loadable"),
        pytest.param({"state": "loaded", "autoload": "never"}, "not_persisted", id="loaded"),
    ],
)
def test_a_module_that_is_only_needed_after_a_reboot_has_the_reason_why_it_is_absent_then(entry, code):
    module = from_mapping(ModuleFacts, {"boot": "no", **entry})
    row = Row("iptables/module/iptable_raw", "must", module.state, "not_needed", "unmet", ("effective",))
    assert _choose_reason(module, row)[0] == code
