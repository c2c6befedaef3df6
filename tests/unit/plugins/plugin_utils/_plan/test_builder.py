# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan: packages, what is not to be written, undo, and the verdict that it foresees. On facts made here."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import packages
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import plan as module_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import checked, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    BOOT_FILE,
    ENFORCING,
    NOT_BUILT,
    NOT_INSTALLED,
    SEEN,
    nft,
    node,
    reason,
    step,
    steps,
)


def test_a_clean_node_has_no_step():
    plan = preparation_plan(node(state="builtin", boot="not_applicable"))
    assert plan["steps"] == [] and not plan["change"] and plan["expected"]["verdict"] == "ready"


def test_a_dirty_node_has_one_step_and_is_foreseen_ready():
    plan = nft(node())
    assert steps(plan) == ["modules"] and plan["expected"]["verdict"] == "ready"
    assert step(plan, "modules")["args"] == {
        "modules": plan["modules"],
        "always": [],
        "boot_only": [],
        "load": True,
        "persist": True,
    }
    assert (
        nft(node(), load=False)["expected"]["verdict"]
        == nft(node(), persist=False)["expected"]["verdict"]
        == "on_demand"
    )


def test_the_plan_does_what_was_foreseen_and_then_nothing():
    plan = nft(node())
    done = node(
        state="loaded", boot="yes", boot_files={BOOT_FILE: plan["persist"]}, ours={"boot_file": plan["persist"]}
    )
    assert not nft(done)["change"]


def test_one_plan_is_one_text_whatever_the_order_of_the_facts():
    made = node(xt_owner={"state": "missing", "autoload": "never", "reasons": [reason("now", "not_installed")]})
    turned = made | {"modules": dict(reversed(made["modules"].items()))}
    assert json.dumps(preparation_plan(made)) == json.dumps(preparation_plan(turned))


def test_what_others_list_at_boot_is_not_listed_again():
    plan = nft(
        node(
            boot_files={"/usr/lib/modules-load.d/v.conf": ["nft_redir"], BOOT_FILE: ["nft_counter", "nft_chain_nat"]},
            ours={"boot_file": ["nft_chain_nat"]},
        )
    )
    assert plan["persist"] == ["nf_tables", "nft_chain_nat"]


@pytest.mark.parametrize(
    "boot_files, ours",
    [
        # modules-load= on the kernel command line.
        (
            {"/proc/cmdline": ["nft_redir", "nf_tables"], BOOT_FILE: ["nft_chain_nat", "nft_counter"]},
            ["nft_chain_nat", "nft_counter"],
        ),
        # Somebody's own lines in our file: one that is asked for, one that is not.
        (
            {BOOT_FILE: ["nft_redir", "nf_tables", "xt_owner", "nft_chain_nat", "nft_counter"]},
            ["nft_chain_nat", "nft_counter"],
        ),
    ],
)
def test_what_others_list_keeps_no_plan_from_coming_to_rest(boot_files, ours):
    made = checked(node(state="loaded", boot="yes", boot_files=boot_files, ours={"boot_file": ours}))
    assert not nft(made)["change"] and nft(made)["persist"] == ours
    found = module_plan(made, assess(made, Selection.from_options({"backend": "nftables", "profile": "effective"})))
    assert list(found.persist) == ours and not found.change


WORDS = {
    "load": "yes",
    "persist": "false",
    "install_packages": "True",
    "override_conflicts": "on",
    "selinux_boolean": "no",
    "selinux_priority": "400",
}


def test_words_of_the_command_line_are_truth_values_and_numbers():
    said = Consent.from_options(WORDS)
    assert (
        said.load,
        said.persist,
        said.install_packages,
        said.override_conflicts,
        said.selinux_boolean,
        said.selinux_priority,
    ) == (
        True,
        False,
        True,
        True,
        False,
        400,
    )
    assert Consent.from_options({"selinux_boolean": ""}).selinux_boolean is None
    asked = Selection.from_options(
        {"cni_plugin": "true", "dns_capture": "off", "reconcile": "none", "ambient_ipv6": "0"}
    )
    assert (asked.cni_plugin, asked.dns_capture, asked.reconcile, asked.ambient_ipv6) == (True, False, None, False)


