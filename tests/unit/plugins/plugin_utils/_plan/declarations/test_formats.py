# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations: on which systems nothing is written, and what their owner declares instead."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import (
    package_block_reason,
    write_block_reason,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import make_declaration
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BOOT_FILE,
    FEDORA_COREOS,
    NOT_INSTALLED,
    OSTREE,
    list_kinds,
    make_node,
    plan_nftables,
)


@pytest.mark.parametrize(
    "managed_by, words",
    [
        ("ostree", "rpm-ostree manages this node"),
        ("nixos", "NixOS writes the files"),
        ("image", "/etc is read-only"),
        ("chef", "chef manages this node"),
    ],
)
def test_nothing_is_written_to_a_system_that_is_managed_in_another_way(managed_by, words):
    node = make_node(platform={"managed_by": managed_by})
    assert words in (write_block_reason(parse_facts(node)) or "")
    plan = preparation_plan(node)
    assert words in plan["refused"][0]
    assert plan["refused"][0].startswith("nothing is written to this node: ")
    assert list_kinds(plan) == []
    assert not plan["change"]
    assert plan["load"] == []
    assert plan["expected"]["verdict"] in ("at_risk", "on_demand")


def test_transactional_update_manages_packages_and_not_files():
    node = make_node(platform={"managed_by": "transactional-update"}, xt_owner=NOT_INSTALLED)
    assert write_block_reason(parse_facts(node)) is None
    assert "next snapshot" in (package_block_reason(parse_facts(node)) or "")
    plan = preparation_plan(node, install_packages=True)
    assert list_kinds(plan) == ["modules"]
    assert "xt_REDIRECT" in plan["persist"]
    assert any("istio_node_install_packages is ignored: transactional-update" in hint for hint in plan["hints"])


@pytest.mark.parametrize("platform", [{"container": "lxc"}, {"container": "kind"}, {"container": "user_namespace"}])
def test_a_container_is_prepared_on_its_host(platform):
    plan = preparation_plan(make_node(platform=platform))
    assert (plan["load"], plan["persist"], list_kinds(plan)) == ([], [], [])
    assert "its boot files are not read" in plan["refused"][0]
    assert "; prepare its host, or set istio_node_persist: false" in plan["refused"][0]
    assert plan["declaration"]["kind"] == "host file"
    assert plan["declaration"]["text"].startswith("# On the host of this container")


def test_wsl_has_boot_files_of_its_own():
    assert preparation_plan(make_node(platform={"container": "wsl"}))["persist"]


def test_such_a_node_can_still_load_modules_without_listing_them():
    plan = preparation_plan(make_node(platform=OSTREE), persist=False)
    assert plan["refused"] == []
    assert list_kinds(plan) == ["modules"]


def test_other_systems_may_be_written_to():
    assert write_block_reason(parse_facts(make_node())) is None


@pytest.mark.parametrize(
    "name",
    ["Red Hat Enterprise Linux CoreOS 418.94", "CentOS Stream CoreOS 9.0.20250701-0"],
)
def test_openshift_gets_a_machine_config(name):
    declaration = preparation_plan(make_node("rhel", name=name, platform=OSTREE))["declaration"]
    assert declaration["kind"] == "MachineConfig"
    assert f"path: {BOOT_FILE}\n" in declaration["text"]
    assert "source: data:,br_netfilter%0A" in declaration["text"]


def test_fedora_coreos_gets_a_butane_file():
    declaration = preparation_plan(make_node(**FEDORA_COREOS))["declaration"]
    assert declaration["kind"] == "Butane"
    assert f"path: {BOOT_FILE}\n" in declaration["text"]
    assert "        inline: |\n          br_netfilter\n" in declaration["text"]


def test_a_system_without_a_known_format_gets_no_declaration():
    assert preparation_plan(make_node(platform={"managed_by": "image"}))["declaration"] is None


