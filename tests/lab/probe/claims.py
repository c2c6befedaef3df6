# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what each rule set claims to need, as JSON: the lab holds real kernels against it."""

import json

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.rule_sets import RULE_SETS

print(
    json.dumps({rule_set.id: {"dependency": rule_set.needs, "may_need": rule_set.may_need} for rule_set in RULE_SETS})
)