# What was recorded of these distributions' kernels; only Debian's packages were installed on a real machine.
@pytest.mark.parametrize(
    "system, release, module, package",
    [
        ("rocky", "6.12.0-124.el10_1.x86_64", "xt_owner", "kernel-modules-extra-6.12.0-124.el10_1.x86_64"),
        ("rhel", "6.12.0-124.el10_1.x86_64", "nft_ct", "kernel-modules-core-6.12.0-124.el10_1.x86_64"),
        ("almalinux", "5.14.0-427.el9.x86_64", "xt_owner", "kernel-modules-5.14.0-427.el9.x86_64"),
        (
            "ol",
            "5.15.0-300.163.18.el9uek.x86_64",
            "iptable_nat",
            "kernel-uek-modules-extra-netfilter-5.15.0-300.163.18.el9uek.x86_64",
        ),
        ("ol", "5.15.0-300.163.18.el9uek.x86_64", "xt_owner", "kernel-uek-core-5.15.0-300.163.18.el9uek.x86_64"),
        (
            "ol",
            "6.12.0-104.43.4.el10uek.x86_64",
            "xt_REDIRECT",
            "kernel-uek-modules-extra-netfilter-6.12.0-104.43.4.el10uek.x86_64",
        ),
        ("ol", "6.12.0-104.43.4.el10uek.x86_64", "nf_tables", "kernel-uek-core-6.12.0-104.43.4.el10uek.x86_64"),
        ("rhel", "5.14.0-570.el9_6.x86_64+rt", "xt_owner", "kernel-rt-modules-5.14.0-570.el9_6.x86_64"),
        ("rhel", "6.12.0-124.el10_1.aarch64+64k", "xt_owner", "kernel-64k-modules-extra-6.12.0-124.el10_1.aarch64"),
        ("fedora", "6.17.4-300.fc43.x86_64+debug", "xt_owner", "kernel-debug-modules-core-6.17.4-300.fc43.x86_64"),
        ("rhel", "4.18.0-553.rt7.342.el8_10.x86_64", "xt_owner", "kernel-rt-modules-4.18.0-553.rt7.342.el8_10.x86_64"),
        ("rocky", "6.12.40-1.el9.elrepo.x86_64", "xt_owner", None),
        ("ol", "5.14.0-427.el9.x86_64", "xt_owner", "kernel-modules-5.14.0-427.el9.x86_64"),
        ("fedora", "6.17.4-300.fc43.x86_64", "xt_owner", "kernel-modules-core-6.17.4-300.fc43.x86_64"),
        ("ubuntu", "6.8.0-45-generic", "xt_owner", "linux-modules-extra-6.8.0-45-generic"),
        ("debian", "7.2.12+deb14-amd64", "xt_owner", "linux-modules-7.2.12+deb14-amd64"),
        ("debian", "6.12.107+deb13-amd64", "xt_owner", "linux-image-6.12.107+deb13-amd64"),
        ("sles", "6.4.0-150600.23-default", "xt_owner", "kernel-default"),
        ("gentoo", "6.6.1", "xt_owner", None),
        ("amzn", "6.1.100-110.amzn2023.x86_64", "xt_owner", None),
    ],
)
def test_the_package_of_the_running_kernel(system, release, module, package):
    needed = packages.needed(node(system, release), [module], [])
    assert [one.name for one in needed] == ([package] if package else [])


def test_a_container_has_no_package_for_its_hosts_kernel():
    made = node("debian", "6.1.0-42-amd64") | {"platform": {"container": "podman"}}
    assert packages.needed(made, ["xt_owner"], []) == ()


def test_packages_are_named_and_with_consent_installed():
    made = node("rocky", "6.12.0-124.el10_1.x86_64", xt_owner=NOT_INSTALLED, xt_REDIRECT=NOT_INSTALLED)
    asked = preparation_plan(made)
    assert (
        steps(asked, "owner") == ["packages"]
        and "or set istio_node_install_packages: true" in step(asked, "packages")["what"]
    )
    assert [failure["name"] for failure in asked["not_loadable"]] == ["xt_REDIRECT", "xt_owner"] and asked["expected"][
        "verdict"
    ] == "not_ready"
    plan = preparation_plan(made, install_packages=True)
    assert (
        steps(plan) == ["packages", "modules"] and plan["not_loadable"] == [] and plan["expected"]["verdict"] == "ready"
    )
    assert step(plan, "packages")["args"]["names"] == ["kernel-modules-extra-6.12.0-124.el10_1.x86_64"]
    assert {"xt_owner", "xt_REDIRECT"} <= set(plan["load"])


