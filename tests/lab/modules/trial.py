# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: do what was predicted, and say where the prediction was wrong. Exit code 1 if anywhere.

trial.py load     try each module with modprobe, and with what makes the kernel ask for it, in a container-like process
trial.py booted   compare what is loaded with what was predicted before the reboot
trial.py ipv6     try what a kernel without IPv6 still does and what it does not
The predictions, C(modules) of the facts, come as JSON on standard input.
"""

import json
import subprocess
import sys
import time

NFT = "nft 'add table inet t; add chain inet t c { type filter hook prerouting priority 0; }; add rule inet t c %s'"
# What has to be there before the kernel asks for a module.
AFTER = {"iptable_nat": "ip_tables", "ip6table_nat": "ip6_tables"}
# What a container does that makes the kernel ask for the module.
TRIGGERS = {
    "ip6table_nat": "ip6tables-legacy -t nat -L -n",
    "ip_set": "ipset create x hash:ip",
    "ip_set_hash_ip": "ipset create x hash:ip",
    "iptable_nat": "iptables-legacy -t nat -L -n",
    "nf_tables": "nft add table inet t",
    "nft_chain_nat": "nft 'add table ip t; add chain ip t c { type nat hook output priority 0; }'",
    "nft_compat": "iptables-nft -A OUTPUT -m owner --uid-owner 1",
    "nft_ct": NFT % "ct state new",
    "nft_redir": "nft 'add table ip t; add chain ip t c { type nat hook output priority 0; }; add rule ip t c meta l4proto tcp redirect to :1'",
    "nft_socket": NFT % "socket transparent 1",
    "nft_tproxy": NFT % "meta l4proto tcp tproxy to :1",
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
# What can be done without IPv6, after modprobe of the modules; none of these is blacklisted or overridden.
IPV6 = (
    ("nft add table inet t; nft 'add chain inet t c { type nat hook output priority 0; }'", "nft_chain_nat", True),
    ("ip6tables-nft -t nat -A OUTPUT -p tcp -j ACCEPT", "nft_compat", True),
    ("ip6tables-legacy -t nat -A OUTPUT -p tcp -j ACCEPT", "ip6table_nat", False),
    ("ip -6 rule add fwmark 1 lookup 100", "ip6_tables", False),
    ("ip -6 route add local default dev lo table 100", "ip6_tables", False),
)
# Without the capability and without sight of a modules tree: only the kernel's own helper, outside, can load anything.
CONTAINER = [
    "unshare",
    "--net",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs none /lib/modules && exec setpriv --bounding-set=-sys_module --inh-caps=-sys_module sh -c "$0"',
]


def loaded():
    with open("/proc/modules") as modules:
        return {line.split()[0] for line in modules}


def run(arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def restore(baseline):
    """Unload all that a trial loaded; a network namespace goes away only some time after its last process."""
    for _attempt in range(50):
        extra = loaded() - baseline
        if not extra:
            return
        for name in extra:
            run(["rmmod", name])
        time.sleep(0.1)
    sys.exit("cannot unload {}".format(", ".join(sorted(extra))))


def tried(name, baseline, how):
    """Return whether the module is there after it was asked for."""
    if how == "modprobe":
        said = run(["modprobe", name])
    else:
        if name in AFTER:
            run(["modprobe", AFTER[name]])
        said = run(CONTAINER + [TRIGGERS[name]])
    there = name in loaded()
    restore(baseline)
    return there, said.stdout.strip().replace("\n", " | ")[:160]


def load(entries, baseline):
    for name, entry in sorted(entries.items()):
        if entry["state"] not in ("loaded", "builtin", "merged"):
            there, said = tried(name, baseline, "modprobe")
            yield name, "modprobe", entry["state"], there == (entry["state"] == "loadable"), said
            if name in TRIGGERS:
                there, said = tried(name, baseline, "the kernel")
                yield name, "the kernel", entry["autoload"], there == (entry["autoload"] == "yes"), said


def booted(entries, baseline):
    for name, entry in sorted(entries.items()):
        # What cannot be told may come or not; which modules that are is asserted by the words of the prediction.
        if entry["boot"] not in ("not_applicable", "unknown"):
            yield name, "boot", entry["boot"], (name in baseline) == (entry["boot"] == "yes"), ""


def ipv6(_entries, baseline):
    for command, module, works in IPV6:
        run(["modprobe", module])
        said = run(CONTAINER + [command])
        restore(baseline)
        yield (
            command[:16],
            "IPv6 is off",
            "works" if works else "not_loadable",
            (said.returncode == 0) == works,
            said.stdout.strip()[:160],
        )


def main():
    results = list({"load": load, "booted": booted, "ipv6": ipv6}[sys.argv[1]](json.load(sys.stdin), loaded()))
    for name, how, predicted, right, said in results:
        print("{}  {:<16} {:<10} predicted {:<12} {}".format("ok   " if right else "WRONG", name, how, predicted, said))
    wrong = [result for result in results if not result[3]]
    print(f"{len(results)} trials, {len(wrong)} wrong predictions")
    sys.exit(1 if wrong or not results else 0)


main()
