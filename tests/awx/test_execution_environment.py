# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder finds the requirements of the collection, and accepts the example. No image is built."""

from __future__ import annotations

import yaml
from ansible_collections.nodeprep.istio.tests.awx.conftest import ROOT, run_tool
from packaging.requirements import Requirement

EXAMPLE = ROOT / "docs" / "examples" / "awx" / "execution-environment.yml"


def test_an_image_with_the_collection_gets_the_python_packages_that_it_imports(collections):
    found = yaml.safe_load(run_tool("ansible-builder", "introspect", collections))
    names = {Requirement(line.partition("#")[0]).name for line in found["python"]}
    assert names == {"packaging", "jmespath"}
    assert found["system"] == []


def test_the_example_becomes_a_build_context_with_this_release_of_the_collection(tmp_path):
    run_tool(
        "ansible-builder", "create", "--file", EXAMPLE, "--context", tmp_path, "--output-filename", "Containerfile"
    )
    (wanted,) = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text())["collections"]
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert Requirement(f"{wanted['name']} {wanted['version']}").specifier.contains(version)
    assert (tmp_path / "_build" / "bindep.txt").read_text().split() == ["openssh-clients"]
    text = (tmp_path / "Containerfile").read_text()
    assert "ansible-galaxy collection install" in text
    assert "introspect.py introspect" in text
