# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey for AWX has variables of the roles, with their choices and defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import CHOICES, Selection

ROOT = Path(__file__).parents[3]
SURVEY = json.loads((ROOT / "docs" / "examples" / "awx" / "survey.json").read_text(encoding="utf-8"))
QUESTIONS = {question["variable"]: question for question in SURVEY["spec"]}


def read_options() -> dict[str, dict[str, Any]]:
    """Return the options of both roles from their argument specs."""
    options = {}
    for role in ("istio_node", "istio_report"):
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        options.update(specs["argument_specs"]["main"]["options"])
    return options


OPTIONS = read_options()


def find_choices(variable: str) -> list[str]:
    """Return the values of a variable: of booleans, of choices, or of options that take a value or a list."""
    option = OPTIONS[variable]
    if option["type"] == "bool":
        return ["true", "false"]
    return list(option.get("choices") or CHOICES.get(variable.removeprefix("istio_node_"), ()))


def write_default(value: object) -> str:
    """Return a default as AWX stores it: a list is one text with a line for each item."""
    if isinstance(value, list):
        return "\n".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_the_survey_has_the_fields_that_awx_requires():
    assert all(isinstance(SURVEY[name], str) and SURVEY[name] for name in ("name", "description"))
    assert len(QUESTIONS) == len(SURVEY["spec"])
    assert all(question["question_name"] and question["question_description"] for question in SURVEY["spec"])


@pytest.mark.parametrize("variable", QUESTIONS)
def test_a_question_has_the_choices_and_the_default_of_its_variable(variable):
    question, option = QUESTIONS[variable], OPTIONS[variable]
    assert question["default"] == write_default(option["default"])
    assert question.get("choices", []) == find_choices(variable)
    takes_list = option["type"] in ("list", "raw")
    kind = "text" if not find_choices(variable) else "multiselect" if takes_list else "multiplechoice"
    assert question["type"] == kind


def test_the_defaults_of_the_survey_are_those_of_the_role():
    answers = {
        name.removeprefix("istio_node_"): question["default"].split("\n")
        if question["type"] == "multiselect"
        else question["default"]
        for name, question in QUESTIONS.items()
        if name.startswith("istio_node_")
    }
    selection = {name: value for name, value in answers.items() if name in Selection.__dataclass_fields__}
    consent = {name: value for name, value in answers.items() if name not in selection}
    assert Selection.from_options(selection) == Selection()
    assert Consent.from_options(consent) == Consent()
