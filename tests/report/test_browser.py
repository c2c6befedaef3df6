# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a browser: shown, searched, opened and printed. Screenshots go to build/report."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import FORMATS, write_document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule
from ansible_collections.nodeprep.istio.tests.report.browser import SHOTS, SIZES, read_tiles, take_screenshot
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import (
    KINDS,
    SELECTION,
    build,
    facts,
    fleet,
    make_declared,
    outcome,
)
from ansible_collections.nodeprep.istio.tests.unit.support.malformed import HOSTILE, hostile
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "roles" / "istio_report" / "templates"
# A small fleet: one node of each kind, two waivers, and a previous report.
SMALL = 14
LARGE = 10_000
# A4 within its margins, at 96 pixels an inch.
PAPER = {"width": 688, "height": 1017}
# The picture in the guide: "cp build/report/guide.png docs/docsite/rst/report.png" replaces it.
GUIDE_PICTURE = ROOT / "docs" / "docsite" / "rst" / "report.png"
GUIDE_SIZE = {"width": 1000, "height": 888}
# Elements with text that is wider than they are, and that cut it.
CUT = """() => [...document.querySelectorAll("main *, header *, dialog *")]
    .filter((e) => !e.closest(".quiet, .scroll, svg, select") && e.checkVisibility()
        && getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth)
    .map((e) => e.outerHTML.slice(0, 200))"""
OUTSIDE = """() => [...document.querySelectorAll("main *, header *")]
    .filter((e) => !e.closest(".quiet, svg") && e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => e.outerHTML.slice(0, 200))"""
# Milliseconds from a key to the picture: when this message arrives, the frame after the event is drawn.
PAUSES = """() => {
    window.pauses = [];
    document.querySelector("input[type=search]").addEventListener("input", (event) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => window.pauses.push(performance.now() - event.timeStamp);
        channel.port2.postMessage(0);
    }));
}"""


@pytest.fixture(scope="session")
def small() -> Path:
    waivers = [
        WaiverRule(
            "xt_owner", ("node-09",), "no sidecars on this node before it is replaced", "2027-03-31", "waivers.yml:1"
        ),
        WaiverRule("br_netfilter", ("*",), "bridges are not used", "2026-11-01", "waivers.yml:5"),
    ]
    before = build(
        [
            *list(fleet(SMALL, SELECTION))[:5],
            *((f"node-{n:02}", outcome(facts(KINDS[0]), SELECTION)) for n in (6, 14)),
            ("node-99", {}),
        ]
    )
    write_document(
        build(fleet(SMALL, SELECTION), waivers=waivers, previous=before),
        str(SHOTS / "small"),
        ["html", *FORMATS],
        str(TEMPLATES),
    )
    return SHOTS / "small" / "report.html"


@pytest.fixture(scope="session")
def large() -> dict:
    command = [sys.executable, str(ROOT / "tests" / "report" / "measure.py"), str(LARGE), str(SHOTS / "large")]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_small_fleet(opened, small, size, scheme):
    page = opened(small, size, scheme)
    document = json.loads((small.parent / "report.json").read_text())
    # The tile of the skipped hosts is shown only if there are any.
    assert {"skipped": 0, **read_tiles(page)} == document["totals"]["verdicts"]
    expect(page.locator("h1")).to_have_text("7 of 14 nodes are ready")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "the page itself must not scroll sideways"
    )
    assert page.evaluate(CUT) == []
    take_screenshot(page, f"small-{size}-{scheme}")
    assert Axe().run(page).violations_count == 0, Axe().run(page).generate_report()

    page.get_by_role("link", name="node-06").last.click()
    details = page.get_by_role("dialog")
    expect(details).to_contain_text("kernel-modules-extra is not installed")
    expect(details).to_contain_text("CONFIG_XT_OWNER=m, but no such file is installed")
    assert Axe().run(page).violations_count == 0, Axe().run(page).generate_report()
    take_screenshot(page, f"small-{size}-{scheme}-details", full=False)
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()


def test_the_picture_of_the_guide_has_verdicts_and_root_causes(opened, small):
    page = opened(small)
    page.set_viewport_size(GUIDE_SIZE)
    take_screenshot(page, "guide", full=False)
    for part in ("h1", ".tile", "#causes h2"):
        assert page.locator(part).first.bounding_box()["y"] < GUIDE_SIZE["height"], f"{part} is below the picture"
    # The size of a PNG file is at the start of its first chunk.
    assert struct.unpack(">II", GUIDE_PICTURE.read_bytes()[16:24]) == (GUIDE_SIZE["width"], GUIDE_SIZE["height"])


