# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux: the policy that lets containers ask for kernel modules, the boolean, and what to tell. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import (
    CONTAINER_DOMAINS,
    POLICY_MODULE,
    told_policy,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_AFTER
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent, Step
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

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
    stale = [priority for priority in _priorities(installed) if priority != consent.selinux_priority]
    there = (
        installed.get("priority") == wanted["priority"]
        and installed.get("cil") in (wanted["cil"], told_policy(wanted["cil"]))
        and not stale
    )
    if consent.selinux != "policy" or _mode(facts) == "disabled":
        return None
    if there and installed.get("disabled"):
        why = "it is installed, and somebody has switched it off"
        return Step(
            "policy",
            f"switch the SELinux module {POLICY_MODULE} on",
            why,
            "owner",
            command=("semodule", "-e", POLICY_MODULE),
        )
    if there:
        return None
    return Step(
        "policy",
        f"install the SELinux module {POLICY_MODULE} with priority {consent.selinux_priority}",
        f"it lets {', '.join(consent.selinux_domains)} ask the kernel for modules",
        command=("semodule", "-X", str(consent.selinux_priority), "-i", f"{POLICY_MODULE}.cil"),
        args={"state": "present", "name": POLICY_MODULE, "stale": stale, **wanted},
    )


def obstacle(facts: Mapping[str, Any], consent: Consent) -> str | None:
    """Return why our policy cannot be installed, or None: a type that the policy does not have cannot be allowed anything.

    The facts tell it of the types of containers alone (C(domain)); of others, and in older facts, nothing is known.
    """
    selinux = facts.get("selinux") or {}
    if selinux.get("domain", "") is not None or not set(consent.selinux_domains) <= set(CONTAINER_DOMAINS):
        return None
    types = ", ".join(consent.selinux_domains)
    return f"the SELinux policy of this node does not say that it has {types}: install container-selinux, or set istio_node_selinux: preload"


def removal_step(facts: Mapping[str, Any]) -> Step | None:
    """Return the step that takes our policy out, or None where it is not installed."""
    installed = _installed(facts)
    if not installed or installed.get("semodule") is False:
        return None
    priorities = _priorities(installed)
    how = ("semodule", *(word for priority in priorities for word in ("-X", str(priority), "-r", POLICY_MODULE)))
    args = {"state": "absent", "name": POLICY_MODULE, "stale": priorities}
    return Step(
        "policy",
        f"remove the SELinux module {POLICY_MODULE} of {_told(priorities)}",
        "it is ours",
        command=how,
        args=args,
    )


def left(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of SELinux stays when the node is taken back to what it was."""
    installed = _installed(facts)
    if installed.get("semodule") is False:
        yield f"the SELinux module {POLICY_MODULE} of {_told(_priorities(installed))} stays, since there is no semodule to remove it"
    if (facts.get("selinux") or {}).get(BOOLEAN):
        yield f"the SELinux boolean {BOOLEAN} stays on, since nothing tells who else wants it: setsebool -P {BOOLEAN} off"


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
        command=("setsebool", "-P", BOOLEAN, value),
        args={"name": BOOLEAN, "value": value},
    )


def hints(facts: Mapping[str, Any], selection: Selection, consent: Consent) -> Iterator[str]:
    """Yield what an owner of a node with SELinux should know."""
    selinux = facts.get("selinux") or {}
    if _mode(facts) == "disabled":
        return
    if consent.selinux != "policy" and (installed := _installed(facts)):
        stays = "still lets containers ask for modules, and stays until istio_node_state: absent"
        yield f"the SELinux module {POLICY_MODULE} of {_told(_priorities(installed))} {stays}"
    boolean = selinux.get(BOOLEAN)
    if boolean is not None:
        yield f"the SELinux boolean {BOOLEAN} is {'on' if boolean else 'off'}"
    elif consent.selinux_boolean is not None:
        yield f"this SELinux policy has no boolean {BOOLEAN}: istio_node_selinux_boolean changes nothing"
    if _mode(facts) != "enforcing":
        return
    if (
        consent.selinux == "preload"
        and selinux.get("module_request") is False
        and not (consent.load and consent.persist)
    ):
        asking = selinux.get("domain") or "container"
        yield f"SELinux lets no {asking} ask for modules: leave istio_node_load and istio_node_persist true, so that none needs to"
    if selection.ambient or selection.cni_plugin:
        yield "SELinux confines Istio's CNI agent and ztunnel as any container unless their charts are given seLinuxOptions.type=spc_t"


def _mode(facts: Mapping[str, Any]) -> str:
    return str((facts.get("selinux") or {}).get("mode", "disabled"))


def _installed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of our policy module where it is installed, else nothing."""
    return dict((facts.get("managed") or {}).get("policy") or {})


def _priorities(installed: Mapping[str, Any]) -> list[int]:
    """Return all priorities that our policy module has; older facts know one."""
    return list(installed.get("priorities") or ([installed["priority"]] if "priority" in installed else []))


def _told(priorities: list[int]) -> str:
    return f"{'priority' if len(priorities) == 1 else 'priorities'} {', '.join(map(str, priorities))}"
