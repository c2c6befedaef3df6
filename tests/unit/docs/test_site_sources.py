# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of the documentation site: links of pages in Markdown, navigation, and index of the collection."""

from __future__ import annotations

import types
from importlib.machinery import SourceFileLoader
from pathlib import Path, PurePosixPath

import pytest

SCRIPT = Path(__file__).parents[3] / "docs" / "site" / "assemble.py"
# As antsibull-docs 2.28 writes it, shortened.
INDEX = """Nodeprep.Istio
==============

.. contents::
   :local:
   :depth: 1

.. toctree::
    :maxdepth: 1

Guides
------

.. toctree::
    :maxdepth: 1

    docsite/guide_prepare

.. _plugin_index_for_nodeprep.istio:

Plugin Index
------------

.. toctree::
    :maxdepth: 1
    :hidden:

    node_facts_module
"""
TIDY_INDEX = """Modules, filters and roles
==========================


.. _plugin_index_for_nodeprep.istio:

Plugin Index
------------

.. toctree::
    :maxdepth: 1
    :hidden:

    node_facts <node_facts_module>
"""


@pytest.fixture(scope="module")
def assemble():
    script = types.ModuleType("assemble")
    script.__file__ = str(SCRIPT)
    SourceFileLoader("assemble", script.__file__).exec_module(script)
    return script


@pytest.mark.parametrize(
    ("link", "page", "converted"),
    [
        ("cost.md#each-further-node", "docs/architecture.md", "cost.md#each-further-node"),
        ("docsite/rst/guide_declare.rst", "docs/recordings.md", "../collection/docsite/guide_declare.rst"),
        ("../../docs/docsite/rst/guide_fleet.rst", "roles/r/README.md", "../../collection/docsite/guide_fleet.rst"),
        ("cost/fleet.svg", "docs/cost.md", "cost/fleet.svg"),
        ("#in-a-cluster", "docs/recordings.md", "#in-a-cluster"),
        ("https://istio.io/", "docs/requirements.md", "https://istio.io/"),
        (
            "../playbooks/files/record/record-node.sh",
            "docs/recordings.md",
            "https://github.com/nodeprep/istio/blob/main/playbooks/files/record/record-node.sh",
        ),
    ],
)
def test_a_link_leads_to_the_page_in_the_site_or_to_the_file(assemble, link, page, converted):
    pages = [PurePosixPath("docs/cost.md"), PurePosixPath("docs/recordings.md")]
    assert assemble.convert_link(link, PurePosixPath(page), pages) == converted


def test_the_readme_is_no_page_and_the_readme_of_a_role_is_one(assemble):
    pages = {path.as_posix() for path in assemble.list_pages()}
    assert "README.md" not in pages and {"docs/lab.md", "roles/istio_node/README.md", "CONTRIBUTING.md"} <= pages


def test_the_navigation_has_each_section_of_the_guides(assemble):
    sections = [{"title": "Start", "toctree": ["guide_a", "guide_b"]}]
    lines = "".join(assemble.make_toctrees(sections)).split("\n")
    assert lines[:3] == [".. toctree::", "   :caption: Start", "   :hidden:"]
    assert lines[3:] == ["", "   collection/docsite/guide_a", "   collection/docsite/guide_b", "", ""]


def test_the_index_of_the_collection_has_no_guides_and_short_names(assemble, tmp_path):
    (tmp_path / "index.rst").write_text(INDEX, encoding="utf-8")
    (tmp_path / "environment_variables.rst").touch()
    assemble.tidy_collection(tmp_path)
    assert (tmp_path / "index.rst").read_text(encoding="utf-8") == TIDY_INDEX
    assert not (tmp_path / "environment_variables.rst").exists()
