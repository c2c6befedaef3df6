# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the job of run_auto.py as JSON: make_auto_job.py [--host-iptables]."""

from __future__ import annotations

import argparse
import json

import auto_cases
import cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host-iptables", action="store_true", help="see make_job.py")
    options = parser.parse_args()
    job = {
        "host_iptables": options.host_iptables,
        "conditions": auto_cases.list_conditions(),
        "node_states": {**auto_cases.NODE_STATES, **auto_cases.MORE_NODE_STATES},
        "rule_sets": auto_cases.list_rule_sets(cases.list_cases(options.host_iptables)),
        "routes": cases.list_routes(),
    }
    print(json.dumps(job))


if __name__ == "__main__":
    main()
