# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the job of node.py: job.py [--fast] [--host-iptables]."""

from __future__ import annotations

import argparse
import json

import cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="a few states only")
    parser.add_argument(
        "--host-iptables",
        action="store_true",
        help="the machine's own iptables is older than the one in Istio's images",
    )
    options = parser.parse_args()
    selections = {name: cases.rule_sets(asked) for name, asked in cases.selections(options.host_iptables).items()}
    if options.fast:
        selections = {name: ids for name, ids in selections.items() if name.endswith(cases.FEW)}
    selections.update(cases.PROBES)
    print(
        json.dumps(
            {
                "host_iptables": options.host_iptables,
                "selections": selections,
                "states": cases.states(selections, options.fast),
            }
        )
    )


if __name__ == "__main__":
    main()
