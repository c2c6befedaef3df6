# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the picture of a verdict, with the verdicts that the code decides: make reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.nodeprep.istio.docs.svg import (
    MARGIN,
    WIDTH,
    Rectangle,
    draw_arrow,
    draw_box,
    draw_picture,
    draw_text,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import BEST_FIRST, Grade, decide_verdict

HALF = (WIDTH - 3 * MARGIN) // 2
RIGHT = WIDTH - MARGIN - HALF
FULL = WIDTH - 2 * MARGIN
LADDER_TOP = 312
ROW_HEIGHT = 26
VERDICT_X = 300
HEIGHT = LADDER_TOP + 244
STYLES = {"ready": "good", "on_demand": "good", "at_risk": "warning", "not_ready": "bad", "unknown": "open"}


class Example(NamedTuple):
    """A required row of a node, and what the picture says about it."""

    text: str
    now: Grade
    after_reboot: Grade
    level: str = "must"


# Each is decisive for its verdict if no row above it holds for a requirement.
LADDER = (
    Example("one is unmet now", "unmet", "present"),
    Example("one is unknown now", "unknown", "present"),
    Example("one is unmet after a reboot", "present", "unmet"),
    Example("one is unknown after a reboot", "present", "unknown"),
    Example("one is on_demand, now or later", "on_demand", "present"),
    Example("each one is present, now and later", "present", "present"),
)


def page() -> str:
    """Return the picture."""
    return draw_picture(HEIGHT, "From the selection and the facts of a node to its verdict", draw_parts())


def draw_parts() -> Iterator[str]:
    yield draw_box(
        Rectangle(MARGIN, 10, HALF, 84), "Your selection", "backend, mode, IP family,", "Istio release, profile"
    )
    yield draw_box(
        Rectangle(RIGHT, 10, HALF, 84), "Facts of the node", "from the live node,", "a recording or an image"
    )
    yield draw_arrow((MARGIN + HALF // 2, 94), (MARGIN + HALF // 2, 116))
    yield draw_arrow((RIGHT + HALF // 2, 94), (RIGHT + HALF // 2, 116))
    yield draw_box(Rectangle(MARGIN, 116, HALF, 84), "Requirements", "modules, tools, kernel;", "level must or should")
    yield draw_box(Rectangle(RIGHT, 116, HALF, 84), "For each module", "state, autoload, boot,", "with reasons")
    yield draw_arrow((MARGIN + HALF // 2, 200), (MARGIN + HALF // 2, 222))
    yield draw_arrow((RIGHT + HALF // 2, 200), (RIGHT + HALF // 2, 222))
    yield draw_box(Rectangle(MARGIN, 222, FULL, 68), "Two grades: now, and after a reboot", ", ".join(BEST_FIRST))
    yield draw_arrow((WIDTH // 2, 290), (WIDTH // 2, LADDER_TOP))
    yield draw_box(
        Rectangle(MARGIN, LADDER_TOP, FULL, HEIGHT - LADDER_TOP - MARGIN),
        "Verdict",
        "the first line that applies to requirements of level must",
    )
    for number, example in enumerate(LADDER, 1):
        y = LADDER_TOP + 50 + number * ROW_HEIGHT
        verdict = decide_verdict([example])
        yield draw_text(2 * MARGIN, y, f"{number}. {example.text}")
        yield draw_text(VERDICT_X, y, verdict, f"code {STYLES[verdict]}")


if __name__ == "__main__":
    print(page(), end="")
