# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux denials in the audit log."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import audit_log

OTHER = "type=SYSCALL msg=audit(1795514400.120:900): arch=c000003e syscall=54 success=no exit=-2 items=0\n"
DENIAL = (
    "type=AVC msg=audit({time}.123:901): avc:  denied  {{ {permission} }} for  pid=7 "
    'comm="iptables-restor" kmod="{kmod}" scontext=system_u:system_r:{domain}:s0:c1,c2 '
    "tcontext=system_u:system_r:kernel_t:s0 tclass=system{end}\n"
)
DEFAULTS = {"time": 1795514400, "domain": "container_t", "end": " permissive=0", "permission": "module_request"}


def make_line(kmod, **fields):
    return DENIAL.format(kmod=kmod, **dict(DEFAULTS, **fields))


@pytest.fixture
def read(node):
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")

    def read_denied(content):
        node.write(audit_log.LOG, content)
        return node.facts(["xt_owner"])["selinux"]["denied"]

    return read_denied


def test_denials_are_reported_with_the_time_of_the_last_one(read):
    content = make_line("ipt_owner") + OTHER + make_line("ip6t_owner", time=1795600800) + OTHER
    assert read(content) == {"modules": ["xt_owner"], "domains": ["container_t"], "at": "2026-11-25T10:00:00Z"}


def test_an_old_denial_does_not_change_the_state_of_a_loaded_module(node, read):
    node.write("/proc/modules", "xt_owner 16384 0 - Live 0x0\n")
    read(make_line("ipt_owner"))
    entry = node.facts(["xt_owner"])["modules"]["xt_owner"]
    assert (entry["state"], entry["boot"]) == ("loaded", "no")


def test_without_permission_to_read_the_log_the_denials_are_unknown(node, forbid):
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")
    node.write(audit_log.LOG, make_line("ipt_owner"))
    forbid(audit_log.LOG)
    facts = node.facts(["xt_owner"])
    assert facts["selinux"]["denied"] is None
    assert facts["unreadable"][audit_log.LOG] == "Permission denied"
    assert facts["modules"]["xt_owner"]["state"] == "loadable"


def test_without_a_log_the_denials_are_unknown(node):
    node.write("/sys/fs/selinux/enforce", "1")
    assert node.facts([])["selinux"]["denied"] is None


def test_without_selinux_the_log_is_not_read(node):
    node.write(audit_log.LOG, make_line("ipt_owner"))
    assert "denied" not in node.facts([])["selinux"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        OTHER,
        make_line("ipt_owner", end=" permissive=1"),
        make_line("net-pf-10"),
        make_line("ipt_owner", permission="read"),
        make_line("ipt_owner")[:-120],
        make_line("ipt_owner", time=99999999999),
        make_line("ipt_owner")[40:],
        "x" * 100 + make_line("ipt_owner"),
    ],
    ids=[
        "empty",
        "blank lines",
        "another record",
        "permissive",
        "a module outside the catalogue",
        "another permission",
        "cut off at its end",
        "later than any date",
        "cut off at its start",
        "text before the line",
    ],
)
def test_other_lines_are_no_denials(read, content):
    assert read(content) == {"modules": [], "domains": [], "at": None}


def test_lines_of_old_kernels_and_lines_with_more_fields_are_denials(read):
    content = (
        make_line("ipt_owner", end="")
        + make_line("nfnetlink-subsys-10", domain="spc_t", end=' permissive=0\x1dSUBJ="x"')
        + make_line("ipt_mark").rstrip("\n")
    )
    denied = read(content)
    assert denied["modules"] == ["nf_tables", "xt_mark", "xt_owner"]
    assert denied["domains"] == ["container_t", "spc_t"]


@pytest.mark.parametrize(
    "before", ["node=worker-1.example.net ", OTHER + "\0" * 512], ids=["machine name", "NULs after a power failure"]
)
def test_text_of_auditd_before_a_line_is_skipped(read, before):
    assert read(before + make_line("ipt_owner"))["modules"] == ["xt_owner"]


def test_a_request_may_be_for_several_modules(read):
    assert read(make_line("nft-chain-2-nat"))["modules"] == ["nft_chain_nat", "nft_chain_nat_ipv4"]


def test_of_a_long_log_only_the_end_is_read(read, monkeypatch):
    monkeypatch.setattr(audit_log, "MAX_LOG_BYTES", 4096)
    assert read(make_line("ipt_mark") + OTHER * 100 + make_line("ipt_owner"))["modules"] == ["xt_owner"]


def test_of_many_denials_only_the_last_are_read(read, monkeypatch):
    monkeypatch.setattr(audit_log, "MAX_DENIALS", 3)
    assert read(make_line("ipt_mark") + make_line("ipt_owner") * 3)["modules"] == ["xt_owner"]