@pytest.mark.parametrize("size", SIZES)
def test_one_click_selects_a_declaration(opened, tmp_path, size):
    document = build([(name, make_declared("bottlerocket")) for name in "abcd"])
    write_document(document, str(tmp_path), ["html"], str(TEMPLATES))
    page = opened(tmp_path / "report.html", size)
    section = page.locator("#declarations")
    expect(section.locator("summary")).to_have_text("Bottlerocket for 4 nodes")
    section.locator("pre").first.click()
    assert page.evaluate("getSelection().toString()").strip() == document.declarations[0].declaration.text.strip()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert Axe().run(page).violations_count == 0, Axe().run(page).generate_report()
    section.get_by_role("link", name="b").click()
    expect(page.get_by_role("dialog")).to_contain_text("b")


def test_the_details_of_a_node_show_file_and_line(opened, small):
    page = opened(small)
    page.goto(small.as_uri() + "#node=node-13")
    details = page.get_by_role("dialog")
    for text in (
        "install override '/bin/false' (/etc/modprobe.d/usb-and-more.conf:3)",
        "Remove the install lines from",
        "Documented",
        "Effective",
        "profile combined",
    ):
        expect(details).to_contain_text(text)
    page.goto(small.as_uri() + "#node=node-09")
    expect(details).to_contain_text("waived until 2027-03-31: no sidecars on this node before it is replaced")
    expect(details).to_contain_text("not_ready without waivers")
    page.goto(small.as_uri() + "#node=nothing")
    expect(details).to_be_hidden()


def test_what_changed_is_shown(opened, small):
    page = opened(small)
    drift = page.locator("#drift")
    for text in ("Changes since the previous report", "new nodes", "No longer in the report: node-99", "not_ready"):
        expect(drift).to_contain_text(text)
    drift.get_by_role("link", name="node-14").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Changed since the previous report")


def test_with_the_keyboard_alone(opened, small):
    page = opened(small)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the list of nodes")).to_be_focused()
    for _press in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "kernel-modules-extra is not installed":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("1 node")
    for _press in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "node-06":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", name="node-06")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_without_javascript(opened, small):
    page = opened(small, java_script_enabled=False)
    assert read_tiles(page)["not_ready"] == 3
    for number in range(1, SMALL + 1):
        expect(page.locator("#nodes tbody").get_by_text(f"node-{number:02}", exact=True)).to_be_visible()
    expect(page.locator("#heat")).to_contain_text("xt_owner")
    expect(page.locator("#causes")).to_contain_text("Remove the install lines from")
    take_screenshot(page, "small-no-javascript")


def test_on_paper(opened, small):
    page = opened(small)
    page.pdf(path=SHOTS / "small.pdf", format="A4")
    assert (SHOTS / "small.pdf").stat().st_size > 20_000
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    take_screenshot(page, "small-print")
    expect(page.get_by_role("searchbox")).to_be_hidden()
    expect(page.locator("#drift .paper")).to_have_text("7 more are on the screen.")
    assert page.evaluate(OUTSIDE) == [] == page.evaluate(CUT)
    assert len({tile.bounding_box()["y"] for tile in page.locator(".tile").all()}) == 1


def test_hostile_text_is_text(opened):
    document = hostile()
    write_document(document, str(SHOTS / "hostile"), ["html"], str(TEMPLATES))
    page = opened(SHOTS / "hostile" / "report.html")
    assert "owned" not in page.title() and page.locator("img").count() == 0
    shown = page.locator("#nodes tbody").inner_text()
    assert (
        HOSTILE[0] in shown
        and HOSTILE[1] in shown
        and "{{ 7 * 7 }}{% raw %}" in shown
        and "(1048576 characters)" in shown
    )
    for name in (f"0{HOSTILE[0]}", f"6{HOSTILE[6]}".replace("\n", ""), f"8{HOSTILE[8]}"):
        page.get_by_role("searchbox").fill(name)
        page.locator("#nodes tbody a").first.click()
        expect(page.get_by_role("dialog").get_by_role("heading", name=name)).to_be_visible()
        page.keyboard.press("Escape")


