# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Istio: which releases they select, and how the releases differ."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import Release


@pytest.mark.parametrize("version", ["1.25", "1.30.3", "v1.31.0-rc.0", "1.31"])
def test_a_known_release_is_used_as_requested(version):
    release = Release.from_version(version)
    assert release.requested == version
    assert release.used == version
    assert release.note is None


@pytest.mark.parametrize(
    "version, used, note",
    [
        ("1.20.4", "1.25", "Istio 1.20 is older than the oldest release known to this collection: assessed as 1.25"),
        ("1.33", "1.31", "Istio 1.33 is newer than the newest release known to this collection: assessed as 1.31"),
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
    [("1.27", False), ("1.28.0", True), ("1.28.2", True), ("1.28.3", False), ("1.28", False), ("1.29.0", True)],
)
def test_an_image_with_a_pinned_nft_has_no_new_one(version, has_new_nft):
    assert Release.from_version(version).image_has_new_nft is has_new_nft


def test_the_plain_command_changed_its_variant():
    assert Release.from_version("1.30").plain_variant == "legacy"
    assert Release.from_version("1.31.0").plain_variant == "nft"
