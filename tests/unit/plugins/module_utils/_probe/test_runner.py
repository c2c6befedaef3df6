# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be attempted, what the kernel would load for it, and what a failed rule set lacks."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rule_sets, runner, sandbox

SETS = {rule_set.id: rule_set for rule_set in rule_sets.RULE_SETS}
LEGACY = SETS["iptables-legacy/ipv4/sidecar-owner-groups"]
NFT = SETS["iptables-nft/ipv4/sidecar-owner-groups"]
HOST = SETS["iptables-legacy/ipv4/ambient-host"]
NATIVE = SETS["nft/ipv4/sidecar-dns"]


@pytest.fixture
def read(node):
    def read(loaded=(), on_disk=(), config=None):
        node.tree(on_disk, other=("kernel", [], []))
        node.write("/proc/modules", "".join("{} 1 0 - Live 0x0\n".format(name) for name in loaded))
        if config is not None:
            node.write("/boot/config-6.1.0-test", config)
        names = [name for rule_set in SETS.values() for name in rule_set.needs + rule_set.may_need]
        return node_facts.read_node(Files(str(node.root)), names)

    return read


def test_a_rule_set_is_attempted_where_all_of_its_modules_are_there(read):
    assert runner.forecast(LEGACY, "/x", read(loaded=LEGACY.needs), False) is None


def test_a_rule_set_that_would_make_the_kernel_load_something_is_not_tested(read):
    there = [name for name in LEGACY.needs if name != "xt_owner"]
    result = runner.forecast(LEGACY, "/x", read(loaded=there, on_disk=["xt_owner"]), False)
    assert (result["status"], result["would_load"]) == ("not_tested", ["xt_owner"])
    assert runner.forecast(LEGACY, "/x", read(loaded=there, on_disk=["xt_owner"]), True) is None


def test_a_module_that_is_nowhere_can_be_asked_for(read):
    node = read(loaded=[name for name in LEGACY.needs if name != "xt_owner"])
    assert runner.forecast(LEGACY, "/x", node, False) is None
    assert runner.lacking(LEGACY, node) == (["xt_owner"], [])


def test_without_ip_tables_nothing_else_is_asked_for_but_the_ipset(read):
    node = read(on_disk=None)
    assert runner.would_load(LEGACY, node) == []
    assert runner.would_load(HOST, node) == ["ip_set", "ip_set_hash_ip"]
    assert "ip_tables" in runner.lacking(LEGACY, node)[0]


DENIED = {"mode": "enforcing", "module_request": False, "domain": "container_t"}


def test_what_selinux_denies_the_programs_is_tried_and_lacks_it(read):
    node = read(loaded=[name for name in LEGACY.needs if name != "xt_owner"], on_disk=["xt_owner"])
    node.selinux = DENIED
    assert runner.forecast(LEGACY, "/x", node, False) is None
    assert runner.lacking(LEGACY, node) == (["xt_owner"], [])


def test_the_ipset_is_made_by_the_probe_itself_so_selinux_does_not_keep_the_kernel_from_loading_it(read):
    ipset = ["ip_set", "ip_set_hash_ip"]
    node = read(loaded=[name for name in HOST.needs if name not in ipset], on_disk=ipset)
    node.selinux = DENIED
    assert runner.forecast(HOST, "/x", node, False)["would_load"] == ipset
    assert runner.lacking(HOST, node) == (ipset, [])


def test_a_domain_is_asked_for_itself(monkeypatch, node):
    asked = []
    monkeypatch.setattr(
        runner.selinux,
        "may_request",
        lambda _files, domains=("container_t",): asked.append(domains) or (True, domains[0]),
    )
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")
    files = Files(str(node.root))
    met = runner._read_node(files, [], "spc_t").selinux
    assert (met["mode"], met["module_request"], met["domain"]) == ("enforcing", True, "spc_t")
    assert asked[-1] == ("spc_t",)
    assert runner._read_node(files, [], None).selinux == {"mode": "disabled"}


def test_a_merged_module_stands_for_the_one_that_took_it_over(read):
    assert runner.would_load(NFT, read(loaded=NFT.needs)) == []
    assert runner.would_load(
        SETS["nft/ipv4/sidecar-kube-virt"], read(loaded=["nft_redir", "nft_chain_nat"], on_disk=["nf_tables"])
    ) == ["nf_tables"]


def test_kernels_with_a_nat_chain_for_each_family_lack_nothing(read):
    there = [name for name in NFT.needs if name != "nft_chain_nat"]
    assert runner.lacking(NFT, read(loaded=there))[0] == ["nft_chain_nat"]
    assert runner.lacking(NFT, read(loaded=there + ["nft_chain_nat_ipv4", "nft_counter"])) == ([], [])


def test_a_kernel_option_that_is_off_is_named(read):
    assert runner.lacking(NATIVE, read(loaded=NATIVE.needs, config="CONFIG_MODULES=y\n")) == (
        [],
        ["NF_CONNTRACK_ZONES"],
    )
    assert runner.lacking(
        NATIVE, read(loaded=NATIVE.needs, config="CONFIG_MODULES=y\nCONFIG_NF_CONNTRACK_ZONES=y\n")
    ) == ([], [])


def test_a_node_without_the_program_cannot_be_tested(read, monkeypatch, tmp_path):
    monkeypatch.setattr(runner.tools, "DIRECTORIES", (str(tmp_path),))
    assert runner.run([LEGACY], read(), True, 10) == (
        {LEGACY.id: {"status": "not_testable", "message": "iptables-legacy-restore is not installed"}},
        None,
    )


@pytest.mark.parametrize("target, tool", [("xtables-nft-multi", NFT), ("xtables-legacy-multi", LEGACY)])
def test_the_plain_name_serves_for_what_it_is(monkeypatch, tmp_path, target, tool):
    monkeypatch.setattr(runner.tools, "DIRECTORIES", (str(tmp_path),))
    (tmp_path / target).write_text("")
    assert runner.program(tool) is None
    (tmp_path / target).chmod(0o755)
    (tmp_path / "iptables-restore").symlink_to(target)
    assert runner.program(tool) == str(tmp_path / "iptables-restore")
    assert runner.program(LEGACY if tool is NFT else NFT) is None


def test_a_probe_that_is_cut_off_says_what_it_did_not_come_to(read, monkeypatch):
    ended = sandbox.Ended("the time-out of 1 seconds is over")
    ended.results = ["CapEff:\t0000000000003000", [LEGACY.id, {"status": "proved"}]]

    def cut_off(*_arguments):
        raise ended

    monkeypatch.setattr(sandbox, "collect", cut_off)
    monkeypatch.setattr(runner, "program", lambda _rule_set: "/x")
    results, capabilities = runner.run([LEGACY, NFT], read(), True, 1)
    assert capabilities == "0000000000003000"
    assert results[LEGACY.id] == {"status": "proved"}
    assert results[NFT.id] == {
        "status": "not_tested",
        "message": "the probe did not come to it: the time-out of 1 seconds is over",
    }


def test_only_what_helps_is_kept_of_a_programs_words(monkeypatch):
    said = "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'nat'\n\nError occurred at line: 1\nTry `iptables-restore -h' ...\n"
    monkeypatch.setattr(sandbox, "run", lambda *_arguments: (2, said))
    assert runner.load("/sbin/iptables-restore", "") == (
        False,
        "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'nat'; Error occurred at line: 1",
    )
    monkeypatch.setattr(sandbox, "run", lambda *_arguments: (139, ""))
    assert runner.load("/sbin/nft", "") == (False, "nft ended with 139")