def test_what_no_package_or_no_manager_of_ours_has_is_the_owners():
    assert steps(preparation_plan(node(xt_owner=NOT_BUILT), install_packages=True), "owner") == ["repair"]
    suse = preparation_plan(node("sles", "6.4.0-150600.23-default", xt_owner=NOT_INSTALLED), install_packages=True)
    assert (
        steps(suse, "owner") == ["packages"]
        and step(suse, "packages")["reboot"]
        and step(suse, "packages")["command"][0] == "zypper"
    )


def test_nft_is_installed_and_its_version_is_left_open():
    made = node(nft=None)
    assert (
        nft(made)["refused"] == ["nft is not installed; at least 1.0.1 is needed"]
        or nft(made, cni_plugin=True)["refused"]
    )
    plan = nft(made, cni_plugin=True, install_packages=True)
    assert (
        plan["refused"] == []
        and step(plan, "packages")["args"]["names"] == ["nftables"]
        and plan["expected"]["verdict"] == "unknown"
    )


@pytest.mark.parametrize("state, told", [("loadable", True), ("loaded", False)])
def test_what_loading_br_netfilter_does_to_others_is_told_before(state, told):
    plan = preparation_plan(node(br_netfilter={"state": state, "autoload": "never"}))
    assert any("bridge-nf-call-iptables becomes 1" in hint for hint in plan["hints"]) is told


@pytest.mark.parametrize(
    "managed_by, words", [("ostree", "rpm-ostree"), ("transactional-update", "next snapshot"), ("image", "read-only")]
)
def test_nothing_is_written_where_ansible_must_not_write(managed_by, words):
    made = node(management={"managed_by": managed_by})
    plan = preparation_plan(made)
    assert words in plan["refused"][0] and steps(plan) == [] and not plan["change"] and plan["load"] == []
    assert plan["expected"]["verdict"] == "at_risk" or plan["expected"]["verdict"] == "on_demand"
    loaded_only = preparation_plan(made, persist=False)
    assert loaded_only["refused"] == [] and steps(loaded_only) == ["modules"]


def test_the_owners_way_is_written_out():
    plan = preparation_plan(
        node("rhel", name="Red Hat Enterprise Linux CoreOS 418.94", management={"managed_by": "ostree"})
    )
    assert (
        plan["declaration"]["kind"] == "MachineConfig"
        and "source: data:,br_netfilter%0A" in plan["declaration"]["text"]
    )
    butane = preparation_plan(node("fedora", name="Fedora CoreOS 42", management={"managed_by": "ostree"}))[
        "declaration"
    ]
    assert butane["kind"] == "Butane" and "        inline: |\n          br_netfilter\n" in butane["text"]
    assert preparation_plan(node(management={"systemd": False}))["declaration"] is None
    assert "have your init load the modules" in preparation_plan(node(management={"systemd": False}))["refused"][0]


def test_a_boot_file_that_was_switched_off_or_has_broken_marks_is_refused():
    assert "switched it off" in preparation_plan(node(ours={"masked": True}))["refused"][0]
    assert "not one pair" in preparation_plan(node(ours={"boot_file": None}))["refused"][0]
    assert preparation_plan(node(ours={"masked": True}), persist=False)["refused"] == []


