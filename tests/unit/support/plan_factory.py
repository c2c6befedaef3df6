# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of nodes for the tests of plans, and the parts of a plan that the tests look at."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import facts, preparation_plan

BOOT_FILE = "/etc/modules-load.d/istio.conf"
VENDOR_FILE = "/usr/lib/modprobe.d/hard.conf"
ADMIN_FILE = "/etc/modprobe.d/mine.conf"
DEFAULT_SECTIONS = {
    "managed": {"boot_file": [], "masked": False, "overrides": {}, "policy": None},
    "selinux": {"mode": "disabled"},
    "platform": {"systemd": True, "managed_by": None},
    "conflicts": {},
}

Plan = dict[str, Any]


def make_node(system="debian", release="6.1.0-42-amd64", **parts):
    """Return the facts of a node on which every module is loadable.

    :param parts: what differs: ``name`` of the system, ``next_boot`` of the kernel, parts of the facts (``managed``,
        ``selinux``, ``conflicts``, ``platform``), modules by their names, and the parameters of fact_factory.facts().
    """
    name = parts.pop("name", "Debian")
    next_boot = parts.pop("next_boot", None)
    sections = {key: default | parts.pop(key, {}) for key, default in DEFAULT_SECTIONS.items()}
    node = facts(**parts)
    node["os"] = {"id": system, "version": "x", "name": name}
    node["kernel"] |= {"release": release, "next_boot": next_boot, "boot_id": "b"}
    return node | sections


def make_reason(axis, code, where=None, text="why"):
    reason = {"axis": axis, "code": code, "text": text}
    return reason | ({"where": where} if where else {})


def make_conflict_file(lines, package=None, comment=None):
    """Return the entry of a file in the conflicts of the facts; ``lines`` maps the number of a line to its text."""
    return {"package": package, "comment": comment, "lines": lines}


def list_kinds(plan: Plan, by="role"):
    """Return the kinds of the steps of the role or of the owner, in order."""
    return [step["kind"] for step in plan["steps"] if step["by"] == by]


def find_step(plan: Plan, kind):
    """Return the only step of a kind."""
    (found,) = [step for step in plan["steps"] if step["kind"] == kind]
    return found


def list_not_loadable(plan: Plan):
    return [failure["name"] for failure in plan["not_loadable"]]


def plan_nftables(node, **options):
    """Return the plan for Istio's native nftables rules, which need few modules."""
    return preparation_plan(node, backend="nftables", profile="effective", **options)


def plan_legacy(node, **options):
    """Return the plan for iptables-legacy."""
    return preparation_plan(node, iptables_variant="legacy", profile="effective", **options)


NOT_INSTALLED = {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "not_installed")]}
NOT_BUILT = {"state": "missing", "autoload": "never", "reasons": [make_reason("now", "not_in_tree")]}
BLACKLISTED = {"autoload": "denied", "reasons": [make_reason("autoload", "blacklist", VENDOR_FILE + ":3")]}
VENDOR_CONFLICT = {VENDOR_FILE: make_conflict_file({"3": "blacklist xt_owner"}, package="hardening")}
DENIED = {"autoload": "denied", "reasons": [make_reason("autoload", "selinux")]}
ENFORCING = {
    "mode": "enforcing",
    "policy": "targeted",
    "module_request": False,
    "domain": "container_t",
    "domain_kernel_load_modules": False,
}
# Systems on which the role does not write files.
OSTREE = {"managed_by": "ostree"}
FEDORA_COREOS = {"system": "fedora", "name": "Fedora CoreOS 42", "platform": OSTREE}
# systemd-modules-load is masked.
MASKED_SERVICE = {
    "boot_files_read": False,
    "boot_files_mask": "/etc/systemd/system/systemd-modules-load.service",
}


def make_enforcing_node(**more):
    """Return the facts of a node on which SELinux denies module requests."""
    node = make_node(selinux=ENFORCING, **more)
    for name, module in node["modules"].items():
        module |= {"autoload": "never"} if name in ("ip_tables", "ip6_tables") else DENIED
    return node
