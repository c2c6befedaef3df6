# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of each rule set: which are tested, and what the results contain."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import read_node
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import programs, runner, sandbox
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.runner import NOT_TESTABLE, NOT_TESTED, PASSED
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

BY_ID = {rule_set.id: rule_set for rule_set in RULE_SETS}
LEGACY = BY_ID["iptables-legacy/ipv4/sidecar-owner-groups"]
NFT = BY_ID["iptables-nft/ipv4/sidecar-owner-groups"]
CAPABILITIES = "0000000000003000"
DENIED = {"mode": "enforcing", "module_request": False, "domain": "container_t"}


@pytest.fixture
def read(node):
    def read(loaded=(), on_disk=()):
        node.tree(on_disk, other=("kernel", [], []))
        node.write("/proc/modules", "".join("{} 1 0 - Live 0x0\n".format(name) for name in loaded))
        names = [name for rule_set in RULE_SETS for name in rule_set.all_modules]
        return read_node(Files(str(node.root)), names)

    return read


@pytest.fixture
def tested(monkeypatch):
    """Let every rule set pass without a sandbox; the list of those that were tested."""
    tested = []

    def run_isolated(work, _timeout, _label):
        emitted = []
        work(emitted.append)
        return emitted

    def try_rule_set(rule_set, _path, _context):
        tested.append(rule_set)
        return runner.Result(PASSED)

    monkeypatch.setattr(sandbox, "run_isolated", run_isolated)
    monkeypatch.setattr(runner, "read_capabilities", lambda: CAPABILITIES)
    monkeypatch.setattr(runner, "find_program", lambda _rule_set: "/x")
    monkeypatch.setattr(runner, "try_rule_set", try_rule_set)
    return tested


def test_a_rule_set_is_tested_if_all_of_its_modules_are_present(read, tested):
    results, capabilities = runner.run_rule_sets([LEGACY], read(loaded=LEGACY.modules), False, 10)
    assert tested == [LEGACY]
    assert results == {LEGACY.id: runner.Result(PASSED)}
    assert capabilities == CAPABILITIES


@pytest.fixture
def without_xt_owner(read):
    loaded = [name for name in LEGACY.modules if name != "xt_owner"]
    return lambda **more: read(loaded=loaded, **more)


def test_a_rule_set_is_not_tested_if_the_kernel_would_load_a_module(without_xt_owner, tested):
    results, capabilities = runner.run_rule_sets([LEGACY], without_xt_owner(on_disk=["xt_owner"]), False, 10)
    assert tested == []
    assert results[LEGACY.id].status == NOT_TESTED
    assert results[LEGACY.id].would_load == ["xt_owner"]
    assert results[LEGACY.id].message.startswith("the kernel would load xt_owner; prepare the node first")
    assert capabilities is None


def test_with_autoload_the_kernel_may_load_a_module(without_xt_owner, tested):
    runner.run_rule_sets([LEGACY], without_xt_owner(on_disk=["xt_owner"]), True, 10)
    assert tested == [LEGACY]


@pytest.mark.parametrize("autoload", [True, False])
def test_a_rule_set_is_not_tested_if_the_kernel_would_load_a_blacklisted_dependency(
    without_xt_owner, node, tested, autoload
):
    without_xt_owner()
    node.tree(xt_owner=("kernel", ["nfnetlink"], ["ipt_owner", "ip6t_owner"]), nfnetlink=("kernel", [], []))
    node.write("/etc/modprobe.d/a.conf", "blacklist nfnetlink\n")
    results, _capabilities = runner.run_rule_sets(
        [LEGACY], read_node(Files(str(node.root)), ["xt_owner"]), autoload, 10
    )
    assert tested == []
    assert results[LEGACY.id] == runner.Result(
        NOT_TESTED,
        "the kernel would load xt_owner, and with it nfnetlink, which is blacklisted (/etc/modprobe.d/a.conf:1); "
        "remove or override that line, then run the probe again",
    )


def test_a_rule_set_is_tested_without_a_module_that_is_not_installed(without_xt_owner, tested):
    runner.run_rule_sets([LEGACY], without_xt_owner(), False, 10)
    assert tested == [LEGACY]


def test_a_rule_set_is_tested_if_selinux_denies_its_module(without_xt_owner, tested):
    node = without_xt_owner(on_disk=["xt_owner"])._replace(selinux=DENIED)
    runner.run_rule_sets([LEGACY], node, False, 10)
    assert tested == [LEGACY]


def test_the_policy_is_queried_for_the_domain_of_the_programs(monkeypatch, node):
    queried = []

    def query_module_request(_files, domains=("container_t",)):
        queried.append(domains)
        return True, domains[0]

    monkeypatch.setattr(runner, "query_module_request", query_module_request)
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")
    facts = runner._read_node(Files(str(node.root)), [], "spc_t").selinux
    assert facts["mode"] == "enforcing"
    assert facts["module_request"] is True
    assert facts["domain"] == "spc_t"
    assert queried[-1] == ("spc_t",)


def test_without_a_domain_selinux_denies_nothing(node):
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")
    assert runner._read_node(Files(str(node.root)), [], None).selinux == {"mode": "disabled"}


def test_a_rule_set_without_its_program_is_not_testable(read, monkeypatch, tmp_path):
    monkeypatch.setattr(programs.tools, "DIRECTORIES", (str(tmp_path),))
    results, capabilities = runner.run_rule_sets([LEGACY], read(), True, 10)
    assert results[LEGACY.id] == runner.Result(NOT_TESTABLE, "iptables-legacy-restore is not installed")
    assert capabilities is None


def test_a_probe_that_runs_out_of_time_lists_the_rule_sets_that_it_did_not_test(read, monkeypatch):
    def run_isolated(*_arguments):
        raise sandbox.UnfinishedError("timeout after 1 seconds", [CAPABILITIES, [LEGACY.id, {"status": PASSED}]])

    monkeypatch.setattr(sandbox, "run_isolated", run_isolated)
    monkeypatch.setattr(runner, "find_program", lambda _rule_set: "/x")
    results, capabilities = runner.run_rule_sets([LEGACY, NFT], read(), True, 1)
    assert capabilities == CAPABILITIES
    assert results[LEGACY.id] == runner.Result(PASSED)
    expected = "the probe ended before this rule set: timeout after 1 seconds"
    assert results[NFT.id] == runner.Result(NOT_TESTED, expected)


def test_a_result_contains_only_the_fields_that_apply():
    assert runner.Result(PASSED).as_dict() == {"status": "passed"}
    failed = runner.Result(runner.FAILED, "no such table", missing=[], missing_options=["NF_CONNTRACK_ZONES"])
    assert failed.as_dict() == {
        "status": "failed",
        "message": "no such table",
        "missing": [],
        "missing_options": ["NF_CONNTRACK_ZONES"],
    }
