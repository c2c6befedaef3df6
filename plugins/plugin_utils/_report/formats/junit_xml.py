# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as JUnit XML: a test suite for each node, a test case for each requirement. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import told
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, Node, Row

Case = tuple[str, str, str, str]


def render(document: Document) -> Iterator[str]:
    """Yield the XML text.

    A requirement that is unmet now or after a reboot, and rules that the probe could not load, are a failure; a requirement
    that cannot be told, a run that failed, and a node without data, an error; what is waived, and what should be there and is not, is skipped with its reason.
    """
    suites = [
        (node, [*([_case(document, row) for row in node.rows] or [_no_data(node)]), *_failures(node)])
        for node in document.nodes
    ]
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites {_attributes('Istio node readiness', [case for _node, cases in suites for case in cases])}>\n"
    for node, cases in suites:
        yield f"<testsuite {_attributes(node.name, cases)} timestamp={_quoted((node.observed_at or document.generated_at).rstrip('Z'))}>\n"
        yield f"<properties>{''.join(f'<property name={_quoted(key)} value={_quoted(value)}/>' for key, value in _properties(node))}</properties>\n"
        for name, kind, code, message in cases:
            inner = (
                f"<{kind} message={_quoted(message)}{f' type={_quoted(code)}' if kind != 'skipped' else ''}/></testcase>"
                if kind
                else ""
            )
            yield f'<testcase classname={_quoted(node.name)} name={_quoted(name)} time="0"{">" + inner if inner else "/>"}\n'
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _case(document: Document, row: Row) -> Case:
    """Return name, kind ("" for passed), code and message."""
    message = "; ".join(part for part in (told(row), row.reason, row.remedy) if part)
    if row.waiver is not None:
        waiver = document.waivers[row.waiver]
        return row.id, "skipped", "", f"waived until {waiver.until}: {waiver.reason} ({message})"
    if not row.lacking:
        return row.id, "", "", ""
    if row.level != "must":
        return row.id, "skipped", "", f"should be there: {message}"
    if "unmet" in (row.now, row.after_reboot):
        return row.id, "failure", "unmet" if row.now == "unmet" else "unmet_after_reboot", message
    return row.id, "error", "unknown", message


def _no_data(node: Node) -> Case:
    code, text = (
        (node.no_data.code, node.no_data.text) if node.no_data else ("no_answer", "no requirement was asked for")
    )
    return "data", "error", code, text


def _failures(node: Node) -> Iterator[Case]:
    for part, message in node.failures:
        yield part, {"run": "error", "probe": "failure"}[part], "failed", message


def _properties(node: Node) -> Iterator[tuple[str, str]]:
    pairs = (
        ("verdict", node.verdict),
        ("documented", node.documented),
        ("effective", node.effective),
        ("probe", node.probe_result),
        ("system", node.system),
        ("kernel", node.kernel),
    )
    return ((key, value) for key, value in pairs if value)


def _attributes(name: str, cases: list[Case]) -> str:
    kinds = [kind for _name, kind, _code, _message in cases]
    numbers = (
        ("tests", len(cases)),
        ("failures", kinds.count("failure")),
        ("errors", kinds.count("error")),
        ("skipped", kinds.count("skipped")),
    )
    return " ".join([f"name={_quoted(name)}", *(f'{key}="{number}"' for key, number in numbers), 'time="0"'])


def _quoted(text: str) -> str:
    """Quote for XML; what one_line() lets through is legal in XML but for the two last characters of the first plane."""
    return quoteattr(text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd"))
