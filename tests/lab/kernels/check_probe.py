# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the results of a probe on a kernel that lacks modules and options: check_probe.py NAME... < RESULTS.

The names are those of all missing modules and options. The results are C(rule_sets) of interception_probe as JSON. The
exit code is 1 if a rule set passes that needs one of them, if another one does not pass, or if a failed one does not
name what it lacks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS


def find_errors(results: Mapping[str, Mapping[str, Any]], missing: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the results."""
    for rule_set in RULE_SETS:
        result = results[rule_set.id]
        lacks = [name for name in rule_set.modules + rule_set.kernel_options if name in missing]
        # Only some versions of the programs need these modules.
        possibly_lacks = [name for name in rule_set.optional_modules if name in missing]
        named = result.get("missing", []) + result.get("missing_options", [])
        text = f"{rule_set.id} is {result['status']}: {result.get('message')}"
        if result["status"] == "passed":
            if lacks:
                yield f"{text}; it needs {', '.join(lacks)}"
        elif result["status"] != "failed" or not lacks + possibly_lacks:
            yield f"{text}; it needs nothing that is missing"
        elif not set(lacks + possibly_lacks) & set(named):
            yield f"{text}; it names {', '.join(named) or 'nothing'}, and lacks {', '.join(lacks + possibly_lacks)}"


def main() -> int:
    results = json.load(sys.stdin)
    errors = list(find_errors(results, sys.argv[1:]))
    failed = [rule_set_id for rule_set_id, result in results.items() if result["status"] == "failed"]
    print(f"{len(failed)} of {len(RULE_SETS)} rule sets fail without {', '.join(sys.argv[1:])}", *errors, sep="\n")
    return 1 if errors or not failed else 0


if __name__ == "__main__":
    sys.exit(main())
