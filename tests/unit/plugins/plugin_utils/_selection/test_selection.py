# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection: its defaults, its values, and the errors for invalid ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.doc_fragments._selection import ModuleDocFragment
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import (
    CHOICES,
    LIST_OPTIONS,
    Selection,
)

ROOT = Path(__file__).parents[5]


def test_absent_and_null_options_keep_istios_defaults():
    default = Selection.from_options({})
    assert default == Selection()
    assert Selection.from_options(dict.fromkeys(Selection.__dataclass_fields__)) == default
    assert default.as_dict()["mode"] == ["sidecar"]


def test_a_selection_survives_being_written_as_a_dict():
    check = {"id": "a", "query": "kernel", "message": "m"}
    selection = Selection.from_options({"mode": ["sidecar", "ambient"], "dns_capture": True, "extra_checks": [check]})
    assert Selection.from_options(selection.as_dict()) == selection


def test_a_single_mode_and_a_list_of_modes_are_the_same():
    assert Selection.from_options({"mode": "ambient"}).mode == ("ambient",)
    assert Selection.from_options({"mode": ["ambient", "sidecar", "ambient"]}).mode == ("ambient", "sidecar")


@pytest.mark.parametrize("word, value", [("true", True), ("no", False), ("on", True), ("", None), ("None", None)])
def test_words_of_the_command_line_are_booleans(word, value):
    assert Selection.from_options({"dns_capture": word}).dns_capture is value


@pytest.mark.parametrize(
    "options, message",
    [
        ({"color": "red"}, "unknown option 'color'; valid options: backend, mode, ip_family, "),
        ({"backend": "ebpf"}, "backend: unknown value 'ebpf'; valid values: iptables, nftables"),
        ({"mode": ["sidecar", "x"]}, "mode: unknown value 'x'; valid values: sidecar, ambient"),
        ({"mode": []}, "mode: the list is empty; valid values: sidecar, ambient"),
        ({"mode": 5}, "mode: unknown value 5; valid values: sidecar, ambient"),
        ({"profile": "strict"}, "profile: unknown value 'strict'; valid values: documented, effective, combined"),
        (
            {"iptables_variant": "nf_tables"},
            "iptables_variant: unknown value 'nf_tables'; valid values: auto, legacy, nft",
        ),
        ({"cni_plugin": "maybe"}, "cni_plugin: unknown value 'maybe'; valid values: true, false"),
        ({"istio_version": 1.3}, "istio_version: 1.3 is not a string; quote the version"),
        (
            {"backend": "nftables", "istio_version": "1.26"},
            "backend: Istio 1.26 has no nftables rules for sidecar mode; select iptables, or Istio 1.27 or newer",
        ),
        (
            {"backend": "nftables", "mode": "ambient", "istio_version": "1.27"},
            "backend: Istio 1.27 has no nftables rules for ambient mode; select iptables, or Istio 1.28 or newer",
        ),
    ],
)
def test_an_invalid_option_gets_an_error_with_the_valid_ones(options, message):
    with pytest.raises(InvalidInputError) as raised:
        Selection.from_options(options)
    assert str(raised.value).startswith(message)


def test_a_list_in_one_string_gets_an_error_with_the_json_of_the_list():
    with pytest.raises(InvalidInputError) as raised:
        Selection.from_options({"mode": "sidecar,ambient"})
    assert str(raised.value) == (
        "mode: 'sidecar,ambient' is not a list; give one value, or a list, "
        """on the command line -e '{"istio_node_mode": ["sidecar", "ambient"]}'"""
    )


@pytest.mark.parametrize(
    "options, reconciles",
    [
        ({"mode": "sidecar"}, False),
        ({"mode": ["sidecar", "ambient"]}, True),
        ({"mode": "ambient", "istio_version": "1.29"}, True),
        ({"mode": "ambient", "istio_version": "1.28"}, False),
        ({"mode": "ambient", "istio_version": "1.28", "reconcile": True}, True),
        ({"mode": "ambient", "reconcile": False}, False),
    ],
)
def test_whether_istio_reconciles_depends_on_its_release(options, reconciles):
    assert Selection.from_options(options).reconciles is reconciles


def choices_of(options):
    """Return the choices of documented options. Options that take a list as well have none."""
    return {
        name: tuple(option["choices"]) for name, option in options.items() if name in CHOICES and "choices" in option
    }


def test_the_documentation_has_the_same_choices():
    found = choices_of(yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"])
    assert found == {name: choices for name, choices in CHOICES.items() if name not in LIST_OPTIONS}


def test_the_role_has_the_same_choices():
    specs = yaml.safe_load((ROOT / "roles" / "istio_node" / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    for entry_point in specs["argument_specs"].values():
        options = {name.removeprefix("istio_node_"): option for name, option in entry_point["options"].items()}
        found = choices_of(options)
        assert found
        assert found == {name: CHOICES[name] for name in found}


def test_the_probe_has_the_same_choices():
    """The probe runs on the node and cannot import this code."""
    source = (ROOT / "plugins" / "modules" / "interception_probe.py").read_text(encoding="utf-8")
    documentation = next(
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION"
    )
    found = choices_of(yaml.safe_load(documentation)["options"])
    assert found
    assert found == {name: CHOICES[name] for name in found}


@pytest.mark.parametrize(
    "options, captured",
    [
        ({"mode": "ambient", "istio_version": "1.24"}, False),
        ({"mode": "ambient", "istio_version": "1.25.0"}, None),
        ({"mode": ["sidecar", "ambient"], "istio_version": "1.25.0"}, None),
        ({"istio_version": "1.24", "dns_capture": True}, True),
        ({"dns_capture": False}, False),
    ],
)
def test_dns_is_captured_by_the_default_of_the_release(options, captured):
    assert Selection.from_options(options).captured_dns is captured


@pytest.mark.parametrize(
    "options, allowed",
    [
        ({"istio_version": "1.22"}, False),
        ({"istio_version": "1.23.0"}, True),
        ({"istio_version": "1.23.0", "ambient_ipv6": False}, False),
    ],
)
def test_ambient_mode_writes_ipv6_rules_if_release_and_option_allow_it(options, allowed):
    assert Selection.from_options(options).allows_ambient_ipv6 is allowed
