# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of the lab's machines, in a browser. make lab-report writes it.

One machine is prepared, one is as it booted, one cannot load a module, and one is off.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.nodeprep.istio.tests.report.browser import SHOTS, SIZES, read_tiles, take_screenshot
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

REPORT = SHOTS / "lab" / "report.html"
VERDICTS = {"bookworm": "ready", "bullseye": "not_ready", "trixie": "no_data"}


def test_the_verdicts_are_those_of_the_machines():
    nodes = {node["name"]: node for node in json.loads((REPORT.parent / "report.json").read_text())["nodes"]}
    assert nodes.keys() == {"bookworm", "bullseye", "forky", "trixie"}
    assert {name: nodes[name]["verdict"] for name in VERDICTS} == VERDICTS
    # A fresh kernel loads each module that it requests. Only the page requires modules that it never requests.
    assert nodes["forky"]["verdict"] == "on_demand" and nodes["forky"]["documented"] == "not_ready"
    assert nodes["forky"]["plan"]["expected"] == ["ready"]
    assert nodes["trixie"]["no_data"]["code"] == "unreachable"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_report_is_shown(opened, size, scheme):
    page = opened(REPORT, size, scheme)
    assert {verdict: number for verdict, number in read_tiles(page).items() if number} == {
        "ready": 1,
        "on_demand": 1,
        "not_ready": 1,
        "no_data": 1,
    }
    expect(page.locator("h1")).to_have_text("1 of 4 nodes is ready")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page itself must not scroll sideways"
    )
    take_screenshot(page, f"lab-{size}-{scheme}")
    assert Axe().run(page).violations_count == 0, Axe().run(page).generate_report()
    page.get_by_role("searchbox").fill("site-hardening")
    expect(page.get_by_role("status")).to_have_text("1 node")
    page.locator("#nodes").get_by_role("link", name="bullseye").click()
    details = page.get_by_role("dialog")
    expect(details).to_contain_text("/etc/modprobe.d/site-hardening.conf:3")
    take_screenshot(page, f"lab-{size}-{scheme}-details", full=False)
    page.keyboard.press("Escape")
    page.get_by_role("searchbox").fill("unreachable")
    expect(page.locator("#nodes").get_by_role("link", name="trixie")).to_be_visible()
