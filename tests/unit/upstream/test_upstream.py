# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST
from ansible_collections.nodeprep.istio.tests.unit.support.istio_checkout import RELEASE, add_release
from ansible_collections.nodeprep.istio.tests.upstream.upstream import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return the function that compares a checkout with one release: the exit code, the output, and the path."""

    def run_main(release, *arguments):
        add_release(tmp_path, release)
        monkeypatch.setattr(sys, "argv", ["upstream.py", str(tmp_path), *arguments])
        return main(), capsys.readouterr(), str(tmp_path)

    return run_main


@pytest.mark.parametrize(
    "arguments, release, error",
    [
        (["1.28.99"], RELEASE, "1.28.99: no such tag of a release in the checkout; run git fetch --tags in it\n"),
        (["1.21.0"], "1.21.0", "1.21.0: older than 1.22; compare 1.22 or a newer release\n"),
        ([], "1.21.0", "CHECKOUT: no tag of Istio 1.22 or newer; run git fetch --tags in the checkout\n"),
    ],
)
def test_bad_input_is_one_error(run, arguments, release, error):
    code, output, path = run(release, *arguments)
    assert code == 2
    assert output.err == error.replace("CHECKOUT", path)
    assert output.out == ""


def test_the_result_is_counted(run):
    code, output, _path = run(RELEASE, RELEASE)
    assert code == 0
    assert output.out == "1 releases compared, 0 differences\n"
    assert output.err == f"note: the checkout has no tag of Istio {NEWEST}\n"


def test_a_release_of_the_newest_minor_needs_no_note(run):
    _code, output, _path = run(f"{NEWEST}.0")
    assert output.err == ""
