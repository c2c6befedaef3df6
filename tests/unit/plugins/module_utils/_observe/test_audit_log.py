# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit log remembers of the modules that SELinux has refused."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import audit_log

OTHER = "type=SYSCALL msg=audit(1795514400.120:900): arch=c000003e syscall=54 success=no exit=-2 items=0\n"


def line(kmod, when=1795514400, domain="container_t", more=" permissive=0", permission="module_request"):
    context = "scontext=system_u:system_r:{}:s0:c1,c2 tcontext=system_u:system_r:kernel_t:s0 tclass=system".format(
        domain
    )
    return 'type=AVC msg=audit({}.123:901): avc:  denied  {{ {} }} for  pid=7 comm="iptables-restor" kmod="{}" {}{}\n'.format(
        when, permission, kmod, context, more
    )


@pytest.fixture
def denied(node):
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")

    def denied(content):
        node.write(audit_log.LOG, content)
        return node.facts(["xt_owner"])["selinux"]["denied"]

    return denied


def test_row_65_what_was_refused_is_told_with_the_last_time_and_the_module_as_it_is_now(node, denied):
    node.write("/proc/modules", "xt_owner 16384 0 - Live 0x0\n")
    found = denied(line("ipt_owner", 1795514400) + OTHER + line("ip6t_owner", 1795600800) + OTHER)
    assert found == {"modules": ["xt_owner"], "domains": ["container_t"], "at": "2026-11-25T10:00:00Z"}
    entry = node.facts(["xt_owner"])["modules"]["xt_owner"]
    assert (entry["state"], entry["boot"]) == ("loaded", "no")


def test_row_66_a_log_that_may_not_be_read_leaves_the_rest_judged(node, forbid):
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")
    node.write(audit_log.LOG, line("ipt_owner"))
    forbid(audit_log.LOG)
    facts = node.facts(["xt_owner"])
    assert facts["selinux"]["denied"] is None and facts["unreadable"][audit_log.LOG] == "Permission denied"
    assert facts["modules"]["xt_owner"]["state"] == "loadable"


def test_without_a_log_nothing_is_told_and_without_selinux_none_is_read(node):
    node.tree()
    node.write("/sys/fs/selinux/enforce", "1")
    assert node.facts([])["selinux"]["denied"] is None
    node.remove("/sys/fs/selinux/enforce")
    node.path("/sys/fs/selinux").rmdir()
    node.write(audit_log.LOG, line("ipt_owner"))
    assert "denied" not in node.facts([])["selinux"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        OTHER,
        line("ipt_owner", more=" permissive=1"),
        line("net-pf-10"),
        line("ipt_owner", permission="read"),
        line("ipt_owner")[:-120],  # cut off
        line("ipt_owner", when=99999999999),  # later than any date
        line("ipt_owner")[40:],  # where the file is longer than what is read of it
        "x" * 100 + line("ipt_owner"),
    ],
)
def test_what_is_no_refusal_of_a_module_of_ours_does_not_count(denied, content):
    assert denied(content) == {"modules": [], "domains": [], "at": None}


def test_kernels_that_do_not_say_permissive_and_logs_with_more_on_the_line_are_understood(denied):
    content = (
        line("ipt_owner", more="")
        + line("nfnetlink-subsys-10", domain="spc_t", more=' permissive=0\x1dSUBJ="x"')
        + line("ipt_mark").rstrip("\n")
    )
    assert denied(content)["modules"] == ["nf_tables", "xt_mark", "xt_owner"]
    assert denied(content)["domains"] == ["container_t", "spc_t"]


def test_a_machines_name_and_what_a_loss_of_power_left_before_a_line_do_not_hide_it(denied):
    assert denied("node=worker-1.example.net " + line("ipt_owner"))["modules"] == ["xt_owner"]
    assert denied(OTHER + "\0" * 512 + line("ipt_owner"))["modules"] == ["xt_owner"]


def test_one_request_may_be_for_either_of_two_modules(denied):
    assert denied(line("nft-chain-2-nat"))["modules"] == ["nft_chain_nat", "nft_chain_nat_ipv4"]


def test_a_long_log_is_read_from_its_end_and_costs_little(denied, monkeypatch):
    monkeypatch.setattr(audit_log, "_MOST_BYTES", 4096)
    assert denied(line("ipt_mark") + OTHER * 100 + line("ipt_owner"))["modules"] == ["xt_owner"]
    monkeypatch.setattr(audit_log, "_MOST_LINES", 3)
    assert denied(line("ipt_mark") + line("ipt_owner") * 3)["modules"] == ["xt_owner"]
