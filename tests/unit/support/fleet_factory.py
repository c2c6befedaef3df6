# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a fleet: synthetic facts of many nodes, assessed by the collection. The same seed makes the same fleet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import (
    AUTOLOAD_AFTER,
    AUTOLOAD_REQUESTS,
    KNOWN_MODULES,
    MERGED_INTO,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.builder import Builder
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import Document
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts

BOOT_FILE = "/etc/modules-load.d/istio.conf"
LEGACY = ("ip_tables", "ip6_tables", "iptable_", "ip6table_")
# No kernel of this fleet has these, and none has another module with their code.
ABSENT = ("nft_chain_nat_ipv4", "nft_chain_nat_ipv6")
EXTRA = ("xt_", "ip_set", "br_netfilter", "nft_compat")

Modules = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """One kind of node: its share of a large fleet, its system, and the function that changes its modules."""

    share: int
    os: tuple[str, str, str]
    release: str
    change: Callable[[Modules], None]
    selinux: str = "disabled"
    tree_present: bool = True


def make_reason(axis: str, code: str, text: str, where: str | None = None) -> dict[str, str]:
    """Return a reason as node_facts returns it."""
    return {"axis": axis, "code": code, "text": text, **({"where": where} if where else {})}


def fresh(modules: Modules) -> None:
    """A node after its boot: every module can be loaded, none is."""


def prepared(modules: Modules) -> None:
    for entry in modules.values():
        if entry["state"] == "loadable":
            entry.update(state="loaded", boot="yes", reasons=[])


def loaded_only(modules: Modules) -> None:
    """Modules are loaded by hand, and the kernel loads nothing on demand."""
    prepared(modules)
    for entry in modules.values():
        if entry["state"] == "loaded":
            reason = make_reason("autoload", "kernel_modprobe", "kernel.modprobe is '/bin/false', which loads nothing")
            entry.update(autoload="denied", boot="no", reasons=[reason])


def built_in(modules: Modules) -> None:
    for entry in modules.values():
        entry.update(state="builtin", autoload="yes", boot="not_applicable", reasons=[])
        entry.pop("autoload_after", None)


def confined(modules: Modules) -> None:
    """SELinux is enforcing, and no module is loaded."""
    for entry in modules.values():
        if entry["state"] == "loadable" and entry["autoload"] == "yes":
            entry.update(
                autoload="denied",
                reasons=[make_reason("autoload", "selinux", "SELinux: container_t may not module_request to kernel_t")],
            )


def without_extra(modules: Modules) -> None:
    """The image of RHEL 10: the xt_* modules are in a separate package, and there are no legacy tables."""
    prepared(modules)
    for name, entry in modules.items():
        if name.startswith(LEGACY):
            entry.update(
                state="missing",
                autoload="never",
                boot="no",
                reasons=[make_reason("now", "not_in_tree", "not in /lib/modules/6.12.0-124.el10_1.x86_64")],
            )
        elif name.startswith(EXTRA):
            text = f"CONFIG_{name.upper()}=m, but no such file is installed"
            entry.update(
                state="missing", autoload="never", boot="no", reasons=[make_reason("now", "not_installed", text)]
            )


def hardened(modules: Modules) -> None:
    prepared(modules)
    for line, name in enumerate(("br_netfilter", "ip_set", "xt_owner", "bridge"), 11):
        where = f"/etc/modprobe.d/cis-hardening.conf:{line}"
        text = f"blacklisted ({where})"
        modules[name].update(
            state="loadable",
            autoload="denied",
            boot="ineffective",
            reasons=[
                make_reason("autoload", "blacklist", text, where),
                make_reason("boot", "blacklist", f"{BOOT_FILE}:4 lists it, but {text}", where),
            ],
        )


def overridden(modules: Modules) -> None:
    prepared(modules)
    where = "/etc/modprobe.d/usb-and-more.conf:3"
    reason = make_reason("now", "install_override", f"install override '/bin/false' ({where})", where)
    modules["xt_REDIRECT"].update(state="blocked", autoload="denied", boot="ineffective", reasons=[reason])


def broken_boot_line(modules: Modules) -> None:
    prepared(modules)
    where = "/etc/modules-load.d/mesh.conf:2"
    modules["xt_owner"].update(
        boot="ineffective",
        reasons=[make_reason("boot", "malformed_boot_entry", f"{where} names no module: 'xt_owner # istio'", where)],
    )


def upgraded(modules: Modules) -> None:
    """An upgrade removed the module tree of the running kernel."""
    for name, entry in modules.items():
        if name.startswith(("xt_", "ip_set")):
            text = "/lib/modules/6.1.0-31-amd64 does not exist"
            entry.update(
                state="unknown",
                autoload="unknown",
                boot="unknown",
                reasons=[make_reason("now", "modules_tree_missing", text)],
            )
        else:
            entry.update(state="loaded", boot="yes", reasons=[])


