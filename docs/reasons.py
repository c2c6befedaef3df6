# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print docs/reasons.md out of the table of codes: make reference."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.reason_codes import KINDS, TELLING

HEAD = """<!--
Copyright (c) 2026, nodeprep.istio contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
Made by "make reference" out of the codes; changes to this file are lost.
-->
# The reasons in a node's facts

`nodeprep.istio.node_facts` gives a reason for what it says of a module wherever there is one, with a code that stays the same. Reasons of one code that can be
mended by one thing are one cause in the report. `not_loaded` and `not_persisted` are the report's own: the facts have no reason of theirs.

A report adds a question mark to a code where the node could not be told for certain.
"""
# What stands for what is known of a node alone, where it is told and in the remedy.
WORDS = {"file": "A file", "package": "The package that has them is", "system": "the system"}
AGAIN = {"file": "it", "package": "it", "system": "it"}


def page() -> str:
    """Return the page."""
    gaps = [
        f"| `{code}` | {kind.text.format_map(WORDS)} | {kind.remedy.format_map(AGAIN)} |"
        for code, kind in KINDS.items()
    ]
    telling = [f"| `{code}` | {text} |" for code, text in TELLING.items()]
    return "\n".join(
        [
            HEAD,
            "| code | what it says | what to do |",
            "|---|---|---|",
            *gaps,
            "",
            "These explain a state, and ask for nothing:",
            "",
            "| code | what it says |",
        ]
        + ["|---|---|", *telling, ""]
    )


if __name__ == "__main__":
    print(page(), end="")
