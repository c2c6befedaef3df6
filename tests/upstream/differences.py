# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs, and where."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Differences:
    """What differs in one release: each text, with the golden files or the meshes in which it is so."""

    places: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str, place: str = "") -> None:
        """Add a difference, or another place of a known one."""
        known = self.places.setdefault(text, [])
        if place and place not in known:
            known.append(place)
