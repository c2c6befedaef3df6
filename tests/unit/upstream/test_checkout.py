# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading releases from a checkout."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.tests.unit.support.istio_checkout import add_release, git
from ansible_collections.nodeprep.istio.tests.upstream.checkout import Checkout, Tag, UpstreamError


def test_tags_are_in_the_order_of_the_releases(tmp_path):
    for name in ("1.30.0", "1.30.0-rc.1", "1.30.0-rc.0", "1.9.10", "1.30.0-alpha.0", "1.9.2", "not-a-release"):
        add_release(tmp_path, name)
    names = [tag.name for tag in Checkout(tmp_path).list_tags()]
    assert names == ["1.9.2", "1.9.10", "1.30.0-alpha.0", "1.30.0-rc.0", "1.30.0-rc.1", "1.30.0"]


@pytest.mark.parametrize("name, minor, is_final", [("1.30.2", "1.30", True), ("1.31.0-rc.0", "1.31", False)])
def test_a_tag_names_a_release(name, minor, is_final):
    tag = Tag.from_name(name)
    assert (tag.minor, tag.is_final) == (minor, is_final)


@pytest.mark.parametrize("name", ["v1.30.0", "1.30", "release-1.30", "1.30.0-dev"])
def test_another_tag_names_no_release(name):
    assert Tag.from_name(name) is None


def test_files_are_read_from_a_bare_checkout(tmp_path):
    add_release(tmp_path / "tree", "1.30.0", {"a/b/c.golden": "text\n", "a/d": "other\n"})
    git(tmp_path, "clone", "--quiet", "--bare", "tree", "bare")
    checkout = Checkout(tmp_path / "bare")
    (tag,) = checkout.list_tags()
    files = checkout.list_files(tag, "a/b")
    assert list(files) == ["a/b/c.golden"]
    assert checkout.read_blob(tag, "a/b/c.golden", files["a/b/c.golden"]) == "text\n"


def test_a_file_that_a_partial_clone_lacks_is_named(tmp_path):
    add_release(tmp_path, "1.30.0")
    checkout = Checkout(tmp_path)
    (tag,) = checkout.list_tags()
    with pytest.raises(UpstreamError, match=r"1\.30\.0: a/b is not in .*; fetch it, since this clone is partial"):
        checkout.read_blob(tag, "a/b", "0" * 39 + "1")


def test_a_directory_without_git_is_an_error(tmp_path):
    with pytest.raises(
        UpstreamError, match=r"git rev-parse failed: .*not a git repository.*; give a checkout of istio/istio"
    ):
        Checkout(tmp_path)


def test_a_directory_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(UpstreamError, match="no such directory; give a checkout of istio/istio"):
        Checkout(tmp_path / "absent")
