# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the modules that each rule set declares, as JSON. The lab compares them with real kernels."""

import json

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

declared = {}
for rule_set in RULE_SETS:
    declared[rule_set.id] = {"modules": rule_set.modules, "optional_modules": rule_set.optional_modules}
print(json.dumps(declared))
