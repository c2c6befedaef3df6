# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux: the policy that lets containers ask for kernel modules, the boolean, and what to tell. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_AFTER
from ansible_collections.nodeprep.istio.plugins.module_utils._ours import POLICY_MODULE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._steps import Consent, Step

BOOLEAN = "domain_kernel_load_modules"
# The kernel requests every table and match of iptables, but never these two (net/netfilter/x_tables.c).
NEVER_REQUESTED = ("ip_tables", "ip6_tables")


def cil(domains: tuple[str, ...]) -> str:
    """Return the policy: one permission of one class, on the kernel alone, for each domain."""
    return "".join(f"(allow {domain} kernel_t (system (module_request)))\n" for domain in domains)


def always(consent: Consent, modules: Collection[str]) -> tuple[str, ...]:
    """Return what is loaded whatever else the owner says: the policy is of no use before what makes the requests is there."""
    first = {AUTOLOAD_AFTER.get(name, name) for name in modules} if consent.selinux == "policy" else set()
    return tuple(name for name in NEVER_REQUESTED if name in first)


def policy_step(facts: Mapping[str, Any], consent: Consent) -> Step | None:
    """Return the step that installs our policy, or None where it is not asked for, cannot be, or is there."""
    wanted = {"priority": consent.selinux_priority, "cil": cil(consent.selinux_domains)}
    installed = _installed(facts)
    if consent.selinux != "policy" or _mode(facts) == "disabled" or installed == wanted:
        return None
    stale = installed["priority"] if installed and installed["priority"] != consent.selinux_priority else None
    return Step(
        "policy",
        f"install the SELinux module {POLICY_MODULE} with priority {consent.selinux_priority}",
        f"it lets {', '.join(consent.selinux_domains)} ask the kernel for modules",
        how=("semodule", "-X", str(consent.selinux_priority), "-i", f"{POLICY_MODULE}.cil"),
        args={"state": "present", "name": POLICY_MODULE, "stale_priority": stale, **wanted},
    )


def removal_step(facts: Mapping[str, Any]) -> Step | None:
    """Return the step that takes our policy out, or None where it is not installed."""
    installed = _installed(facts)
    if not installed:
        return None
    how = ("semodule", "-X", str(installed["priority"]), "-r", POLICY_MODULE)
    args = {"state": "absent", "name": POLICY_MODULE, "stale_priority": None, **installed}
    return Step("policy", f"remove the SELinux module {POLICY_MODULE} of priority {installed['priority']}", "it is ours", how=how, args=args)


def boolean_step(facts: Mapping[str, Any], consent: Consent) -> Step | None:
    """Return the step that sets the boolean, or None where it is not asked for, not there, or set."""
    now = (facts.get("selinux") or {}).get(BOOLEAN)
    if consent.selinux_boolean is None or now is None or now == consent.selinux_boolean:
        return None
    value = "on" if consent.selinux_boolean else "off"
    return Step(
        "boolean",
        f"set the SELinux boolean {BOOLEAN} {value}",
        "istio_node_selinux_boolean asks for it",
        how=("setsebool", "-P", BOOLEAN, value),
        args={"name": BOOLEAN, "value": value},
    )


def hints(facts: Mapping[str, Any], selection: Selection, consent: Consent) -> Iterator[str]:
    """Yield what an owner of a node with SELinux should know."""
    selinux = facts.get("selinux") or {}
    if _mode(facts) == "disabled":
        return
    boolean = selinux.get(BOOLEAN)
    if boolean is not None:
        yield f"the SELinux boolean {BOOLEAN} is {'on' if boolean else 'off'}"
    elif consent.selinux_boolean is not None:
        yield f"this SELinux policy has no boolean {BOOLEAN}: istio_node_selinux_boolean changes nothing"
    if _mode(facts) != "enforcing":
        return
    if consent.selinux == "preload" and selinux.get("module_request") is False and not (consent.load and consent.persist):
        yield f"SELinux lets no {selinux.get('domain')} ask for modules: leave istio_node_load and istio_node_persist true, so that none needs to"
    if selection.ambient or selection.cni:
        yield "SELinux confines Istio's CNI agent and ztunnel as any container unless their charts are given seLinuxOptions.type=spc_t"


def _mode(facts: Mapping[str, Any]) -> str:
    return str((facts.get("selinux") or {}).get("mode", "disabled"))


def _installed(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    found = (facts.get("ours") or {}).get("policy")
    return dict(found) if found else None
