# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of the built site, and the links between them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).parents[2] / "build" / "docs" / "html"
START = "index.html"
# Made by Sphinx, and opened by the search field only.
SEARCH = "search.html"


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.files: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values: Mapping[str, str | None] = dict(attrs)
        if values.get("id"):
            self.anchors.add(str(values["id"]))
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        if tag in ("img", "script", "link"):
            self.files += [str(values[name]) for name in ("src", "href") if values.get(name)]


@cache
def read_pages() -> dict[str, Page]:
    """Return the pages by their path in the site."""
    found = sorted(SITE.rglob("*.html"))
    return {path.relative_to(SITE).as_posix(): Page(path.read_text(encoding="utf-8")) for path in found}


def resolve_link(page: str, link: str) -> tuple[str, str] | None:
    """Return the file and the anchor of a link of a page, or None if it leads to another host."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (SITE / page).parent / unquote(parts.path) if parts.path else SITE / page
    return target.resolve().relative_to(SITE.resolve()).as_posix(), unquote(parts.fragment)