KINDS = (
    Kind(2900, ("debian", "12", "Debian GNU/Linux 12 (bookworm)"), "6.1.0-42-amd64", prepared),
    Kind(700, ("debian", "12", "Debian GNU/Linux 12 (bookworm)"), "6.1.0-42-amd64", fresh),
    Kind(1400, ("debian", "13", "Debian GNU/Linux 13 (trixie)"), "6.12.107+deb13-amd64", prepared),
    Kind(1100, ("ubuntu", "24.04", "Ubuntu 24.04.3 LTS"), "6.8.0-88-generic", prepared),
    Kind(450, ("ubuntu", "24.04", "Ubuntu 24.04.3 LTS"), "6.8.0-88-generic", loaded_only),
    Kind(
        900,
        ("rhel", "10.1", "Red Hat Enterprise Linux 10.1 (Coughlan)"),
        "6.12.0-124.8.1.el10_1.x86_64",
        without_extra,
        "enforcing",
    ),
    Kind(800, ("rocky", "9.6", "Rocky Linux 9.6 (Blue Onyx)"), "5.14.0-570.58.1.el9_6.x86_64", confined, "enforcing"),
    Kind(500, ("rocky", "9.6", "Rocky Linux 9.6 (Blue Onyx)"), "5.14.0-570.58.1.el9_6.x86_64", prepared, "enforcing"),
    Kind(
        300,
        ("rhel", "9.6", "Red Hat Enterprise Linux 9.6 (Plow)"),
        "5.14.0-570.62.1.el9_6.x86_64",
        hardened,
        "enforcing",
    ),
    Kind(350, ("flatcar", "4459.2.1", "Flatcar Container Linux by Kinvolk 4459.2.1"), "6.12.103-flatcar", prepared),
    Kind(250, ("talos", "1.12.0", "Talos (v1.12.0)"), "6.18.45-talos", built_in),
    Kind(100, ("debian", "12", "Debian GNU/Linux 12 (bookworm)"), "6.1.0-31-amd64", upgraded, tree_present=False),
    Kind(60, ("amzn", "2023", "Amazon Linux 2023.9.20251110"), "6.12.55-74.119.amzn2023.x86_64", overridden),
    Kind(90, ("amzn", "2023", "Amazon Linux 2023.9.20251110"), "6.12.55-74.119.amzn2023.x86_64", broken_boot_line),
)
NO_DATA: tuple[tuple[int, dict[str, Any]], ...] = (
    (
        60,
        {
            "unreachable": True,
            "msg": "Failed to connect to the host via ssh: connect to host 10.20.30.40 port 22: Connection timed out",
        },
    ),
    (25, {"failure": "The module failed: No space left on device"}),
    (15, {}),
)


def _modules() -> Modules:
    found: Modules = {}
    for name in KNOWN_MODULES:
        if name in MERGED_INTO:
            provider = MERGED_INTO[name]
            reason = make_reason("now", "merged", f"its code lives in {provider} on this kernel")
            found[name] = {
                "state": "merged",
                "provider": provider,
                "autoload": "yes",
                "boot": "not_applicable",
                "reasons": [reason],
            }
        elif name in ABSENT:
            found[name] = {
                "state": "missing",
                "autoload": "never",
                "boot": "no",
                "reasons": [make_reason("now", "not_in_tree", "not in /lib/modules/6.1")],
            }
        elif name in AUTOLOAD_REQUESTS:
            found[name] = {"state": "loadable", "autoload": "yes", "boot": "no", "reasons": []}
            if name in AUTOLOAD_AFTER:
                found[name]["autoload_after"] = AUTOLOAD_AFTER[name]
        else:
            reason = make_reason("autoload", "never_requested", "the kernel never requests it")
            found[name] = {"state": "loadable", "autoload": "never", "boot": "no", "reasons": [reason]}
    return found


