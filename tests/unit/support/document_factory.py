# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents that the tests of the formats render."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html.parser import HTMLParser

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.waivers import WaiverRule
from ansible_collections.nodeprep.istio.tests.unit.support.fleet_factory import SELECTION, build, fleet, make_outcome
from ansible_collections.nodeprep.istio.tests.unit.support.malformed import hostile

FAILURES = {
    "run": ({"failure": "No space left"}, "No space left"),
    "probe": (
        {"probe": {"result": "failed", "causes": [{"message": "no xt_x"}]}},
        "rules like Istio's fail on this node: no xt_x",
    ),
}


def make_plain_document() -> Document:
    """Return the document of a small fleet with waivers and changes."""
    waivers = [
        WaiverRule("br_netfilter", ("node-0*",), "bridges are not used", "2027-01-01", "w.yml:1"),
        WaiverRule("xt_owner", ("*",), "late", "2026-01-01"),
    ]
    return build(fleet(14, SELECTION), waivers=waivers, previous=build(fleet(9, SELECTION)))


DOCUMENTS = {"plain": make_plain_document, "hostile": hostile}


def make_failed_document(part: str) -> tuple[Document, str]:
    """Return the document of two ready nodes; on the first one the run or the probe failed with the text."""
    given, text = FAILURES[part]
    passed = {"probe": {"result": "passed", "causes": []}}
    return build([("a", make_outcome(**given)), ("b", make_outcome(**passed))]), text


def make_waived_document() -> Document:
    """Return the document of a small fleet with one waiver in force."""
    rule = WaiverRule("br_netfilter", ("*",), "bridges are not used", "2027-01-01", "w.yml:1")
    return build(fleet(14, SELECTION), waivers=[rule])


def render_text(renderer: Callable[[Document], Iterator[str]], document: Document) -> str:
    return "".join(renderer(document))


class Page(HTMLParser):
    """The tags, attributes and texts of an HTML page; the text of a script or style is by its tag and id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.inside: tuple[str, str | None] | None = None
        self.data: dict[tuple[str, str | None] | None, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag in ("script", "style"):
            self.inside = (tag, dict(attrs).get("id"))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.inside = None

    def handle_data(self, data: str) -> None:
        self.data[self.inside] = self.data.get(self.inside, "") + data
