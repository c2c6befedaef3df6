# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the requirements that count: this depends on the iptables variants that Istio may pick. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import Grade
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import PROFILES, requirement_rows
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

# For each mode the iptables variants that Istio may pick.
VariantsOfModes = tuple[tuple[str, tuple[Variant, ...]], ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """The ids of the requirements of level must: of all variants that Istio may pick, and of any of them."""

    certain: frozenset[str]
    possible: frozenset[str]

    def apply(self, requirement_id: str, grade: Grade) -> Grade:
        """Return the grade that counts: unmet is only unknown if Istio may pick a variant that does not need it."""
        if requirement_id in self.certain:
            return grade
        if requirement_id not in self.possible:
            return "not_needed"
        return "unknown" if grade == "unmet" else grade


# Thousands of nodes of a fleet have the same few arguments.
@lru_cache(maxsize=256)
def find_needs(selection: Selection, variants: VariantsOfModes, has_old_iptables: bool) -> Mapping[str, Needs]:
    """Return the needs of each profile."""
    choices = []
    for mode, of_mode in variants:
        choices.append([(mode, variant) for variant in of_mode])
    cases = []
    for case in product(*choices):
        cases.append(requirement_rows(selection, {mode: (variant,) for mode, variant in case}, has_old_iptables))
    needs = {}
    for profile in PROFILES:
        ids = []
        for rows in cases:
            ids.append(frozenset(row.requirement.id for row in rows if row.levels.get(profile) == "must"))
        needs[profile] = Needs(frozenset.intersection(*ids), frozenset.union(*ids))
    return needs
