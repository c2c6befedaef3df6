# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of nodes for plans, and what the tests look at in a plan."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, preparation_plan

BOOT_FILE = "/etc/modules-load.d/istio.conf"
VENDOR = "/usr/lib/modprobe.d/hard.conf"
MINE = "/etc/modprobe.d/mine.conf"
NOTHING_OF_OURS = {"boot_file": [], "masked": False, "overrides": {}, "policy": None}


def node(
    system="debian",
    release="6.1.0-42-amd64",
    name="Debian",
    following=None,
    ours=None,
    selinux=None,
    conflicts=None,
    management=None,
    **more,
):
    made = facts(**more)
    made["os"] = {"id": system, "version": "x", "name": name}
    made["kernel"] |= {"release": release, "next_boot": following, "boot_id": "b"}
    made["managed"] = NOTHING_OF_OURS | (ours or {})
    made["selinux"] = {"mode": "disabled"} | (selinux or {})
    made["platform"] = {"systemd": True, "managed_by": None} | (management or {})
    made["conflicts"] = conflicts or {}
    return made


def reason(axis, code, where=None, text="why"):
    return {"axis": axis, "code": code, "text": text} | ({"where": where} if where else {})


def steps(plan, by="role"):
    return [step["kind"] for step in plan["steps"] if step["by"] == by]


def step(plan, kind):
    (found,) = [one for one in plan["steps"] if one["kind"] == kind]
    return found


def nft(made, **options):
    return preparation_plan(made, backend="nftables", profile="effective", **options)


NOT_INSTALLED = {"state": "missing", "autoload": "never", "reasons": [reason("now", "not_installed")]}
NOT_BUILT = {"state": "missing", "autoload": "never", "reasons": [reason("now", "not_in_tree")]}
BLACKLISTED = {"autoload": "denied", "reasons": [reason("autoload", "blacklist", VENDOR + ":3")]}
SEEN = {VENDOR: {"package": "hardening", "comment": None, "lines": {"3": "blacklist xt_owner"}}}
DENIED = {"autoload": "denied", "reasons": [reason("autoload", "selinux")]}
ENFORCING = {
    "mode": "enforcing",
    "policy": "targeted",
    "module_request": False,
    "domain": "container_t",
    "domain_kernel_load_modules": False,
}


def enforcing(**more):
    made = node(selinux=ENFORCING, **more)
    never = ("ip_tables", "ip6_tables")
    made["modules"] = {
        name: entry | ({"autoload": "never"} if name in never else DENIED) for name, entry in made["modules"].items()
    }
    return made


def legacy(made, **options):
    return preparation_plan(made, iptables_variant="legacy", profile="effective", **options)