@pytest.mark.parametrize(
    "management, ours, told",
    [
        ({}, {"masked": True}, "Remove the link"),
        ({}, {"boot_file": None}, "remove them and run again"),
        ({"systemd": False}, {}, "have your init load the modules, for example by /etc/modules. Nothing is written"),
    ],
)
def test_nothing_is_refused_for_a_boot_file_that_is_left_alone_and_no_remedy_is_told_that_is_none(
    management, ours, told
):
    made = node(management=management, ours=ours, xt_owner=BLACKLISTED, conflicts=SEEN)
    loaded_only = preparation_plan(made, persist=False, override_conflicts=True)
    assert loaded_only["refused"] == [] and steps(loaded_only) == ["overrides", "modules"]
    assert told in preparation_plan(made, override_conflicts=True)["refused"][0]
    assert "istio_node_persist: false" in preparation_plan(made, override_conflicts=True)["refused"][0]
    policy = preparation_plan(
        node(management=management, ours=ours, selinux=ENFORCING),
        iptables_variant="legacy",
        selinux="policy",
        persist=False,
    )
    assert told in policy["refused"][0] and "istio_node_persist" not in policy["refused"][0]


FCOS = {"system": "fedora", "name": "Fedora CoreOS 42", "management": {"managed_by": "ostree"}}


@pytest.mark.parametrize(
    "consent",
    [{}, {"override_conflicts": True}, {"install_packages": True, "selinux": "policy", "selinux_boolean": True}],
)
def test_where_nothing_is_to_be_written_consent_takes_no_step_from_the_owner(consent):
    made = node(**FCOS, xt_owner=BLACKLISTED, conflicts=SEEN, selinux=ENFORCING | {"domain_kernel_load_modules": False})
    plan = preparation_plan(made, **consent)
    assert (
        steps(plan) == []
        and steps(plan, "owner") == ["conflict"]
        and plan["refused"]
        and "xt_owner" not in plan["declaration"]["text"]
    )
    assert "istio_node_override_conflicts: true" not in step(plan, "conflict")["what"]
    assert [hint for hint in plan["hints"] if "count for nothing" in hint] == [
        hint for hint in plan["hints"][:1] if consent
    ]
    assert any(hint.startswith("run again once the owner's steps are done") for hint in plan["hints"])
    loaded_only = preparation_plan(made, persist=False, **consent)
    assert loaded_only["refused"] == [] and steps(loaded_only) == ["modules"] and loaded_only["load"]
    assert all(f"istio_node_{name}" in plan["hints"][0] for name in consent)


def test_where_our_block_is_as_it_should_be_nothing_is_written():
    persist = nft(node())["persist"]
    made = node(management={"managed_by": "ostree"}, boot_files={BOOT_FILE: persist}, ours={"boot_file": persist})
    plan = nft(made)
    assert plan["refused"] == [] and plan["load"] and plan["persist"] == persist


def test_a_file_of_a_vendor_is_not_hidden():
    hidden = "/usr/lib/modules-load.d/istio.conf"
    made = checked(node(boot_files={hidden: ["nft_redir"]}, ours={"shadowed_file": hidden}))
    plan = nft(made)
    assert (
        len(plan["refused"]) == 1
        and f"would hide {hidden}" in plan["refused"][0]
        and f"copy it to {BOOT_FILE} first" in plan["refused"][0]
    )
    assert nft(made, persist=False)["refused"] == []
    made["boot_files"][hidden] = list(KNOWN_MODULES)
    assert nft(made)["refused"] == [] and nft(made)["persist"] == []


def test_the_owners_way_keeps_what_the_file_lists_already():
    listed = node(
        **FCOS,
        boot_files={BOOT_FILE: ["nft_redir", "xt_owner"]},
        ours={"other_modules": ["wireguard", "xt_owner", "nft_redir", "a: b"]},
    )
    text = nft(checked(listed))["declaration"]["text"]
    assert [line.strip() for line in text.partition("inline: |\n")[2].splitlines()] == [
        *("wireguard", "xt_owner", "nft_redir", "nf_tables", "nft_chain_nat", "nft_counter")
    ]
    sidecar = preparation_plan(node())["persist"]
    again = preparation_plan(node(**FCOS, boot_files={BOOT_FILE: sidecar}), mode=["sidecar", "ambient"])["declaration"][
        "text"
    ]
    assert all(f" {name}\n" in again for name in preparation_plan(node(), mode=["sidecar", "ambient"])["persist"])
    # Nobody can make a whole file of a part.
    assert nft(checked({**listed, "managed": {**listed["managed"], "truncated": True}}))["declaration"] is None
    okd = preparation_plan(
        node("scos", name="CentOS Stream CoreOS 9.0.20250701-0", management={"managed_by": "ostree"})
    )
    assert okd["declaration"]["kind"] == "MachineConfig"


