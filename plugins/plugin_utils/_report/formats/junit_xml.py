# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as JUnit XML: one test suite per node, one test case per requirement. Pure."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.drift import describe_row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, Node, Row

TITLE = "Istio node readiness"
NO_TIME = "0"
BUFFER_SIZE = 1 << 16
# to_one_line() lets only these pass of the characters that XML does not allow.
LEGAL_CHARACTERS = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd"})

Result = Literal["passed", "failure", "error", "skipped"]
# What a failure of the run or of the probe is, on a node that has data.
FAILURE_RESULTS: dict[str, Result] = {"run": "error", "probe": "failure"}


@dataclass(frozen=True, slots=True)
class Case:
    """A test case; ``code`` is the type of a failure or an error."""

    name: str
    result: Result
    code: str = ""
    message: str = ""


def render(document: Document) -> Iterator[str]:
    """Yield the XML text.

    A failure is a requirement that is unmet now or after a reboot, and a probe that failed. An error is a requirement
    that is unknown, a run that failed, and a node without data. A requirement that is waived, or that is not a must, is
    skipped with its reason, and so is a host that is not a Linux node.
    """
    buffer = io.StringIO()
    xml = XMLGenerator(buffer, "UTF-8", short_empty_elements=True)
    xml.startDocument()
    totals = Counter(result for node in document.nodes for result in _list_results(node))
    _start_element(xml, "testsuites", name=TITLE, **_count_attributes(totals))
    xml.ignorableWhitespace("\n")
    for node in document.nodes:
        _write_suite(xml, document, node)
        if buffer.tell() > BUFFER_SIZE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    xml.endElement("testsuites")
    xml.ignorableWhitespace("\n")
    yield buffer.getvalue()


def _write_suite(xml: XMLGenerator, document: Document, node: Node) -> None:
    time = (node.observed_at or document.generated_at).rstrip("Z")
    counts = _count_attributes(Counter(_list_results(node)))
    _start_element(xml, "testsuite", name=node.name, **counts, timestamp=time)
    _start_element(xml, "properties")
    for name, value in _list_properties(node):
        _start_element(xml, "property", name=name, value=value)
        xml.endElement("property")
    xml.endElement("properties")
    xml.ignorableWhitespace("\n")
    for case in _list_cases(document, node):
        _write_case(xml, node.name, case)
    xml.endElement("testsuite")
    xml.ignorableWhitespace("\n")


def _write_case(xml: XMLGenerator, node: str, case: Case) -> None:
    _start_element(xml, "testcase", classname=node, name=case.name, time=NO_TIME)
    if case.result == "skipped":
        _start_element(xml, case.result, message=case.message)
        xml.endElement(case.result)
    elif case.result != "passed":
        _start_element(xml, case.result, message=case.message, type=case.code)
        xml.endElement(case.result)
    xml.endElement("testcase")
    xml.ignorableWhitespace("\n")


def _start_element(xml: XMLGenerator, tag: str, /, **attributes: str) -> None:
    legal = {name: _replace_illegal(value) for name, value in attributes.items()}
    xml.startElement(tag, AttributesImpl(legal))


def _replace_illegal(text: str) -> str:
    return text if text.isascii() else text.translate(LEGAL_CHARACTERS)


def _list_properties(node: Node) -> list[tuple[str, str]]:
    pairs = (
        ("verdict", node.verdict),
        ("documented", node.documented),
        ("effective", node.effective),
        ("probe", node.probe_result),
        ("system", node.system),
        ("kernel", node.kernel),
    )
    return [(name, value) for name, value in pairs if value]


def _count_attributes(counts: Counter[Result]) -> dict[str, str]:
    return {
        "tests": str(counts.total()),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
        "time": NO_TIME,
    }


def _list_results(node: Node) -> Iterator[Result]:
    """Yield the results of the cases of a node."""
    if not node.rows:
        yield "skipped" if node.is_skipped else "error"
    for row in node.rows:
        yield _get_result(row)
    for part, _message in node.failures:
        yield FAILURE_RESULTS[part]


def _list_cases(document: Document, node: Node) -> Iterable[Case]:
    cases = [_build_case(document, row) for row in node.rows] or [_build_no_data_case(node)]
    for part, message in node.failures:
        cases.append(Case(part, FAILURE_RESULTS[part], "failed", message))
    return cases


def _get_result(row: Row) -> Result:
    if not row.is_lacking and row.waiver is None:
        return "passed"
    if not row.is_gap:
        return "skipped"
    return "failure" if "unmet" in (row.now, row.after_reboot) else "error"


def _build_case(document: Document, row: Row) -> Case:
    result = _get_result(row)
    if result == "passed":
        return Case(row.id, result)
    message = "; ".join(part for part in (describe_row(row), row.reason, row.remedy) if part)
    if row.waiver is not None:
        waiver = document.waivers[row.waiver]
        return Case(row.id, result, message=f"waived until {waiver.until}: {waiver.reason} ({message})")
    if result == "skipped":
        return Case(row.id, result, message=f"recommended, not required: {message}")
    if result == "failure":
        return Case(row.id, result, "unmet" if row.now == "unmet" else "unmet_after_reboot", message)
    return Case(row.id, result, "unknown", message)


def _build_no_data_case(node: Node) -> Case:
    if node.no_data and node.is_skipped:
        return Case("data", "skipped", message=node.no_data.text)
    if node.no_data:
        return Case("data", "error", node.no_data.code, node.no_data.text)
    return Case("data", "error", "no_answer", "the selection has no requirements")
