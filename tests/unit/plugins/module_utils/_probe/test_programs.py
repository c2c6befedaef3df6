# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that load rule sets: which file is used, and which part of the output is kept."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import programs, sandbox
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

BY_ID = {rule_set.id: rule_set for rule_set in RULE_SETS}
LEGACY = BY_ID["iptables-legacy/ipv4/sidecar-owner-groups"]
NFT = BY_ID["iptables-nft/ipv4/sidecar-owner-groups"]


@pytest.mark.parametrize(
    "target, rule_set, other", [("xtables-nft-multi", NFT, LEGACY), ("xtables-legacy-multi", LEGACY, NFT)]
)
def test_a_program_with_a_plain_name_is_used_for_its_variant_only(monkeypatch, tmp_path, target, rule_set, other):
    monkeypatch.setattr(programs.tools, "DIRECTORIES", (str(tmp_path),))
    (tmp_path / target).write_text("")
    assert programs.find_program(rule_set) is None
    (tmp_path / target).chmod(0o755)
    (tmp_path / "iptables-restore").symlink_to(target)
    assert programs.find_program(rule_set) == str(tmp_path / "iptables-restore")
    assert programs.find_program(other) is None


def test_the_output_of_a_program_is_kept_without_the_reference_to_its_help(monkeypatch):
    output = (
        "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'nat'\n\n"
        "Error occurred at line: 1\nTry `iptables-restore -h' ...\n"
    )
    monkeypatch.setattr(sandbox, "run_program", lambda *_arguments: (2, output))
    expected = (
        "iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table 'nat'; "
        "Error occurred at line: 1"
    )
    assert programs.load_rules("/sbin/iptables-restore", "") == (False, expected)


def test_a_program_that_prints_nothing_is_reported_with_its_exit_code(monkeypatch):
    monkeypatch.setattr(sandbox, "run_program", lambda *_arguments: (139, ""))
    assert programs.load_rules("/sbin/nft", "") == (False, "nft: exit code 139")


def test_a_program_that_cannot_be_started_is_reported(monkeypatch):
    def run_program(*_arguments):
        raise OSError(8, "Exec format error")

    monkeypatch.setattr(sandbox, "run_program", run_program)
    assert programs.load_rules("/sbin/nft", "") == (False, "/sbin/nft cannot be started: Exec format error")


@pytest.mark.parametrize(
    "status, capabilities",
    [("Name:\tcat\nCapEff:\t0000000000003000\nCapBnd:\t0\n", "0000000000003000"), ("", None)],
    ids=["shown", "not shown"],
)
def test_capabilities_are_read_from_the_status_of_a_process(monkeypatch, status, capabilities):
    monkeypatch.setattr(sandbox, "run_program", lambda *_arguments: (0, status))
    assert programs.read_capabilities() == capabilities