IMAGE = {"managed_by": "image", "etc": "read_only"}
VOLATILE = {"etc": "volatile"}
DECLARATIONS = {
    "talos": (IMAGE, "Talos", "machine:\n  kernel:\n    modules:\n      - name: nf_tables\n      - name: nft_redir\n"),
    "nixos": ({"managed_by": "nixos"}, "NixOS", '{\n  boot.kernelModules = [\n    "nf_tables"\n'),
    "bottlerocket": (
        VOLATILE,
        "Bottlerocket",
        "[settings.kernel.modules.nf_tables]\nallowed = true\nautoload = true\n[settings.kernel.modules.nft_redir]\n",
    ),
    "cos": (VOLATILE, "cloud-init", "#cloud-config\nbootcmd:\n  - [modprobe, -a, -b, nf_tables, "),
    "flatcar": (IMAGE, "Butane", "variant: flatcar\nversion: 1.0.0\n"),
    "alpine": (VOLATILE, "lbu script", f"#!/bin/sh\ncat > {BOOT_FILE} << 'END'\nnf_tables\nnft_redir\n"),
    "debian": (VOLATILE, "startup script", "#!/bin/sh\n# Run this"),
}


@pytest.mark.parametrize("system, platform, kind, text", [(system, *row) for system, row in DECLARATIONS.items()])
def test_each_system_has_its_format(system, platform, kind, text):
    declaration = plan_nftables(make_node(system, platform=platform))["declaration"]
    assert declaration["kind"] == kind
    assert declaration["text"].startswith(text)
    assert "nft_counter" in declaration["text"]


@pytest.mark.parametrize("system", ["cos", "flatcar", "fedora"])
def test_a_declaration_in_yaml_can_be_parsed(system):
    platform = VOLATILE if system == "cos" else OSTREE
    node = make_node(system, name="Fedora CoreOS 42" if system == "fedora" else "x", platform=platform)
    parsed = yaml.safe_load(plan_nftables(node)["declaration"]["text"])
    if system == "cos":
        assert parsed["bootcmd"][0][:4] == ["modprobe", "-a", "-b", "nf_tables"]
    else:
        assert parsed["storage"]["files"][0]["contents"]["inline"].splitlines()[0] == "nf_tables"


def test_a_declaration_for_bottlerocket_has_a_table_for_each_module():
    lines = plan_nftables(make_node("bottlerocket", platform=VOLATILE))["declaration"]["text"].splitlines()
    names = plan_nftables(make_node())["persist"]
    assert lines[::3] == [f"[settings.kernel.modules.{name}]" for name in names]
    assert set(lines[1::3]) == {"allowed = true"}
    assert set(lines[2::3]) == {"autoload = true"}


def test_the_text_of_a_plan_shows_the_declaration_unless_the_plan_is_refused():
    text = plan_nftables(make_node("bottlerocket", platform=VOLATILE))["text"]
    assert text[text.index("declaration (Bottlerocket):") + 1] == "[settings.kernel.modules.nf_tables]"
    assert not any("declaration" in line for line in plan_nftables(make_node(**FEDORA_COREOS))["text"])


def list_declared_lines(node):
    text = plan_nftables(node)["declaration"]["text"]
    return [line.strip() for line in text.partition("inline: |\n")[2].splitlines()]


def test_a_declaration_keeps_what_the_file_lists_already():
    node = make_node(
        **FEDORA_COREOS,
        boot_files={BOOT_FILE: ["nft_redir", "xt_owner"]},
        managed={"other_modules": ["wireguard", "xt_owner", "nft_redir", "a: b"]},
    )
    listed_already = ["wireguard", "xt_owner", "nft_redir"]
    assert list_declared_lines(node) == [*listed_already, "nf_tables", "nft_chain_nat", "nft_counter"]


def test_a_declaration_for_more_modes_keeps_the_modules_of_the_first():
    listed = preparation_plan(make_node())["persist"]
    both = {"mode": ["sidecar", "ambient"]}
    text = preparation_plan(make_node(**FEDORA_COREOS, boot_files={BOOT_FILE: listed}), **both)["declaration"]["text"]
    for name in preparation_plan(make_node(), **both)["persist"]:
        assert f" {name}\n" in text


def test_a_file_with_more_lines_than_the_facts_list_is_not_declared():
    facts = parse_facts(make_node(**FEDORA_COREOS, managed={"truncated": True}))
    assert make_declaration(facts, ["nft_redir"]) is None