def facts(kind: Kind, chance: random.Random | None = None) -> dict[str, Any]:
    """Return the facts of a node of one kind; with ``chance``, a few nodes differ from their kind."""
    modules = _modules()
    kind.change(modules)
    if chance and chance.random() < 0.04:
        name = chance.choice(KNOWN_MODULES)
        modules[name].update(
            state="missing",
            autoload="never",
            boot="no",
            reasons=[make_reason("now", "not_in_tree", f"not in /lib/modules/{kind.release}")],
        )
    minute = chance.randrange(60) if chance else 0
    numbers = [int(part) for part in kind.release.split("-")[0].split("+")[0].split(".")[:3]]
    return {
        "schema": 3,
        "observed_at": f"2026-11-24T03:{minute:02}:07Z",
        "kernel": {
            "release": kind.release,
            "version": numbers,
            "modules_supported": kind.change is not built_in,
            "module_tree_present": kind.tree_present,
            "config": f"/boot/config-{kind.release}",
            "ipv6": True,
        },
        "modules": modules,
        "boot_files": {BOOT_FILE: [name for name, entry in modules.items() if entry["boot"] == "yes"]},
        "blockers": {"modules_disabled": False, "modprobe_helper": "/sbin/modprobe", "modprobe_helper_exists": True},
        "selinux": {"mode": kind.selinux},
        "options": {"MODULES": "y", "NF_CONNTRACK_ZONES": "y", "NF_CONNTRACK_MARK": "y"},
        "os": {"id": kind.os[0], "version": kind.os[1], "name": kind.os[2]},
        "tools": {
            "ipset": {"version": "7.17", "path": "/usr/sbin/ipset"},
            "iptables": {"version": "1.8.9", "path": "/usr/sbin/iptables", "variant": "nft"},
            "modprobe": {"version": "30", "path": "/sbin/modprobe"},
            "nft": {"version": "1.0.6", "path": "/usr/sbin/nft", "json": True},
        },
        "netfilter": {
            "legacy_tables": {"ipv4": [], "ipv6": []},
            "nft_tables": {"ipv4": False, "ipv6": False},
            "nft_compat_uses": 0,
            "ipsets": [],
        },
        "unreadable": {},
    }


def outcome(found: dict[str, Any], selection: Selection) -> dict[str, Any]:
    """Return the outcome of role istio_node for these facts."""
    parsed = parse_facts(found)
    assessment = assess(parsed, selection)
    plan = build_plan(parsed, selection, Consent())
    return {"facts": found, "assessment": assessment.as_dict(), "plan": plan.as_dict()}


def observed(size: int, seed: int = 1) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and facts of each node, or the outcome of a node without data, which has no "modules".

    A fleet of up to fourteen nodes has one of each kind, and the last one has no data.
    """
    chance = random.Random(seed)
    if size <= len(KINDS):
        kinds: list[Kind | dict[str, Any]] = [*KINDS[: size - 1], dict(NO_DATA[0][1])]
    else:
        everything: list[Kind | dict[str, Any]] = [*KINDS, *(dict(outcome_) for _share, outcome_ in NO_DATA)]
        shares = [*(kind.share for kind in KINDS), *(share for share, _outcome in NO_DATA)]
        kinds = chance.choices(everything, weights=shares, k=size)
    for number, kind in enumerate(kinds, 1):
        name = (
            f"node-{number:02}"
            if size < 100
            else f"{chance.choice(('fra1', 'ams2', 'iad3'))}-worker-{number:05}.example.net"
        )
        yield name, facts(kind, chance if size > 100 else None) if isinstance(kind, Kind) else kind


def fleet(size: int, selection: Selection, seed: int = 1) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and outcome of each node."""
    for name, found in observed(size, seed):
        yield name, outcome(found, selection) if "modules" in found else found


def make_gap(name: str = "xt_owner", **entry: Any) -> Callable[[dict[str, Any]], None]:
    """Return a function that changes a module of facts, by default to one without any reason that is never loaded."""

    def change(found: dict[str, Any]) -> None:
        found["modules"][name].update({"reasons": [], "autoload": "never", "boot": "no", **entry})

    return change


NOW = "2026-11-24T04:00:00Z"
SELECTION = Selection.from_options({"mode": ["sidecar", "ambient"], "ip_family": "dual"})


def build(nodes: Iterable[tuple[str, Any]], now: str = NOW, **options: Any) -> Document:
    """Return the document of names and outcomes."""
    builder = Builder()
    for name, given in nodes:
        builder.add(name, given)
    return builder.document(now, **options)


def make_outcome(
    change: Callable[[dict[str, Any]], None] | None = None,
    kind: Kind = KINDS[0],
    selection: Selection = SELECTION,
    **parts: Any,
) -> dict[str, Any]:
    """Return the outcome of a node whose facts are changed; ``parts`` are further keys, such as probe."""
    found = facts(kind)
    if change:
        change(found)
    return {**outcome(found, selection), **parts}


def make_alternatives(*changes: str, verdict: str = "ready", **plan: Any) -> dict[str, Any]:
    """Return a plan that does not make the node ready, with alternatives that do; ``plan`` are further keys."""
    alternatives = [{"kind": "backend", "change": change, "verdict": verdict} for change in changes]
    return {"expected": {"verdict": "not_ready"}, "alternatives": alternatives, **plan}


def make_declared(key: str = "talos", *modules: str, **parts: Any) -> dict[str, Any]:
    """Return the outcome of a node whose plan has a declaration of these modules; ``parts`` are further fields."""
    outcome_ = make_outcome()
    declaration = Declaration(key, modules or ("xt_owner",), **parts)
    return {**outcome_, "plan": {**outcome_["plan"], "declaration": declaration.as_dict()}}


def make_target(verdict: str = "not_ready", *reasons: str, text: str = "ambient") -> dict[str, Any]:
    """Return the part of an outcome about the target selection."""
    return {"selection": {}, "text": text, "verdict": verdict, "reasons": list(reasons)}
