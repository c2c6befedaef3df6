# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of variables and options in the documentation, checked against argument specs and documented options."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import KNOWN, is_role_variable
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.target import parse_target
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import NODE_PREFIX
from ansible_collections.nodeprep.istio.tests.unit.support.code_blocks import ROOT

Spec = Mapping[str, Mapping[str, Any]]
_KEYS = ("type", "choices", "elements", "required", "aliases")


def read_role_variables() -> Spec:
    """Return the variables of all roles, as their argument specs have them."""
    variables: dict[str, Mapping[str, Any]] = {}
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            variables.update(entry.get("options") or {})
    return variables


def run_ansible(collections: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Ansible, such as playbook for ansible-playbook, that finds this collection."""
    own = {"ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"}
    command = [sys.executable, "-m", f"ansible.cli.{program}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **own}, check=False)


def read_module_options(collections: str, modules: Iterable[str]) -> dict[str, Spec]:
    """Return the documented options of modules. Modules that are not installed are left out."""
    run = run_ansible(collections, "doc", "--type", "module", "--json", *modules)
    return {name: page["doc"].get("options") or {} for name, page in json.loads(run.stdout).items()}


def find_variable_errors(spec: Spec, values: Mapping[str, object]) -> list[str]:
    """Return why variables are wrong: unknown names that look like those of the roles, and values that do not fit."""
    unknown = [name for name in values if is_role_variable(name) and name not in KNOWN]
    errors = [f"unknown variable {name}" for name in unknown] + _find_selection_errors(values)
    return errors + find_option_errors(spec, {name: value for name, value in values.items() if name in spec}, False)


def _find_selection_errors(values: Mapping[str, object]) -> list[str]:
    """Return why the variables do not describe a selection. The argument specs allow some of them any value."""
    options = {name.removeprefix(NODE_PREFIX): value for name, value in values.items() if name.startswith(NODE_PREFIX)}
    mesh = {name: options[name] for name in Selection.__dataclass_fields__ if name in options}
    if "{{" in json.dumps(options, default=str):
        return []
    try:
        Selection.from_options(mesh)
        parse_target(mesh, options.get("target"))
    except InvalidInputError as error:
        return [str(error)]
    return []


def find_option_errors(spec: Spec, values: Mapping[str, object], is_complete: bool = True) -> list[str]:
    """Return why values do not fit a spec. Values with templates may be anything.

    :param is_complete: whether required options must be among the values.
    """
    adapted = {}
    for name, option in _convert(spec).items():
        adapted[name] = {"type": "raw", "aliases": option.get("aliases", [])} if _has_template(values, name) else option
        if not is_complete or _has_template(values, name):
            adapted[name] = {**adapted[name], "required": False}
    return list(ArgumentSpecValidator(adapted).validate(dict(values)).error_messages)


def _convert(spec: Spec) -> dict[str, dict[str, Any]]:
    """Return a spec without what is only for readers."""
    converted = {}
    for name, option in spec.items():
        converted[name] = {key: option[key] for key in _KEYS if option.get(key) is not None}
        if "choices" in converted[name]:
            converted[name]["choices"] = list(converted[name]["choices"])
        if option.get("options") or option.get("suboptions"):
            converted[name]["options"] = _convert(option.get("options") or option["suboptions"])
    return converted


def _has_template(values: Mapping[str, object], name: str) -> bool:
    return "{{" in json.dumps(values.get(name), default=str)


def walk_mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield all mappings in a value."""
    if isinstance(value, Mapping):
        yield value
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for child in children:
        yield from walk_mappings(child)
