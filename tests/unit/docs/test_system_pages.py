# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages about systems say what the tables of the code say: packages, declarations and verdicts."""

from __future__ import annotations

import re

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.kernel_origin import KERNEL_FORMS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.packaging import (
    DECLARED_TOOLS,
    KERNEL_PACKAGES,
    PACKAGE_MANAGERS,
    TOOL_PACKAGES,
    TOOL_PACKAGES_BY_MANAGER,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import FORMATS
from ansible_collections.nodeprep.istio.tests.unit.support.code_blocks import ROOT, parse_rst
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import readiness
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_distribution import (
    DISTRIBUTIONS,
    RecordedDistribution,
)
from docutils import nodes

PAGES = sorted(ROOT.glob("docs/docsite/rst/guide_system_*.rst"))
OVERVIEW = ROOT / "docs" / "docsite" / "rst" / "guide_systems.rst"
TOOLS = ("iptables", "ipset", "nft", "modprobe")
# The rows of the table of verdicts whose kernel lacks a package.
EXTRA_PACKAGES = {
    "RHEL 10, without kernel-modules-extra": "kernel-modules-extra",
    "Oracle UEK8, without the extra package": "kernel-uek-modules-extra-netfilter",
}


def list_systems() -> list[tuple[str, dict[str, set[str]]]]:
    """Return the title of each section with a list of facts, and the literals of each fact."""
    systems = []
    for page in PAGES:
        for fields in parse_rst(page.read_text(encoding="utf-8")).findall(nodes.field_list):
            facts = {}
            for field in fields:
                name, body = field.children
                facts[name.astext()] = {literal.astext() for literal in body.findall(nodes.literal)}
            systems.append((fields.parent.next_node(nodes.title).astext(), facts))
    return systems


SYSTEMS = list_systems()


@pytest.fixture(params=[facts for _title, facts in SYSTEMS], ids=[title for title, _facts in SYSTEMS])
def facts(request):
    return request.param


def list_managers(facts):
    return [manager for manager in PACKAGE_MANAGERS if facts.get("IDs", set()).intersection(manager.systems)]


def test_each_known_system_is_described_once():
    described = sorted(system for _title, facts in SYSTEMS for system in facts.get("IDs", ()))
    tables = (*PACKAGE_MANAGERS, *KERNEL_PACKAGES, *KERNEL_FORMS)
    known = {system for row in tables for system in row.systems} | set(DECLARED_TOOLS)
    known |= {system for entry in FORMATS for system in entry.ids}
    assert described == sorted(known)


def test_the_package_managers_are_those_of_the_system(facts):
    assert facts.get("Package manager", set()) == {manager.name for manager in list_managers(facts)}


def test_the_kernel_packages_are_those_of_the_system(facts):
    rows = [row for row in KERNEL_PACKAGES if facts.get("IDs", set()).intersection(row.systems)]
    names = {row.package.format(release="RELEASE", flavour="FLAVOUR", series="SERIES") for row in rows}
    assert facts.get("Kernel packages", set()) == names


def test_the_packages_of_tools_are_those_of_the_system(facts):
    names = {
        TOOL_PACKAGES_BY_MANAGER.get((tool, manager.name)) or TOOL_PACKAGES.get(tool, tool)
        for manager in list_managers(facts)
        for tool in TOOLS
    }
    assert facts.get("Tools", set()) == names


def test_the_declaration_is_that_of_the_system(facts):
    ids, names = facts.get("IDs", set()), facts.get("Names", set())
    keys = {entry.key for entry in FORMATS if ids.intersection(entry.ids) or names.intersection(entry.names)}
    assert facts.get("Declaration", set()) == keys


def read_verdicts() -> list[list[str]]:
    """Return the cells of the table of verdicts."""
    (body,) = parse_rst(OVERVIEW.read_text(encoding="utf-8")).findall(nodes.tbody)
    return [[cell.astext() for cell in row] for row in body]


@pytest.mark.parametrize("row", read_verdicts(), ids=lambda row: re.sub(r"\W+", "-", f"{row[0]} {row[1]}"))
def test_the_verdicts_are_those_of_the_recorded_kernels(row, tmp_path):
    system, kernel, *verdicts = row
    (name,) = [name for name, distribution in DISTRIBUTIONS.items() if distribution["kernel"] == kernel]
    node = RecordedDistribution(tmp_path, name, [EXTRA_PACKAGES.get(system)])
    computed = []
    for backend in ("iptables", "nftables"):
        node.write("/proc/modules", "")
        (tmp_path / "etc/modules-load.d/istio.conf").unlink(missing_ok=True)
        computed.append(readiness(node.facts(), backend=backend)["verdict"])
        computed.append(readiness(node.prepare(backend=backend), backend=backend)["verdict"])
    assert verdicts == computed


def test_the_table_has_all_recorded_kernels():
    kernels = {distribution["kernel"] for distribution in DISTRIBUTIONS.values()}
    assert {kernel for _system, kernel, *_verdicts in read_verdicts()} == kernels
