# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The known variables are those of the roles and playbooks, and misspelled ones are found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import (
    KNOWN,
    OTHER_VARIABLES,
    describe_misspelling,
    describe_unknown_variable,
    find_unknown_variables,
)

ROOT = Path(__file__).parents[5]


def test_the_options_are_those_of_the_argument_specs():
    options = set()
    for role in ("istio_node", "istio_report"):
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        for entry_point in specs["argument_specs"].values():
            options |= set(entry_point["options"])
    assert options == KNOWN - set(OTHER_VARIABLES)


def test_the_other_variables_are_those_that_the_playbooks_read():
    found = set()
    for path in [*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "roles" / "istio_node" / "tasks").glob("*.yml")]:
        found |= set(
            re.findall(
                r"(?<![_.])istio_(?:node_|report_|declaration_|recordings)[a-z_]*", path.read_text(encoding="utf-8")
            )
        )
    assert found <= KNOWN
    assert set(OTHER_VARIABLES) <= found


@pytest.mark.parametrize(
    "name, intended",
    [
        ("istio_node_bakend", "istio_node_backend"),
        ("istio_node_modes", "istio_node_mode"),
        ("istio_node_version", "istio_node_istio_version"),
        ("istio_report_dirr", "istio_report_dir"),
        ("istio_report_format", "istio_report_formats"),
        ("istio_node_fail_on", "istio_report_fail_on"),
        ("istio_nodes_mode", "istio_node_mode"),
        ("istio_reprot_dir", "istio_report_dir"),
        ("istio_node_cni", "istio_node_cni_plugin"),
        ("istio_node_install", "istio_node_install_packages"),
        ("istio_report_max_age", "istio_report_max_age_hours"),
        ("istio_declaration_format", "istio_declaration_formats"),
        ("istio_declarations_formats", "istio_declaration_formats"),
        ("istio_recording", "istio_recordings"),
        ("istio_recording_dir", "istio_recordings_dir"),
        ("istio_recordings_dirs", "istio_recordings_dir"),
        ("istio_node_ip_address", ""),
        ("istio_node_pool", ""),
        ("istio_node_role", ""),
        ("istio_node_labels", ""),
    ],
)
def test_a_misspelled_variable_is_found_with_the_intended_one(name, intended):
    assert find_unknown_variables([name]) == {name: intended}


def test_known_variables_and_other_projects_variables_are_not_reported():
    others = [
        "istio_node",
        "__istio_node_role_steps",
        "backend",
        "istio_version",
        "istio_operator_mode",
        "istio_mode_x",
    ]
    assert find_unknown_variables([*KNOWN, *others]) == {}


def test_the_error_and_the_warning_name_the_variable():
    assert describe_misspelling("istio_node_bakend", "istio_node_backend") == (
        "unknown variable 'istio_node_bakend'; rename it to 'istio_node_backend', "
        "or give your own variable another prefix"
    )
    assert describe_unknown_variable("istio_node_pool") == (
        "unknown variable 'istio_node_pool': nodeprep.istio ignores it"
    )
