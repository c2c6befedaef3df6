# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers of the tests of a report in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

SHOTS = Path(__file__).parents[2] / "build" / "report"
SIZES = {"wide": {"width": 1400, "height": 900}, "narrow": {"width": 400, "height": 844}}


def read_tiles(page: Page) -> dict[str, int]:
    return {
        tile.get_attribute("data-verdict"): int(tile.locator("strong").inner_text().replace(",", ""))
        for tile in page.locator(".tile").all()
    }


def take_screenshot(page: Page, name: str, full: bool = True) -> None:
    page.screenshot(path=SHOTS / f"{name}.png", full_page=full)
