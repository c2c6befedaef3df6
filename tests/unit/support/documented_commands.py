# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in the documentation: their options, playbooks, targets, sessions and variables exist."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import PurePath

from ansible.cli import CLI
from ansible.cli.adhoc import AdHocCLI
from ansible.cli.doc import DocCLI
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.inventory import InventoryCLI
from ansible.cli.playbook import PlaybookCLI
from ansible.cli.pull import PullCLI
from ansible_collections.nodeprep.istio.tests.unit.support.code_blocks import ROOT
from ansible_collections.nodeprep.istio.tests.unit.support.documented_options import Spec, find_variable_errors

ANSIBLE: Mapping[str, type[CLI]] = {
    "ansible": AdHocCLI,
    "ansible-doc": DocCLI,
    "ansible-galaxy": GalaxyCLI,
    "ansible-inventory": InventoryCLI,
    "ansible-playbook": PlaybookCLI,
    "ansible-pull": PullCLI,
}
COLLECTION = "nodeprep.istio."
_PLAYBOOK = re.compile(r"[\w./-]+\.ya?ml")


def find_command_errors(words: list[str], variables: Spec, page: str) -> list[str]:
    """Return what does not exist in a simple command.

    :param variables: those of the roles.
    :param page: the text of the page, which names the files of its readers.
    """
    program = PurePath(words[0]).name
    if program in ANSIBLE:
        return _check_ansible(program, words, variables, page)
    check = CHECKS.get(program)
    return check(words[1:]) if check else []


def _check_ansible(program: str, words: list[str], variables: Spec, page: str) -> list[str]:
    cli = ANSIBLE[program]([program, *words[1:]])
    cli.init_parser()
    try:
        options = cli.parser.parse_args(words[1:])
    except (SystemExit, argparse.ArgumentError):
        return [f"{program} does not accept the options"]
    errors = []
    for text in getattr(options, "extra_vars", ()):
        errors += _check_extra_variables(text, variables)
    if program in ("ansible-playbook", "ansible-pull"):
        errors += [error for name in options.args for error in _check_playbook(name, page)]
    return errors


def _check_extra_variables(text: str, variables: Spec) -> list[str]:
    if text.startswith("@"):
        return []
    if text.startswith("{"):
        return find_variable_errors(variables, json.loads(text))
    pairs = [word.partition("=") for word in shlex.split(text)]
    return find_variable_errors(variables, {name: value for name, _equals, value in pairs})


def _check_playbook(name: str, page: str) -> list[str]:
    if name.startswith(COLLECTION):
        exists = (ROOT / "playbooks" / f"{name.removeprefix(COLLECTION)}.yml").exists()
    elif _PLAYBOOK.fullmatch(name):
        # A file of this collection, or one that the page introduces.
        own = [ROOT / name, ROOT / "docs" / "examples" / PurePath(name).name]
        exists = any(path.exists() for path in own) or f"`{name}`" in page
    else:
        exists = False
    return [] if exists else [f"playbook {name} does not exist"]


@cache
def list_targets() -> frozenset[str]:
    """Return the targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def _check_make(arguments: list[str]) -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8") + (ROOT / "noxfile.py").read_text(encoding="utf-8")
    lab = "".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/lab/*.sh")))
    errors = []
    for word in arguments:
        name, equals, _value = word.partition("=")
        if equals and not re.search(rf"\b{name}\b", makefile + lab):
            errors.append(f"make has no variable {name}")
        if not equals and name not in list_targets():
            errors.append(f"make has no target {name}")
    return errors


def _check_nox(arguments: list[str]) -> list[str]:
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = [name.replace("_", "-") for name in re.findall(r"^def (\w+)\(session", text, re.MULTILINE)]
    chosen = [arguments[index + 1] for index, word in enumerate(arguments) if word == "-s"]
    return [f"nox has no session {name}" for name in chosen if name.replace("_", "-") not in sessions]


def _check_kubectl(arguments: list[str]) -> list[str]:
    folders = [arguments[index + 1] for index, word in enumerate(arguments) if word == "-k"]
    return [
        f"{folder} has no kustomization.yml" for folder in folders if not (ROOT / folder / "kustomization.yml").exists()
    ]


CHECKS: Mapping[str, Callable[[list[str]], list[str]]] = {
    "make": _check_make,
    "nox": _check_nox,
    "kubectl": _check_kubectl,
}