def test_undo_takes_back_what_is_ours_and_says_what_it_leaves():
    ours = {
        "boot_file": ["xt_owner"],
        "overrides": {"/etc/modprobe.d/hard.conf": {"current": True}},
        "policy": {"priority": 300, "cil": "x"},
    }
    plan = preparation_plan(node(state="loaded", ours=ours), state="absent")
    assert steps(plan) == ["modules", "overrides", "policy"]
    assert step(plan, "policy")["command"] == ["semodule", "-X", "300", "-r", "istio_node_prep"]
    assert step(plan, "policy")["args"] == {"state": "absent", "name": "istio_node_prep", "stale": [300]}
    assert (
        "stay loaded until a reboot" in plan["not_removed"][0] and "packages stay installed" in plan["not_removed"][1]
    )
    nothing = preparation_plan(node(), state="absent")
    assert nothing["steps"] == [] and not nothing["change"]
    assert "by hand" in preparation_plan(node(ours={"boot_file": None}), state="absent")["refused"][0]


def test_undo_removes_a_block_without_names():
    made = checked(node(ours={"has_empty_block": True}))
    assert steps(preparation_plan(made, state="absent")) == ["modules"]
    assert steps(preparation_plan(node(ours={"boot_file": ["xt_owner"]}), state="absent")) == ["modules"]


def test_undo_needs_no_systemd_and_leaves_nothing_where_it_is_refused():
    plan = preparation_plan(node(ours={"boot_file": ["xt_owner"]}, management={"systemd": False}), state="absent")
    assert plan["refused"] == [] and steps(plan) == ["modules"]
    plan = preparation_plan(node(ours={"boot_file": ["xt_owner"]}, management={"managed_by": "ostree"}), state="absent")
    assert (
        "rpm-ostree" in plan["refused"][0]
        and "leave out what is ours (take our block out)" in plan["refused"][0]
        and plan["not_removed"] == []
    )


def test_undo_takes_the_policy_of_all_priorities_out_or_names_it():
    ours = {"policy": {"priority": 400, "cil": "x", "priorities": [300, 400], "semodule": True}}
    plan = preparation_plan(checked(node(ours=ours)), state="absent")  # where SELinux is switched off, too
    assert step(plan, "policy")["args"]["stale"] == [300, 400]
    assert step(plan, "policy")["command"] == [
        "semodule",
        "-X",
        "300",
        "-r",
        "istio_node_prep",
        "-X",
        "400",
        "-r",
        "istio_node_prep",
    ]
    ours["policy"]["semodule"] = False
    plan = preparation_plan(node(ours=ours), state="absent")
    assert plan["steps"] == [] and "priorities 300, 400 stays, since there is no semodule" in plan["not_removed"][0]


def test_undo_names_the_boolean_that_stays_on():
    on = {"mode": "enforcing", "domain_kernel_load_modules": True}
    assert (
        "setsebool -P domain_kernel_load_modules off"
        in preparation_plan(node(selinux=on), state="absent")["not_removed"][0]
    )
    assert (
        preparation_plan(node(selinux=on | {"domain_kernel_load_modules": False}), state="absent")["not_removed"] == []
    )


@pytest.mark.parametrize(
    "option, value",
    [
        ("state", "present"),
        ("load", "perhaps"),
        ("load", ""),
        ("selinux", "permissive"),
        ("selinux_domains", []),
        ("selinux_domains", ["x)(allow y"]),
        ("selinux_priority", 0),
        ("selinux_priority", True),
        ("selinux_boolean", 1),
        ("reboot", "always"),
        ("override_conflict", True),
    ],
)
def test_bad_consent_gets_one_clear_error(option, value):
    with pytest.raises(
        AnsibleFilterError,
        match=f"nodeprep.istio.preparation_plan: ({option}: |there is no option '{option}'; .*, override_conflicts, )",
    ):
        preparation_plan(node(), **{option: value})
