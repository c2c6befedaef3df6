# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a document in the formats that were asked for. Each file appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import (
    csv_tables,
    html_page,
    json_document,
    junit_xml,
    markdown,
    prometheus,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document

MAIN_FILE = "report.json"
# What the HTML report is made of.
TEMPLATES = ("report.html.j2", "report.css", "report.js")
Renderer = Callable[[Document], Iterator[str]]

# For each format its files. JSON is always written: the next report is compared with it.
FORMATS: dict[str, dict[str, Renderer]] = {
    "json": {MAIN_FILE: json_document.render},
    "junit": {"report-junit.xml": junit_xml.render},
    "csv": {"report-nodes.csv": csv_tables.render_nodes, "report-requirements.csv": csv_tables.render_requirements},
    "markdown": {"report.md": markdown.render},
    "prometheus": {"nodeprep_istio.prom": prometheus.render},
}


def write(document: Document, directory: str, formats: Sequence[str], templates: str) -> dict[str, list[str]]:
    """Write the files into a directory, which is made where it is not there, and return the paths for each format.

    :param templates: directory of the HTML report's template, style and script.

    Raises ReportError where a file cannot be written.
    """
    known: dict[str, dict[str, Renderer]] = {
        **FORMATS,
        "html": {"report.html": partial(html_page.render, templates=Path(templates))},
    }
    unknown = sorted(set(formats) - set(known))
    if unknown:
        raise ReportError(f"formats: there is no format {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    written: dict[str, list[str]] = {}
    for name in dict.fromkeys(("json", *formats)):
        for file, renderer in known[name].items():
            path = os.path.join(directory, file)
            _write(path, renderer(document))
            written.setdefault(name, []).append(path)
    return written


def _write(path: str, parts: Iterable[str]) -> None:
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".report-", dir=directory)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.writelines(parts)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as exc:
        raise ReportError(
            f"{path}: cannot be written ({exc.strerror}); see that the directory is there and writable"
        ) from exc
