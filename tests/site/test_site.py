# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that make docs builds: its links, and its pages in a browser. Screenshots go to build/docs/pictures."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.nodeprep.istio.tests.site.pages import SEARCH, SITE, START, read_pages, resolve_link
from axe_playwright_python.sync_playwright import Axe

PICTURES = SITE.parent / "pictures"
EXTRA_DOCS = SITE.parents[2] / "docs" / "docsite" / "extra-docs.yml"
SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
# One page of each kind.
SHOWN = (
    START,
    "collection/docsite/guide_verdict.html",
    "collection/docsite/guide_report.html",
    "collection/docsite/guide_troubleshooting.html",
    "collection/node_facts_module.html",
    "docs/requirements.html",
)
# The elements that are wider than the window and can be seen only if the whole page moves sideways.
WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => e.outerHTML.slice(0, 200)).slice(0, 5)"""


def test_each_link_leads_to_a_page_and_an_anchor():
    pages = read_pages()
    broken = []
    for name, page in pages.items():
        for link in page.links:
            resolved = resolve_link(name, link)
            if resolved is None:
                continue
            file, anchor = resolved
            is_anchor = not anchor or file not in pages or anchor in pages[file].anchors
            if not (SITE / file).is_file() or not is_anchor:
                broken.append(f"{name}: {link}")
    assert broken == []


def test_each_picture_style_and_script_is_in_the_site():
    missing = []
    for name, page in read_pages().items():
        for link in page.files:
            resolved = resolve_link(name, link)
            if resolved is None or not (SITE / resolved[0]).is_file():
                missing.append(f"{name}: {link}")
    assert missing == []


def test_each_page_is_reachable_from_the_start_page():
    pages = read_pages()
    found, new = {START}, [START]
    while new:
        name = new.pop()
        targets = {resolved[0] for link in pages[name].links if (resolved := resolve_link(name, link))}
        new += sorted(target for target in targets - found if target in pages)
        found |= targets
    assert set(pages) - found - {SEARCH} == set()


def test_the_site_has_each_guide():
    sections = yaml.safe_load(EXTRA_DOCS.read_text(encoding="utf-8"))["sections"]
    guides = {f"collection/docsite/{name}.html" for section in sections for name in section["toctree"]}
    assert guides - set(read_pages()) == set() and guides


def test_the_search_finds_a_word_of_a_guide():
    index = (SITE / "searchindex.js").read_text(encoding="utf-8")
    assert "collection/docsite/guide_troubleshooting" in index and re.search(r'"?kubelet"?:', index)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SHOWN)
def test_a_page_is_readable(browser, name, size, scheme):
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    page = context.new_page()
    page.goto((SITE / name).as_uri())
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name.rpartition('/')[2].removesuffix('.html')}-{size}-{scheme}.png")
    result = Axe().run(page, "article", {"runOnly": ["color-contrast", "image-alt", "link-name", "empty-heading"]})
    context.close()
    assert result.violations_count == 0, result.generate_report()


def test_no_page_is_wider_than_a_telephone_or_needs_another_host(browser):
    context = browser.new_context(viewport=SIZES["narrow"])
    page = context.new_page()
    problems = []
    page.on("request", lambda request: None if request.url.startswith("file:") else problems.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    for name in read_pages():
        page.goto((SITE / name).as_uri())
        problems += [f"{name}: {element}" for element in page.evaluate(WIDE)]
    context.close()
    assert problems == []
