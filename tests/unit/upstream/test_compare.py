# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of releases with the catalogue, from the checkout to the exit code."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import _cached_rows
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST
from ansible_collections.nodeprep.istio.tests.unit.support.istio_checkout import (
    AMBIENT,
    HOST,
    IPSET_SOURCE,
    NFT_SIDECAR,
    RELEASE,
    SIDECAR,
    add_release,
)
from ansible_collections.nodeprep.istio.tests.upstream.checkout import parse_version
from ansible_collections.nodeprep.istio.tests.upstream.goldens import NEWEST_PATCHES
from ansible_collections.nodeprep.istio.tests.upstream.upstream import compare

NEXT = f"1.{parse_version(NEWEST)[1] + 1}.0"
POD = "tools/istio-iptables/pkg/capture/testdata"
AMBIENT_POD = "cni/pkg/iptables/testdata"
NFT_POD = "tools/istio-nftables/pkg/capture/testdata"


@pytest.fixture
def run(tmp_path, capsys):
    """Return the function that compares releases, given their changes: the exit code, the lines, and the errors."""

    def compare_releases(changes, *tags):
        for tag, changed in changes.items():
            add_release(tmp_path, tag, changed)
        code = compare(tmp_path, list(tags))
        output = capsys.readouterr()
        return code, output.out.splitlines()[:-1], [line for line in output.err.splitlines() if "note:" not in line]

    return compare_releases


def test_rules_like_those_of_the_catalogue_do_not_differ(run):
    assert run({RELEASE: {}}) == (0, [], [])


@pytest.mark.parametrize(
    "path, text, line",
    [
        (
            f"{POD}/empty.golden",
            SIDECAR.replace("COMMIT", "-A FROM_POD -m future --tense 1 -j RETURN\nCOMMIT"),
            "sidecar, iptables-legacy: match 'future' is in Istio's rules, and no requirement names xt_future (empty)",
        ),
        (
            f"{POD}/empty.golden",
            SIDECAR.replace("COMMIT", "-A FROM_POD -p tcp -j DNAT --to 192.0.2.9\nCOMMIT"),
            "sidecar, iptables-nft: target 'DNAT' is in Istio's rules, and no requirement names xt_DNAT (empty)",
        ),
        (
            f"{POD}/empty.golden",
            SIDECAR.replace("COMMIT", "COMMIT\n* security\n-A OUTPUT -j DROP\nCOMMIT"),
            "sidecar, iptables-legacy: table 'security' is in Istio's rules, and no requirement names iptable_security "
            "(empty)",
        ),
        (
            f"{AMBIENT_POD}/ingress.golden",
            AMBIENT.replace("COMMIT", "-A OUTPUT -j MARK --set-mark 1\nCOMMIT"),
            "ambient, iptables-legacy: target 'MARK' is in Istio's rules, and requirement iptables/module/xt_mark does "
            "not count its request ipt_MARK (ingress)",
        ),
        (
            f"{AMBIENT_POD}/hostprobe.golden",
            HOST.replace("-m owner --socket-exists ", ""),
            "ambient, iptables-nft: requirement iptables/module/xt_owner is in no golden rule (ambient_ipv6 false, "
            "dns_capture false)",
        ),
        (
            f"{AMBIENT_POD}/ingress.golden",
            AMBIENT.replace("-m connmark --mark 0x3/0xf -j CONNMARK", "-j CONNMARK"),
            "ambient, iptables-legacy: requirement iptables/module/xt_connmark counts the request ipt_connmark, which "
            "no golden rule makes (ambient_ipv6 false, dns_capture false)",
        ),
        (
            "cni/pkg/ipset/nldeps_linux.go",
            IPSET_SOURCE.replace("hash:ip", "hash:net"),
            "ambient, iptables-nft: ipset type 'hash:net' is in Istio's rules, and no requirement names "
            "ip_set_hash:net (hostprobe)",
        ),
        (
            f"{NFT_POD}/empty.golden",
            NFT_SIDECAR + "add rule inet proxy out fib daddr type local return\n",
            "sidecar, nftables: statement or expression 'fib' is in Istio's rules, and no requirement names nft_fib "
            "(empty)",
        ),
        (
            f"{NFT_POD}/empty.golden",
            NFT_SIDECAR + "add rule inet proxy out meta cgroup 7 return\n",
            "sidecar, nftables: word 'cgroup' is in Istio's rules, and tests/upstream/needs.py does not know it "
            "(empty)",
        ),
        (
            f"{NFT_POD}/empty.golden",
            NFT_SIDECAR.replace(" counter", ""),
            "sidecar, nftables: requirement nftables/module/nft_counter is in no golden rule (default mesh)",
        ),
        (
            f"{NFT_POD}/empty.golden",
            NFT_SIDECAR.replace("inet", "ip"),
            "sidecar, nftables: family 'ip' is in Istio's rules, and no requirement names CONFIG_NF_TABLES_IPV4 "
            "(empty)",
        ),
        (
            f"{POD}/brand-new.golden",
            SIDECAR,
            f"golden file {POD}/brand-new.golden is new; add its mesh to GOLDENS in tests/upstream/goldens.py",
        ),
        (
            f"{POD}/empty.golden",
            "ipset list\n",
            f"golden file {POD}/empty.golden: cannot read the line 'ipset list'; teach tests/upstream/rules.py its "
            "form",
        ),
    ],
)
def test_a_difference_is_one_line(run, path, text, line):
    code, lines, errors = run({RELEASE: {path: text}})
    assert (code, errors) == (1, [])
    assert f"{RELEASE}: {line}" in lines


