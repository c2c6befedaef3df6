# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Istio: which releases they select, and how the releases differ."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import Release


@pytest.mark.parametrize("version", ["1.22", "1.25", "1.30.3", "v1.31.0-rc.0", "1.32"])
def test_a_known_release_is_used_as_requested(version):
    release = Release.from_version(version)
    assert release.requested == version
    assert release.used == version
    assert release.note is None


@pytest.mark.parametrize(
    "version, used, note",
    [
        (
            "1.20.4",
            "1.22",
            "Istio 1.20 is older than the oldest release known to this collection: assessed as 1.22, and the verdict "
            "is never better than unknown",
        ),
        ("1.33", "1.32", "Istio 1.33 is newer than the newest release known to this collection: assessed as 1.32"),
    ],
)
def test_an_unknown_release_is_replaced_by_the_nearest_known_one(version, used, note):
    release = Release.from_version(version)
    assert release.requested == version
    assert release.used == used
    assert release.note == note
    assert release.key == Release.from_version(used).key


@pytest.mark.parametrize(
    "version, message",
    [
        (1.3, "istio_version: 1.3 is not a string; quote the version, as in '1.30'"),
        (None, "istio_version: None is not a string"),
        ("1.3", "istio_version: '1.3' is probably 1.30 without quotes; quote the version, as in '1.30'"),
        ("latest", "istio_version: invalid version 'latest'; give a version such as 1.30 or 1.30.3"),
        ("1", "istio_version: invalid version '1'"),
    ],
)
def test_an_invalid_version_gets_an_error(version, message):
    with pytest.raises(InvalidInputError) as raised:
        Release.from_version(version)
    assert str(raised.value).startswith(message)


def test_a_version_without_a_patch_is_the_newest_patch():
    assert Release.from_version("1.27").is_at_least("1.27.99")
    assert not Release.from_version("1.27").is_at_least("1.28")
    assert not Release.from_version("1.27.1").is_at_least("1.27.2")


@pytest.mark.parametrize(
    "version, table, has_comment",
    [
        ("1.25.3", None, False),
        ("1.25.4", "filter", True),
        ("1.25.5", "filter", True),
        ("1.26.6", "filter", True),
        ("1.26.7", "filter", False),
        ("1.27.0", "filter", True),
        ("1.27.1", "nat", True),
        ("1.27.2", "nat", True),
        ("1.27.3", "nat", False),
        ("1.31", "nat", False),
    ],
)
def test_the_rule_that_tests_an_iptables_binary_depends_on_the_release(version, table, has_comment):
    release = Release.from_version(version)
    assert release.probe_table == table
    assert release.probe_has_comment is has_comment


@pytest.mark.parametrize(
    "version, has_new_nft",
    [
        ("1.27", False),
        ("1.28.0", True),
        ("1.28.2", True),
        ("1.28.3", False),
        ("1.28", False),
        ("1.29.0", False),
        ("1.29.6", False),
        ("1.29.7", True),
        ("1.29", True),
        ("1.30.3", False),
        ("1.30.4", True),
        ("1.31.0", True),
        ("1.32", True),
    ],
)
def test_an_image_with_a_pinned_nft_has_no_new_one(version, has_new_nft):
    assert Release.from_version(version).image_has_new_nft is has_new_nft


@pytest.mark.parametrize(
    "version, rules_decide",
    [
        ("1.25.4", False),
        ("1.28", False),
        ("1.29.7", False),
        ("1.29.8", True),
        ("1.29", True),
        ("1.30.4", False),
        ("1.30.5", True),
        ("1.31.0", False),
        ("1.31.1", True),
        ("1.31", True),
        ("1.32.0", True),
    ],
)
def test_an_existing_legacy_table_decides_until_a_patch_of_each_branch(version, rules_decide):
    assert Release.from_version(version).rules_decide is rules_decide


@pytest.mark.parametrize(
    "name, before, since",
    [
        ("reads_forced_binary", "1.27.9", "1.28.0"),
        ("reconciles", "1.28.10", "1.29.0"),
        ("captures_ambient_dns", "1.24", "1.25.0"),
        ("has_ambient_ipv6", "1.22", "1.23.0"),
        ("ambient_dns_uses_zones", "1.23", "1.24.0"),
        ("excludes_udp_ports", "1.24", "1.25.0"),
        ("native_rules_have_counters", "1.27", "1.28.0"),
        ("detects_old_ipsets", "1.28.1", "1.28.2"),
        ("enters_user_namespaces", "1.29", "1.30.0"),
        ("openshift_uses_nftables", "1.31", "1.32.0"),
    ],
)
def test_a_change_has_a_first_release(name, before, since):
    assert getattr(Release.from_version(before), name) is False
    assert getattr(Release.from_version(since), name) is True


@pytest.mark.parametrize(
    "name, until, since", [("ambient_uses_tproxy", "1.23", "1.24.0"), ("has_old_iptables", "1.22", "1.23.0")]
)
def test_what_old_releases_did_ended_with_a_release(name, until, since):
    assert getattr(Release.from_version(until), name) is True
    assert getattr(Release.from_version(since), name) is False


def test_only_one_patch_ignores_that_ambient_ipv6_is_off():
    versions = ("1.27", "1.28.0", "1.28.1", "1.28", "1.29.0")
    assert [version for version in versions if Release.from_version(version).ignores_ambient_ipv6] == ["1.28.0"]


@pytest.mark.parametrize(
    "version, names",
    [
        ("1.27", ()),
        ("1.28", ("kubelet",)),
        ("1.29.0", ("kubelet", "kubelite")),
        ("1.31", ("kubelet", "kubelite")),
        ("1.32", ("kubelet", "kubelite", "k3s")),
    ],
)
def test_the_process_names_of_the_kubelet_depend_on_the_release(version, names):
    assert Release.from_version(version).kubelet_names == names


@pytest.mark.parametrize("version, is_too_old", [("1.21.9", True), ("1.22.0", False), ("1.33", False)])
def test_only_a_release_older_than_the_oldest_is_too_old(version, is_too_old):
    assert Release.from_version(version).is_too_old is is_too_old


def test_the_plain_command_changed_its_variant():
    assert Release.from_version("1.30").plain_variant == "legacy"
    assert Release.from_version("1.31.0").plain_variant == "nft"
