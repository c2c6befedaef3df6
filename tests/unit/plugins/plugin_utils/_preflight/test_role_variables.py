# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that are known are those of the roles and the playbooks; one that is misspelt is told from one that is somebody's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import FURTHER, KNOWN, unknown

ROOT = Path(__file__).parents[5]


def test_every_variable_of_the_roles_and_playbooks_is_known_and_no_other():
    specs = [
        yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
        for role in ("istio_node", "istio_report")
    ]
    options = {name for spec in specs for entry in spec.values() for name in entry["options"]}
    read = {
        name
        for path in (ROOT / "playbooks").glob("*.yml")
        for name in re.findall(r"(?<![_.])istio_(?:node|report)_[a-z_]+", path.read_text())
    }
    assert options == KNOWN - set(FURTHER)
    assert read - options - {"istio_node_tried"} <= set(FURTHER) | {"istio_report_host"} and set(FURTHER) <= read


@pytest.mark.parametrize(
    "name, meant",
    [
        ("istio_node_bakend", "istio_node_backend"),
        ("istio_node_modes", "istio_node_mode"),
        ("istio_node_version", "istio_node_istio_version"),
        ("istio_report_dirr", "istio_report_dir"),
        ("istio_report_format", "istio_report_formats"),
        ("istio_node_fail_on", "istio_report_fail_on"),
        ("istio_nodes_mode", "istio_node_mode"),
        ("istio_reprot_dir", "istio_report_dir"),
        ("istio_node_pool", ""),
        ("istio_node_role", ""),
        ("istio_node_labels", ""),
    ],
)
def test_the_nearest_name(name, meant):
    assert unknown([name]) == {name: meant}


def test_known_names_and_those_of_others_are_passed_over():
    assert (
        unknown(
            [*KNOWN, "istio_node", "__istio_node_do", "backend", "istio_version", "istio_operator_mode", "istio_mode_x"]
        )
        == {}
    )
