# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables, plugins, playbooks, targets and files that the text of a page names exist."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.finding import FindingId
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import EXPLANATIONS, REASON_KINDS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import AlternativeKind
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.role_variables import KNOWN, PREFIXES
from ansible_collections.nodeprep.istio.tests.unit.support.code_blocks import ROOT, list_pages
from ansible_collections.nodeprep.istio.tests.unit.support.documented_commands import list_targets

# Names with the prefix of a variable that are something else: roles, a policy module, and prefixes themselves.
OTHER_NAMES = {"istio_node", "istio_report", "istio_node_prep", "istio_nodes_", *PREFIXES}
# docsite is part of the labels in the guides.
NAMESPACE_PARTS = {"docsite"}
CONTENTS = ("plugins/modules/*.py", "plugins/filter/*.py", "playbooks/*.yml", "roles/*")
# Makefiles of other projects have these targets.
FOREIGN_TARGETS = {"modules_install"}


def each_page(test):
    return pytest.mark.parametrize("page", list_pages(), ids=lambda path: str(path.relative_to(ROOT)))(test)


def find_all(pattern: str, page) -> set[str]:
    return set(re.findall(pattern, page.read_text(encoding="utf-8")))


@each_page
def test_variables_exist(page):
    named = find_all(r"(?<![\w.])istio_(?:nodes?|report|declaration|recordings)(?:_\w*)?\b(?!\.yml)", page)
    assert {name for name in named if not name.endswith("_istio_nodes")} - KNOWN - OTHER_NAMES == set()


@each_page
def test_contents_of_the_collection_exist(page):
    contents = {path.stem for pattern in CONTENTS for path in ROOT.glob(pattern)}
    assert find_all(r"\bnodeprep\.istio\.(\w+)", page) - contents - NAMESPACE_PARTS == set()


@each_page
def test_targets_exist(page):
    assert find_all(r"`make ([\w-]+)", page) - list_targets() - FOREIGN_TARGETS == set()


@each_page
def test_files_of_the_collection_exist(page):
    named = find_all(r":file:`((?:docs|extensions|meta|playbooks|roles|tests)/[^`]+)`", page)
    assert {name for name in named if not (ROOT / name).exists()} == set()


@each_page
def test_relative_links_lead_to_files(page):
    targets = {target for target in find_all(r"\]\(([^)#\s]+)[^)]*\)", page) if "://" not in target}
    assert {target for target in targets if not (page.parent / target).exists()} == set()


@each_page
@pytest.mark.parametrize(
    "word, known",
    [
        ("reason", {*REASON_KINDS, *EXPLANATIONS}),
        ("finding", get_args(FindingId)),
        ("alternative", get_args(AlternativeKind)),
    ],
)
def test_reasons_findings_and_alternatives_exist(page, word, known):
    assert find_all(rf"(?i)\b{word}\s+``(\w+)``", page) - set(known) == set()
