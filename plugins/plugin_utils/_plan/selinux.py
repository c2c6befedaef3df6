# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux: the policy module that lets containers request kernel modules, the boolean, and hints. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import (
    CONTAINER_DOMAINS,
    POLICY_MODULE,
    abbreviate_policy,
    render_policy,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_AFTER
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Step
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

BOOLEAN = "domain_kernel_load_modules"
# The kernel requests every table and match of iptables, but never these two (net/netfilter/x_tables.c).
NEVER_REQUESTED = ("ip_tables", "ip6_tables")


def list_always_loaded(consent: Consent, modules: Collection[str]) -> tuple[str, ...]:
    """Return the modules that the role loads and lists regardless of istio_node_load and istio_node_persist.

    With the policy, containers request the other modules. They can do so only after these are present.
    """
    if consent.selinux != "policy":
        return ()
    first = {AUTOLOAD_AFTER.get(name, name) for name in modules}
    return tuple(name for name in NEVER_REQUESTED if name in first)


def make_policy_step(facts: Facts, consent: Consent) -> Step | None:
    """Return the step that installs or enables the policy module, or None if it is not wanted or works already."""
    if consent.selinux != "policy" or facts.selinux.mode == "disabled":
        return None
    cil = render_policy(consent.selinux_domains)
    installed = facts.managed.policy
    stale: list[int] = []
    if installed:
        stale = [priority for priority in installed.priorities if priority != consent.selinux_priority]
        is_current = (
            installed.priority == consent.selinux_priority
            and installed.cil in (cil, abbreviate_policy(cil))
            and not stale
        )
        if is_current:
            return _make_enable_step() if installed.disabled else None
    return Step(
        "policy",
        what=f"install the SELinux module {POLICY_MODULE} with priority {consent.selinux_priority}",
        why=f"it lets {', '.join(consent.selinux_domains)} request kernel modules",
        command=("semodule", "-X", str(consent.selinux_priority), "-i", f"{POLICY_MODULE}.cil"),
        args={
            "state": "present",
            "name": POLICY_MODULE,
            "stale": stale,
            "priority": consent.selinux_priority,
            "cil": cil,
        },
    )


def find_policy_refusal(facts: Facts, consent: Consent) -> str | None:
    """Return why the policy module cannot be installed, or None: the node's own policy lacks the types.

    The facts know this only of the types of containers (``selinux.domain``).
    """
    if facts.selinux.domain is not None or not set(consent.selinux_domains) <= set(CONTAINER_DOMAINS):
        return None
    types = ", ".join(consent.selinux_domains)
    return (
        f"SELinux: {types} was not found in the policy of this node; "
        "install container-selinux, or set istio_node_selinux: preload"
    )


def make_removal_step(facts: Facts) -> Step | None:
    """Return the step that removes the policy module, or None if it is not installed or cannot be removed."""
    installed = facts.managed.policy
    if installed is None or installed.semodule is False:
        return None
    command = ["semodule"]
    for priority in installed.priorities:
        command += ["-X", str(priority), "-r", POLICY_MODULE]
    return Step(
        "policy",
        what=f"remove the SELinux module {POLICY_MODULE} with {_format_priorities(installed.priorities)}",
        why="this role installed it",
        command=tuple(command),
        args={"state": "absent", "name": POLICY_MODULE, "stale": list(installed.priorities)},
    )


def list_remaining_selinux(facts: Facts) -> list[str]:
    """Return what a removal leaves of SELinux, and why."""
    texts = []
    installed = facts.managed.policy
    if installed and installed.semodule is False:
        priorities = _format_priorities(installed.priorities)
        texts.append(f"the SELinux module {POLICY_MODULE} with {priorities} stays: semodule is not installed")
    if facts.selinux.domain_kernel_load_modules:
        texts.append(
            f"the SELinux boolean {BOOLEAN} stays on, because other software may use it; "
            f"to turn it off, run: setsebool -P {BOOLEAN} off"
        )
    return texts


def make_boolean_step(facts: Facts, consent: Consent) -> Step | None:
    """Return the step that sets the boolean, or None if that is not wanted, not possible, or done already."""
    current = facts.selinux.domain_kernel_load_modules
    if consent.selinux_boolean is None or current is None or current == consent.selinux_boolean:
        return None
    value = _format_boolean(consent.selinux_boolean)
    return Step(
        "boolean",
        what=f"set the SELinux boolean {BOOLEAN} to {value}",
        why=f"istio_node_selinux_boolean is {str(consent.selinux_boolean).lower()}",
        command=("setsebool", "-P", BOOLEAN, value),
        args={"name": BOOLEAN, "value": value},
    )


def list_selinux_hints(facts: Facts, selection: Selection, consent: Consent) -> list[str]:
    """Return what the owner of a node with SELinux should know."""
    if facts.selinux.mode == "disabled":
        return []
    hints = []
    installed = facts.managed.policy
    if installed and consent.selinux != "policy":
        hints.append(
            f"the SELinux module {POLICY_MODULE} with {_format_priorities(installed.priorities)} still lets containers "
            "request kernel modules; to remove it, set istio_node_state: absent"
        )
    boolean = facts.selinux.domain_kernel_load_modules
    if boolean is not None:
        hints.append(f"the SELinux boolean {BOOLEAN} is {_format_boolean(boolean)}")
    elif consent.selinux_boolean is not None:
        hints.append(
            f"istio_node_selinux_boolean has no effect: the SELinux policy of this node has no boolean {BOOLEAN}"
        )
    if facts.selinux.mode == "enforcing":
        hints += _list_confinement_hints(facts, selection, consent)
    return hints


def _list_confinement_hints(facts: Facts, selection: Selection, consent: Consent) -> list[str]:
    hints = []
    relies_on_preloading = consent.selinux == "preload" and facts.selinux.module_request is False
    if relies_on_preloading and not (consent.load and consent.persist):
        hints.append(
            f"SELinux does not let {facts.selinux.domain or 'containers'} request kernel modules; "
            "keep istio_node_load and istio_node_persist true, so the role loads the modules in advance"
        )
    if selection.ambient or selection.cni_plugin:
        hints.append(
            "SELinux confines Istio's CNI agent and ztunnel like other containers, "
            "unless their Helm charts set seLinuxOptions.type=spc_t"
        )
    return hints


def _make_enable_step() -> Step:
    return Step(
        "policy",
        what=f"enable the SELinux module {POLICY_MODULE}",
        why="it is installed but disabled",
        by="owner",
        command=("semodule", "-e", POLICY_MODULE),
    )


def _format_boolean(value: bool) -> str:
    return "on" if value else "off"


def _format_priorities(priorities: Collection[int]) -> str:
    noun = "priority" if len(priorities) == 1 else "priorities"
    return f"{noun} {', '.join(map(str, priorities))}"
