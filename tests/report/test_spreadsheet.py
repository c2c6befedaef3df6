# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CSV files in a spreadsheet: Gnumeric finds no formula in them."""

from __future__ import annotations

import subprocess
from xml.etree import ElementTree

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.formats.write import write_document
from ansible_collections.nodeprep.istio.tests.unit.support.malformed import HOSTILE, hostile

GNUMERIC = "{http://www.gnumeric.org/v10.dtd}"
STRING = "60"


def test_hostile_text_is_not_a_formula(tmp_path):
    document = hostile()
    (nodes, requirements) = write_document(document, str(tmp_path), ["csv"], str(tmp_path))["csv"]
    for path, lines in (
        (nodes, len(document.nodes)),
        (requirements, sum(max(len(node.rows), 1) for node in document.nodes)),
    ):
        subprocess.run(
            ["ssconvert", "-T", "Gnumeric_XmlIO:sax:0", path, str(tmp_path / "sheet.xml")],
            check=True,
            capture_output=True,
        )
        cells = list(ElementTree.parse(tmp_path / "sheet.xml").iter(f"{GNUMERIC}Cell"))
        assert max(int(cell.get("Row")) for cell in cells) == lines
        # A formula has no type. Text that starts like one has the type of a string.
        suspicious = [cell for cell in cells if (cell.text or "").startswith(("=", "+", "-", "@"))]
        assert all(cell.get("ValueType") for cell in cells) and all(
            cell.get("ValueType") == STRING for cell in suspicious
        )
        assert {cell.text for cell in suspicious} >= {HOSTILE[2], HOSTILE[3]}
