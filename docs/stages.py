# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the picture of the stages of a preparation: make reference."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.nodeprep.istio.docs.svg import (
    MARGIN,
    WIDTH,
    Rectangle,
    draw_arrow,
    draw_box,
    draw_picture,
    draw_text,
)

COLUMN = 180
CONTROLLER = WIDTH - MARGIN - COLUMN
BOX = 66
STEP = 84
TOP = 36
HEIGHT = TOP + 3 * STEP + BOX + 10


def page() -> str:
    """Return the picture."""
    title = "A node is observed, assessed and changed by a plan, then observed again and reported"
    return draw_picture(HEIGHT, title, draw_parts())


def draw_parts() -> Iterator[str]:
    first, second, third, fourth = (TOP + number * STEP for number in range(4))
    yield draw_text(MARGIN, 24, "On the node", "quiet")
    yield draw_text(CONTROLLER, 24, "On the controller", "quiet")
    yield draw_box(
        Rectangle(MARGIN, first, COLUMN, BOX), "Observe", "change nothing; or read", "a recording of the node"
    )
    yield draw_box(Rectangle(CONTROLLER, first, COLUMN, BOX), "Assess", "grade each requirement,", "decide the verdict")
    yield draw_box(
        Rectangle(CONTROLLER, second, COLUMN, BOX), "Plan", "steps for the role, and", "for the node's owner"
    )
    yield draw_box(Rectangle(MARGIN, third, COLUMN, BOX), "Act", "execute the role's steps,", "not in check mode")
    yield draw_box(Rectangle(MARGIN, fourth, COLUMN, BOX), "Observe again", "only if something", "was changed")
    yield draw_box(
        Rectangle(CONTROLLER, fourth, COLUMN, BOX), "Report", "verdicts, root causes,", "drift since last time"
    )
    yield draw_arrow((MARGIN + COLUMN, first + BOX // 2), (CONTROLLER, first + BOX // 2))
    yield draw_arrow((CONTROLLER + COLUMN // 2, first + BOX), (CONTROLLER + COLUMN // 2, second))
    middle = CONTROLLER + COLUMN // 2
    yield draw_arrow((middle, second + BOX), (middle, third + BOX // 2), (MARGIN + COLUMN, third + BOX // 2))
    yield draw_arrow((MARGIN + COLUMN // 2, third + BOX), (MARGIN + COLUMN // 2, fourth))
    yield draw_arrow((MARGIN + COLUMN, fourth + BOX // 2), (CONTROLLER, fourth + BOX // 2))


if __name__ == "__main__":
    print(page(), end="")
