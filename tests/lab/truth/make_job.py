# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the job of run_states.py as JSON: make_job.py [--fast] [--host-iptables] [--custom-kernel]."""

from __future__ import annotations

import argparse
import json

import cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="only a few states")
    parser.add_argument(
        "--host-iptables",
        action="store_true",
        help="the machine's own iptables is older than the one in Istio's images",
    )
    parser.add_argument(
        "--custom-kernel",
        action="store_true",
        help="the kernel lacks options: only a few states, but all meshes",
    )
    options = parser.parse_args()
    tested = cases.list_cases(options.host_iptables)
    if options.fast:
        tested = [case for case in tested if case.mesh in cases.FAST_MESHES]
    job = {
        "host_iptables": options.host_iptables,
        "custom_kernel": options.custom_kernel,
        "selections": {case.name: case.rule_sets for case in tested},
        "other_variants": {case.name: case.other_variant for case in tested if case.other_variant},
        "routes": cases.list_routes(),
        "binary_checks": cases.list_binary_checks(),
        "states": cases.list_states(tested, options.fast or options.custom_kernel),
    }
    print(json.dumps(job))


if __name__ == "__main__":
    main()