def test_a_large_fleet_costs_seconds(large):
    assert large["document_seconds"] + large["formats_seconds"] < 30 and large["assess_seconds"] < 60
    assert large["peak_mib"] < 1024 and large["mib"]["html"] < 15
    print(f"\n{large}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_large_fleet_is_shown(opened, large, size, scheme):
    page = opened(SHOTS / "large" / "report.html", size, scheme)
    assert {"skipped": 0, **read_tiles(page)} == large["totals"] and sum(large["totals"].values()) == LARGE
    assert page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart") < 5000
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") and page.evaluate(CUT) == []
    if size == "wide":
        assert page.evaluate(
            "(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.querySelector('#heat .scroll'))"
        )
    take_screenshot(page, f"large-{size}-{scheme}", full=False)
    for part in ("causes", "heat", "systems", "nodes"):
        page.locator(f"#{part}").screenshot(path=SHOTS / f"large-{size}-{scheme}-{part}.png")
    page.locator("#nodes").get_by_role("link").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Reason and remedy")
    take_screenshot(page, f"large-{size}-{scheme}-details", full=False)
    assert Axe().run(page, "#details").violations_count == 0


@pytest.mark.usefixtures("large")
def test_a_large_fleet_on_paper(opened):
    page = opened(SHOTS / "large" / "report.html")
    page.pdf(path=SHOTS / "large.pdf", format="A4")
    # A printed page has the most urgent nodes, and the number of all.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".nodes tbody tr").count() == 200
    expect(page.get_by_role("status")).to_have_text("10,000 nodes, the first 200 shown")
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    assert page.evaluate(OUTSIDE) == [] == page.evaluate(CUT)
    expect(page.locator("#heat .paper")).to_be_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".nodes tbody tr").count() == 100


@pytest.mark.usefixtures("large")
def test_a_large_fleet_is_searched_without_a_pause(opened):
    page = opened(SHOTS / "large" / "report.html")
    search, status = page.get_by_role("searchbox"), page.get_by_role("status")
    page.evaluate(PAUSES)
    search.focus()
    for words, found in (
        ("worker-00042.", "1 node"),
        ("rhel kernel-modules-extra", "859 nodes, the first 100 shown"),
        ("nothing like this", "0 nodes"),
    ):
        page.keyboard.type(words, delay=50)
        expect(status).to_have_text(found)
        search.press("Control+A")
        search.press("Delete")
    page.wait_for_function("pauses.length >= 50")
    pauses = sorted(map(round, page.evaluate("pauses")))
    print(f"\nfrom the key to the picture, ms: median {pauses[len(pauses) // 2]}, longest {pauses[-5:]}")
    # A user does not notice a tenth of a second. On a busy machine a single pause may be longer.
    assert pauses[len(pauses) // 2] < 100 and pauses[-1] < 400


@pytest.mark.usefixtures("large")
def test_an_outlier_leads_to_its_details(opened):
    page = opened(SHOTS / "large" / "report.html")
    outlier = page.locator("#outliers tbody tr").first
    link = outlier.get_by_role("link").first
    name, differs = link.inner_text(), outlier.locator("td").nth(2).inner_text().split(",")[0]
    link.click()
    expect(page.get_by_role("dialog")).to_contain_text(name)
    expect(page.get_by_role("dialog")).to_contain_text(differs)


def test_a_large_fleet_is_filtered(opened, large):
    page = opened(SHOTS / "large" / "report.html")
    status = page.get_by_role("status")
    page.get_by_role("button", name="Show the nodes that are not_ready").click()
    expect(status).to_contain_text(f"{large['totals']['not_ready']:,} nodes")
    page.get_by_role("button", name="Clear filters").click()
    page.locator("#systems").scroll_into_view_if_needed()
    page.get_by_label("System and kernel").select_option(label="Talos (v1.12.0), 6.18.45-talos")
    expect(status).to_contain_text(
        f"{page.locator('#systems tr', has_text='Talos').locator('td').nth(2).inner_text()} nodes"
    )
    page.get_by_role("button", name="Clear filters").click()
    page.locator("#heat").get_by_role("button").first.click()
    expect(status).to_contain_text("of one row of the heat map")
    page.get_by_role("button", name="Show 100 more").click()
    expect(status).to_contain_text("of one row of the heat map, the first 200 shown")
    assert page.locator(".nodes tbody tr").count() == 200
    page.locator(".nodes a").nth(150).click()
    expect(page.get_by_role("dialog")).to_contain_text("Reason and remedy")
