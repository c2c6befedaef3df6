# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declarations of a fleet: made in chosen formats, and described for the owner. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.make import declare_for_node
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document, SharedDeclaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import abbreviate, pluralize
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

MAX_FAILURES = 10
SEPARATOR = "-" * 72
NO_MODULES = (
    "They have no module to load at boot: the required modules are built into the kernel, or cannot be loaded. "
    "An audit shows which."
)
NO_FORMAT = "They need none, the role can list their modules, or no format of their system is known."


class DeclaringBuilder(Builder):
    """A builder whose nodes have declarations in chosen formats; without any, those of their plans."""

    def __init__(self, formats: Iterable[str]) -> None:
        super().__init__()
        self._formats = tuple(formats)

    def add(self, name: str, outcome: object) -> None:
        """Add a node. Raises InvalidInputError, also if the facts of a node are not enough for a declaration."""
        super().add(name, self._declare(outcome))

    def add_document(self, document: Document, label: str = "") -> None:
        """Add the nodes of another report. Raises ReportError if formats were chosen: a report has no facts."""
        if self._formats:
            raise ReportError(
                f"the report of {document.generated_at}: it has no facts for declarations in chosen formats; "
                "give recordings or recorded facts, or do not set istio_declaration_formats"
            )
        super().add_document(document, label)

    def _declare(self, outcome: object) -> object:
        if not self._formats or not isinstance(outcome, Mapping):
            return outcome
        facts, assessment = outcome.get("facts"), outcome.get("assessment")
        if not isinstance(facts, Mapping) or not isinstance(assessment, Mapping):
            return outcome
        parsed, selection = parse_facts(facts), Selection.from_options(assessment.get("selection") or {})
        declarations = [declare_for_node(parsed, selection, key) for key in self._formats]
        return {**outcome, "declarations": [one.as_dict() for one in declarations if one.modules]}


@dataclass(frozen=True)
class DeclaredFile:
    """A declaration with its nodes, none if it was made of the selection alone, and the name of its file."""

    declaration: Declaration
    nodes: tuple[str, ...]
    file: str

    @property
    def load_now(self) -> str:
        """The command that loads the modules now."""
        return self.declaration.make_load_command(self.file)

    def describe(self) -> list[str]:
        """Return the declaration as lines to copy."""
        nodes = "an image that does not exist yet"
        if self.declaration.exact:
            nodes = f"{pluralize(len(self.nodes), 'node')}: {abbreviate(self.nodes)}"
        lines = ["", f"{self.declaration.kind} for {nodes}"]
        lines += [f"First: {conflict}" for conflict in self.declaration.conflicts]
        lines += [SEPARATOR, *self.declaration.text.splitlines(), SEPARATOR]
        return [*lines, f"To load these modules now: {self.load_now}"]

    def as_dict(self) -> dict[str, object]:
        """Return the declaration with the types of JSON."""
        return {
            **self.declaration.as_dict(),
            "load_now": self.load_now,
            "nodes": list(self.nodes),
            "file": self.file,
        }


def name_files(declarations: Sequence[SharedDeclaration]) -> list[DeclaredFile]:
    """Return the declarations with the names of their files; several of one format get numbers."""
    totals = Counter(shared.declaration.file for shared in declarations)
    numbers: Counter[str] = Counter()
    files = []
    for shared in declarations:
        name = shared.declaration.file
        if totals[name] > 1:
            numbers[name] += 1
            stem, _dot, suffix = name.rpartition(".")
            files.append(DeclaredFile(shared.declaration, shared.nodes, f"{stem}-{numbers[name]}.{suffix}"))
        else:
            files.append(DeclaredFile(shared.declaration, shared.nodes, name))
    return files


def describe_others(document: Document, formats: Sequence[str], origin: str) -> list[str]:
    """Return which nodes have data and no declaration, as at most one line.

    :param formats: the chosen formats, if any.
    :param origin: what the declarations are made of: "nodes" or "sources".
    """
    names = [node.name for node in document.nodes if not node.no_data and not node.declarations]
    if not names:
        return []
    reason = NO_MODULES
    if not formats:
        # Without sources, the formats alone would make declarations of the selection.
        addition = "" if origin == "sources" else f", and istio_declaration_from={origin}"
        reason = f"{NO_FORMAT} To choose a format, set istio_declaration_formats{addition}."
    return ["", f"No declaration for {pluralize(len(names), 'node')}: {abbreviate(names)}. {reason}"]


def list_failures(document: Document) -> dict[str, str]:
    """Return why nodes have no declaration although they may need one, by name: no data, or an error of the run."""
    failures = {}
    for node in document.nodes:
        text = node.no_data.text if node.no_data else node.failure
        if text and not node.is_skipped:
            failures[node.name] = text
    return failures


def describe_failures(failures: Mapping[str, str]) -> str:
    """Return the failures as one text."""
    texts = [f"{name}: {text}" for name, text in failures.items()]
    more = len(texts) - MAX_FAILURES
    suffix = f"; and {more:,} more" if more > 0 else ""
    return f"no data of {pluralize(len(texts), 'node')}: {'; '.join(texts[:MAX_FAILURES])}{suffix}"
