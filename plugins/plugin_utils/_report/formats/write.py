# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a document in the selected formats. Each file appears complete or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import ReportError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.declared import DeclaredFile
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats import (
    csv_tables,
    html_page,
    json_document,
    junit_xml,
    markdown,
    prometheus,
    remaining_hosts,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document

MAIN_FILE = "report.json"
DECLARATIONS_FILE = "declarations.json"
# The parts of the HTML report.
TEMPLATES = ("report.html.j2", "report.css", "report.js")
FILE_MODE = 0o644
Renderer = Callable[[Document], Iterator[str]]

# The files of each format. JSON is always written: the next report is compared with it.
FORMATS: dict[str, dict[str, Renderer]] = {
    "json": {MAIN_FILE: json_document.render},
    "junit": {"report-junit.xml": junit_xml.render},
    "csv": {"report-nodes.csv": csv_tables.render_nodes, "report-requirements.csv": csv_tables.render_requirements},
    "markdown": {"report.md": markdown.render},
    "prometheus": {"nodeprep_istio.prom": prometheus.render},
    "remaining": {"remaining-hosts.txt": remaining_hosts.render},
}


def write_document(document: Document, directory: str, formats: Sequence[str], templates: str) -> dict[str, list[str]]:
    """Write the files into a directory, which is created if it does not exist, and return their paths by format.

    :param templates: directory of the HTML report's template, style and script.

    Raises ReportError if a file cannot be written.
    """
    known: dict[str, dict[str, Renderer]] = {
        **FORMATS,
        "html": {"report.html": partial(html_page.render, templates=Path(templates))},
    }
    unknown = sorted(set(formats) - set(known))
    if unknown:
        raise ReportError(f"formats: unknown format {', '.join(unknown)}; valid formats: {', '.join(sorted(known))}")
    written: dict[str, list[str]] = {}
    for name in dict.fromkeys(("json", *formats)):
        for file, render in known[name].items():
            path = os.path.join(directory, file)
            _write_file(path, render(document))
            written.setdefault(name, []).append(path)
    return written


def write_declarations(files: Sequence[DeclaredFile], directory: str) -> list[str]:
    """Write each declaration into a file, and all of them into declarations.json; return the paths.

    Raises ReportError if a file cannot be written.
    """
    texts = {file.file: file.declaration.text for file in files}
    texts[DECLARATIONS_FILE] = json.dumps([file.as_dict() for file in files], indent=2) + "\n"
    paths = []
    for name, text in texts.items():
        paths.append(os.path.join(directory, name))
        _write_file(paths[-1], (text,))
    return paths


def _write_file(path: str, parts: Iterable[str]) -> None:
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".report-", dir=directory)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.writelines(parts)
            os.chmod(temporary, FILE_MODE)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as exc:
        raise ReportError(
            f"{path}: cannot be written ({exc.strerror}); check that the directory exists and is writable"
        ) from exc