def test_releases_that_differ_in_the_same_way_share_a_line(run):
    changed = {f"{POD}/brand-new.golden": SIDECAR}
    known = {f"{POD}/brand-new.golden": None}
    _code, lines, _errors = run({"1.28.7": changed, "1.28.8": changed, "1.28.9": known, "1.28.10": changed})
    assert [line.split(": ")[0] for line in lines] == ["1.28.7 to 1.28.8, 1.28.10"]


def test_only_the_selected_releases_are_compared(run):
    changes = {"1.28.9": {f"{POD}/brand-new.golden": SIDECAR}, "1.28.10": {f"{POD}/brand-new.golden": None}}
    assert run(changes, "1.28.10") == (0, [], [])


def test_a_removed_row_is_noticed(run, monkeypatch):
    rows = tuple(row for row in effective.ROWS if row.requirement.name != "xt_owner")
    monkeypatch.setattr(effective, "ROWS", rows)
    _cached_rows.cache_clear()
    _code, lines, _errors = run({RELEASE: {}})
    _cached_rows.cache_clear()
    text = "match 'owner' is in Istio's rules, and no requirement names xt_owner"
    assert f"{RELEASE}: sidecar, iptables-legacy: {text} (empty; basic.txt)" in lines


def test_a_newer_minor_release_is_a_difference(run):
    code, lines, errors = run({NEXT: {}})
    assert (code, errors) == (1, [])
    assert lines[0] == f"{NEXT}: the newest minor release in releases.py is {NEWEST}"


def test_a_newer_patch_is_a_difference(run):
    text = "1.28.10 is the newest patch of 1.28 that has been compared; read its release notes"
    assert run({"1.28.10": {}, "1.28.11": {}}) == (1, [f"1.28.11: {text}"], [])


def test_each_patch_of_a_minor_release_that_has_not_been_compared_is_a_difference(run, monkeypatch):
    monkeypatch.delitem(NEWEST_PATCHES, "1.28")
    text = "no patch of 1.28 has been compared; read its release notes"
    assert run({"1.28.9": {}}) == (1, [f"1.28.9: {text}"], [])


def test_the_newest_release_candidate_stands_for_a_release_that_is_not_out(run):
    changed = {f"{POD}/brand-new.golden": SIDECAR}
    _code, lines, _errors = run({f"{NEXT}-beta.0": changed, f"{NEXT}-rc.0": changed})
    assert {line.split(": ")[0] for line in lines} == {f"{NEXT}-rc.0"}


def test_golden_files_that_have_moved_are_an_error_of_that_release_only(run):
    code, lines, errors = run({"1.28.9": {f"{POD}/empty.golden": None}, "1.28.10": {}})
    assert (code, lines) == (2, [])
    assert errors == [
        f"1.28.9: no file matches {POD}/*.golden; if Istio has moved its golden files, change FOLDERS in "
        "tests/upstream/goldens.py"
    ]


def test_the_source_of_the_ipset_that_has_moved_is_an_error(run):
    code, _lines, errors = run({RELEASE: {"cni/pkg/ipset/nldeps_linux.go": None}})
    assert code == 2
    assert errors == [
        f"{RELEASE}: no file cni/pkg/ipset/nldeps_linux.go; if Istio has moved it, change tests/upstream/goldens.py"
    ]
