# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The consent: the values of its options, and what is ignored on a node that must not be written to."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import make_node


@pytest.mark.parametrize(
    "name, word, value",
    [
        ("load", "yes", True),
        ("persist", "false", False),
        ("install_packages", "True", True),
        ("override_conflicts", "on", True),
        ("selinux_boolean", "no", False),
        ("selinux_boolean", "", None),
        ("selinux_boolean", None, None),
        ("selinux_priority", "400", 400),
    ],
)
def test_words_of_the_command_line_become_booleans_and_numbers(name, word, value):
    parsed = getattr(Consent.from_options({name: word}), name)
    assert parsed == value
    assert type(parsed) is type(value)


def test_without_options_the_role_only_loads_and_persists():
    consent = Consent.from_options({})
    assert consent == Consent()
    assert consent.list_write_consents() == ()
    assert consent.without_write_consents() == consent


def test_consents_to_write_are_named_as_variables_and_can_be_withdrawn():
    consent = Consent.from_options(
        {
            "install_packages": True,
            "override_conflicts": True,
            "selinux_boolean": False,
            "selinux": "policy",
            "reboot": "if_needed",
        }
    )
    assert consent.list_write_consents() == (
        "istio_node_install_packages",
        "istio_node_override_conflicts",
        "istio_node_selinux_boolean",
        "istio_node_selinux: policy",
    )
    assert consent.without_write_consents() == Consent(reboot="if_needed")


def test_a_node_that_must_not_be_written_to_may_still_ignore_selinux():
    consent = Consent.from_options({"selinux": "none"})
    assert consent.without_write_consents() == consent


@pytest.mark.parametrize(
    "option, value",
    [
        ("state", "present"),
        ("load", "perhaps"),
        ("load", ""),
        ("load", None),
        ("selinux", "permissive"),
        ("selinux_domains", []),
        ("selinux_domains", ["x)(allow y"]),
        ("selinux_domains", "container_t"),
        ("selinux_priority", 0),
        ("selinux_priority", 1000),
        ("selinux_priority", True),
        ("selinux_boolean", 1),
        ("reboot", "always"),
    ],
)
def test_an_invalid_value_gets_one_clear_error(option, value):
    with pytest.raises(AnsibleFilterError, match=f"^nodeprep.istio.preparation_plan: {option}: "):
        preparation_plan(make_node(), **{option: value})


def test_an_unknown_option_gets_the_list_of_the_valid_ones():
    error = "^nodeprep.istio.preparation_plan: unknown option 'override_conflict'; .*, override_conflicts, "
    with pytest.raises(AnsibleFilterError, match=error):
        preparation_plan(make_node(), override_conflict=True)
