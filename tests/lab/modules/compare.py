# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: compare the predictions of node_facts with what happens. The exit code is 1 if one is wrong.

compare.py load     load each module with modprobe, and let the kernel load it on demand for a container's process
compare.py booted   compare the loaded modules with the predictions from before the reboot
compare.py ipv6     run commands that work, and commands that fail, on a kernel without IPv6
Reads the predictions as JSON from standard input: C(modules) of the facts.
"""

import json
import subprocess
import sys
import time
from collections import namedtuple

NFT_FILTER = (
    "nft 'add table inet t; add chain inet t c { type filter hook prerouting priority 0; }; add rule inet t c %s'"
)
NFT_NAT = "nft 'add table ip t; add chain ip t c { type nat hook output priority 0; }%s'"
# The module that must be loaded before the kernel requests another one.
REQUIRED_BEFORE = {"iptable_nat": "ip_tables", "ip6table_nat": "ip6_tables"}
# The command of a container that makes the kernel request the module.
TRIGGERS = {
    "ip6table_nat": "ip6tables-legacy -t nat -L -n",
    "ip_set": "ipset create x hash:ip",
    "ip_set_hash_ip": "ipset create x hash:ip",
    "iptable_nat": "iptables-legacy -t nat -L -n",
    "nf_tables": "nft add table inet t",
    "nft_chain_nat": NFT_NAT % "",
    "nft_compat": "iptables-nft -A OUTPUT -m owner --uid-owner 1",
    "nft_ct": NFT_FILTER % "ct state new",
    "nft_redir": NFT_NAT % "; add rule ip t c meta l4proto tcp redirect to :1",
    "nft_socket": NFT_FILTER % "socket transparent 1",
    "nft_tproxy": NFT_FILTER % "meta l4proto tcp tproxy to :1",
    "xt_CT": "iptables-nft -t raw -A OUTPUT -j CT --zone 1",
    "xt_REDIRECT": "iptables-nft -t nat -A OUTPUT -p tcp -j REDIRECT",
    "xt_TPROXY": "iptables-nft -t mangle -A PREROUTING -p tcp -j TPROXY --on-port 1",
    "xt_connmark": "iptables-nft -A OUTPUT -m connmark --mark 1",
    "xt_conntrack": "iptables-nft -A OUTPUT -m conntrack --ctstate INVALID",
    "xt_multiport": "iptables-nft -A OUTPUT -p tcp -m multiport --dports 1,2",
    "xt_nat": "iptables-nft -t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1",
    "xt_owner": "iptables-nft -A OUTPUT -m owner --uid-owner 1",
    "xt_set": "ipset create x hash:ip && iptables-nft -A OUTPUT -m set --match-set x dst",
}
# Commands on a kernel without IPv6: the command, the module to load before, and whether the command works.
# None of the modules is blacklisted or overridden.
IPV6_COMMANDS = (
    ("nft add table inet t; nft 'add chain inet t c { type nat hook output priority 0; }'", "nft_chain_nat", True),
    ("ip6tables-nft -t nat -A OUTPUT -p tcp -j ACCEPT", "nft_compat", True),
    ("ip6tables-legacy -t nat -A OUTPUT -p tcp -j ACCEPT", "ip6table_nat", False),
    ("ip -6 rule add fwmark 1 lookup 100", "ip6_tables", False),
    ("ip -6 route add local default dev lo table 100", "ip6_tables", False),
)
# Without the capability and without a modules tree. Only the kernel's own helper, which runs outside, can load modules.
CONTAINER = [
    "unshare",
    "--net",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs none /lib/modules && exec setpriv --bounding-set=-sys_module --inh-caps=-sys_module sh -c "$0"',
]
MAX_MESSAGE_CHARS = 160

# Of one prediction: its subject, how it was tested, the predicted value, whether that is right, and the output.
Trial = namedtuple("Trial", "name way predicted is_right output")


def read_loaded():
    with open("/proc/modules") as modules:
        return {line.split()[0] for line in modules}


def run(arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def shorten(output):
    return output.strip().replace("\n", " | ")[:MAX_MESSAGE_CHARS]


def unload_others(baseline):
    """Unload all modules that a trial loaded. A network namespace ends only some time after its last process."""
    for _attempt in range(50):
        extra = read_loaded() - baseline
        if not extra:
            return
        for name in extra:
            run(["rmmod", name])
        time.sleep(0.1)
    sys.exit("cannot unload {}".format(", ".join(sorted(extra))))


def is_loaded_after(arguments, name, baseline):
    """Return whether the module is loaded after a command, and the output of the command."""
    process = run(arguments)
    is_loaded = name in read_loaded()
    unload_others(baseline)
    return is_loaded, shorten(process.stdout)


def try_to_load(entries, baseline):
    for name, entry in sorted(entries.items()):
        if entry["state"] in ("loaded", "builtin", "merged"):
            continue
        is_loaded, output = is_loaded_after(["modprobe", name], name, baseline)
        yield Trial(name, "modprobe", entry["state"], is_loaded == (entry["state"] == "loadable"), output)
        if name in TRIGGERS:
            if name in REQUIRED_BEFORE:
                run(["modprobe", REQUIRED_BEFORE[name]])
            is_loaded, output = is_loaded_after([*CONTAINER, TRIGGERS[name]], name, baseline)
            yield Trial(name, "the kernel", entry["autoload"], is_loaded == (entry["autoload"] == "yes"), output)


def compare_booted(entries, baseline):
    for name, entry in sorted(entries.items()):
        # A module of an unknown answer may be loaded or not. play.yml checks which modules these are.
        if entry["boot"] not in ("not_applicable", "unknown"):
            yield Trial(name, "boot", entry["boot"], (name in baseline) == (entry["boot"] == "yes"), "")


def run_ipv6_commands(_entries, baseline):
    for command, module, works in IPV6_COMMANDS:
        run(["modprobe", module])
        process = run([*CONTAINER, command])
        unload_others(baseline)
        is_right = (process.returncode == 0) == works
        yield Trial(command[:16], "IPv6 is off", "works" if works else "fails", is_right, shorten(process.stdout))


COMPARISONS = {"load": try_to_load, "booted": compare_booted, "ipv6": run_ipv6_commands}


def main():
    trials = list(COMPARISONS[sys.argv[1]](json.load(sys.stdin), read_loaded()))
    for trial in trials:
        print(
            "{}  {:<16} {:<10} predicted {:<12} {}".format(
                "ok   " if trial.is_right else "WRONG", trial.name, trial.way, trial.predicted, trial.output
            )
        )
    wrong = [trial for trial in trials if not trial.is_right]
    print(f"{len(trials)} trials, {len(wrong)} wrong predictions")
    sys.exit(1 if wrong or not trials else 0)


main()
