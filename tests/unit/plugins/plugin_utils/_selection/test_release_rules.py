# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rules of a release differ from those of the newest one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.release_rules import describe_release_rules
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST, Release

PROBE = Path(__file__).parents[5] / "plugins" / "modules" / "interception_probe.py"


def describe(version):
    return describe_release_rules(Release.from_version(version))


def read_suboptions():
    """Return the suboptions of the probe's release_rules. The probe runs on the node and cannot import this code."""
    for node in ast.parse(PROBE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))["options"]["release_rules"]["suboptions"]
    raise AssertionError(f"{PROBE} has no DOCUMENTATION")


def test_the_defaults_of_the_probe_are_the_rules_of_the_newest_release():
    assert describe(NEWEST) == {name: option["default"] for name, option in read_suboptions().items()}


@pytest.mark.parametrize("version", ["1.22", "1.25.4", "1.27.0", "1.27.1", "1.28"])
def test_the_probe_accepts_the_rules_of_each_release(version):
    suboptions = read_suboptions()
    for name, value in describe(version).items():
        assert value in suboptions[name].get("choices", (True, False))


@pytest.mark.parametrize(
    "name, version, value",
    [
        ("ambient_interception", "1.23", "tproxy"),
        ("ambient_interception", "1.24.0", "redirect"),
        ("ambient_dns_zones", "1.23", False),
        ("ambient_dns_zones", "1.24.0", True),
        ("counters", "1.27", False),
        ("counters", "1.28.0", True),
        ("detection_table", "1.25.3", "none"),
        ("detection_table", "1.25.4", "filter"),
        ("detection_table", "1.27.0", "filter"),
        ("detection_table", "1.27.1", "nat"),
        ("detection_comment", "1.25.3", False),
        ("detection_comment", "1.26.6", True),
        ("detection_comment", "1.26.7", False),
        ("detection_comment", "1.27.2", True),
        ("detection_comment", "1.27.3", False),
    ],
)
def test_each_rule_changes_in_one_release(name, version, value):
    assert describe(version)[name] == value
