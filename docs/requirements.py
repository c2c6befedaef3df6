# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print docs/requirements.md out of the catalogues: make reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue import documented, effective
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Requirement, Row
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import releases

HEAD = f"""<!--
Copyright (c) 2026, nodeprep.istio contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
Made by "make reference" out of the catalogues; changes to this file are lost.
-->
# What is required of a node

Two catalogues say what a node needs. The **documented** one is Istio's page [Platform Requirements]({documented.PAGE}),
row for row. The **effective** one is what the rules that Istio programs really use, read from Istio
{releases.OLDEST} to {releases.NEWEST} and from what loading them asks of the kernel; it names roots only, since what these
need comes with them. A newer Istio is judged as {releases.NEWEST}, an older one as {releases.OLDEST}, and every assessment says so.

| profile | must | should |
|---|---|---|
| `documented` | each row of the page whose condition holds | |
| `effective` | each row of the rules whose condition holds, for the iptables variant that Istio would pick | |
| `combined` (default) | the rows of `effective`, and the page's versions of tools and kernel | the rest of the page, and the other iptables variant's rows |

What is `must` decides the verdict. What is `should` is loaded where the kernel has it, and reported where not.
"""
BACKENDS = {"iptables": "iptables backend", "nftables": "native nftables backend (`values.global.nativeNftables=true`)"}


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for title, rows in (("The page", documented.ROWS), ("The rules", effective.ROWS)):
        for backend, label in BACKENDS.items():
            parts.append(
                f"\n## {title}: {label}\n\n" + _table(row for row in rows if row.requirement.backend == backend)
            )
    return "".join(parts)


def _table(rows: Iterable[Row[Any]]) -> str:
    lines = ["| requirement | | condition | source |", "|---|---|---|---|"]
    lines += [
        f"| {_name(row.requirement)} | {_wording(row)} | {row.condition.remark or 'always'} | {_source(row.requirement.source)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _name(requirement: Requirement) -> str:
    if requirement.kind == "module":
        return " or ".join(f"`{name}`" for name in requirement.modules) + (
            f" ({requirement.feature})" if requirement.feature else ""
        )
    if requirement.kind == "option":
        return f"kernel option `CONFIG_{requirement.name}`"
    name = "kernel" if requirement.kind == "kernel" else f"the host's `{requirement.name}`"
    minimum = f" {requirement.minimum} or newer" if requirement.minimum else ""
    return name + minimum + (f", with {requirement.feature.replace('_', ' ')}" if requirement.feature else "")


def _wording(row: Row[Any]) -> str:
    return row.requirement.wording if row.level == "must" else f"{row.requirement.wording}, should"


def _source(source: str) -> str:
    return "the page" if source == documented.PAGE else source


if __name__ == "__main__":
    print(page(), end="")
