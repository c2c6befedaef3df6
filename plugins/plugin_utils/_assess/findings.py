# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings: what the owner of a node should know beside the requirements. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess import iptables_forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import Forecast
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import legacy_tables, projection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import has_untold
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import at_least

CRASH_FREE_NFT = "1.1.2"
OLD_IPSETS = ("istio-inpod-probes-v4", "istio-inpod-probes-v6")


@dataclass(frozen=True)
class Finding:
    """One thing found, with where it is known from."""

    id: str
    severity: Literal["info", "warning", "error"]
    message: str
    source: str


@dataclass(frozen=True)
class _Node:
    facts: Mapping[str, Any]
    selection: Selection
    picked: Mapping[str, Forecast]
    picked_after: Mapping[str, Forecast]

    def state(self, name: str) -> str:
        return str(self.facts["modules"].get(name, {}).get("state", "unknown"))

    @property
    def netfilter(self) -> Mapping[str, Any]:
        return self.facts.get("netfilter") or {}


def findings(
    facts: Mapping[str, Any], selection: Selection, picked: Mapping[str, Forecast], picked_after: Mapping[str, Forecast]
) -> Iterator[Finding]:
    """Yield the findings; ``picked`` is which iptables variant Istio itself would pick for each mode, ``picked_after`` after a reboot."""
    node = _Node(facts, selection, picked, picked_after)
    for find in FINDERS:
        yield from find(node)


def _unknown_release(node: _Node) -> Iterable[Finding]:
    note = node.selection.release.note
    if note:
        yield Finding("istio_version", "warning", note, "istio_version")


def _legacy_retired(node: _Node) -> Iterable[Finding]:
    if node.selection.backend == "iptables" and node.state("iptable_nat") == node.state("ip_tables") == "missing":
        message = "this kernel has no legacy iptables tables; Istio works through iptables-nft, and the page's rows of iptable_* and ip6table_* do not apply"
        yield Finding("legacy_retired", "info", message, "Linux net/netfilter/Kconfig: NETFILTER_XTABLES_LEGACY")


def _legacy_instantiated(node: _Node) -> Iterable[Finding]:
    tables = legacy_tables.in_host(node.facts)
    if node.selection.backend == "iptables" and tables:
        picked = node.picked.get("ambient")
        follows = "ambient Istio then takes iptables-legacy for every pod"
        if picked and picked.variant != "legacy":
            follows = f"for ambient Istio the forecast is {picked.variant} all the same ({picked.reason})"
        message = f"legacy tables exist in the host's network namespace ({', '.join(tables)}): {follows}"
        severity: Literal["info", "warning"] = "warning" if picked and picked.variant == "legacy" else "info"
        yield Finding(
            "legacy_tables", severity, message, "istio: tools/istio-iptables/pkg/dependencies/implementation.go"
        )


def _mixed_backends(node: _Node) -> Iterable[Finding]:
    tables = legacy_tables.in_host(node.facts)
    # Where loading a module makes the table, its being there says nothing of rules.
    if tables and node.netfilter.get("nft_compat_uses") and not legacy_tables.instantiates(node.facts):
        message = (
            "rules of iptables-nft and tables of iptables-legacy exist on this node: each binary sees only its own"
        )
        yield Finding("mixed_backends", "warning", message, "https://github.com/istio/istio/issues/57827")


def _documented_flips(node: _Node) -> Iterable[Finding]:
    selection = node.selection
    if selection.profile != "documented" or selection.iptables_variant == "nft":
        return
    loaded = projection.prepared(
        node.facts, [name for name in legacy_tables.LEGACY_MODULES if node.state(name) == "loadable"], (), False
    )
    for mode, one in node.picked.items():
        if one.variant == "nft" and iptables_forecast.forecast(loaded, selection, mode).variant == "legacy":
            message = f"loading the page's legacy tables on this kernel makes them in the host's network namespace: Istio then picks iptables-legacy in {mode} mode"
            yield Finding("legacy_flip", "warning", message, "Linux fdacd57c79b7")


def _variant_changes(node: _Node) -> Iterable[Finding]:
    for mode, one in node.picked.items():
        after = node.picked_after[mode]
        if {one.variant, after.variant} == {"legacy", "nft"}:
            listed = [
                f"{path} lists {', '.join(found)}"
                for path, names in node.facts["boot_files"].items()
                if (found := _common(names, after.tables))
            ]
            because = "; ".join(listed) or after.reason
            message = f"in {mode} mode Istio picks iptables-{one.variant} on this node now ({one.reason}), and iptables-{after.variant} after a reboot ({because})"
            yield Finding(
                "variant_changes", "warning", message, "istio: tools/istio-iptables/pkg/dependencies/implementation.go"
            )


def _common(names: Iterable[str], tables: Iterable[str]) -> list[str]:
    return [name for name in names if name in tables]


def _variant_not_picked(node: _Node) -> Iterable[Finding]:
    asked_for = node.selection.iptables_variant
    for mode, one in node.picked.items():
        if asked_for != "auto" and one.variant not in (asked_for, "unknown"):
            message = f"iptables_variant is {asked_for}, but in {mode} mode Istio would pick {one.variant} on this node ({one.reason}); set FORCE_IPTABLES_BINARY"
            yield Finding(
                "variant_not_picked",
                "warning",
                message,
                "istio: tools/istio-iptables/pkg/dependencies/implementation.go",
            )


def _ambient_ipv6(node: _Node) -> Iterable[Finding]:
    selection = node.selection
    if selection.ambient and not selection.ipv6 and selection.ambient_ipv6:
        message = "the cluster is IPv4, but ambient Istio writes IPv6 rules too unless values.cni.ambient.ipv6 is false; without them its agent does not start"
        yield Finding(
            "ambient_ipv6", "info", message, "istio: manifests/charts/istio-cni/values.yaml: cni.ambient.ipv6"
        )
    if selection.ambient and selection.ipv6 and not selection.ambient_ipv6:
        message = (
            f"the cluster is {selection.ip_family}, but values.cni.ambient.ipv6 is false: IPv6 traffic is not captured"
        )
        yield Finding(
            "ambient_ipv6_off", "warning", message, "istio: manifests/charts/istio-cni/values.yaml: cni.ambient.ipv6"
        )


def _old_ipsets(node: _Node) -> Iterable[Finding]:
    left = [name for name in OLD_IPSETS if name in (node.netfilter.get("ipsets") or ())]
    if node.selection.backend == "nftables" and node.selection.ambient and left:
        message = f"Istio's ipset {', '.join(left)} exists: ambient Istio stays with iptables until the node is rebooted, though nativeNftables is wanted"
        yield Finding("old_ipsets", "warning", message, "istio: cni/pkg/nodeagent/detect_artifacts_linux.go")


def _nft_set_crash(node: _Node) -> Iterable[Finding]:
    selection = node.selection
    version = (node.facts["tools"].get("nft") or {}).get("version")
    old = version is not None and at_least(str(version), CRASH_FREE_NFT) is False
    if selection.backend == "nftables" and selection.ambient and old and selection.release.image_has_new_nft:
        message = f"the host's nft {version} may crash on the sets that the newer nft in Istio's image writes; nft {CRASH_FREE_NFT} or a patched package does not"
        yield Finding("nft_set_crash", "warning", message, "https://github.com/istio/istio/issues/58492")


def _nft_without_json(node: _Node) -> Iterable[Finding]:
    if node.selection.backend == "nftables" and (node.facts["tools"].get("nft") or {}).get("json") is False:
        message = "the host's nft was built without JSON: where Istio runs it, it cannot read its rules back"
        yield Finding("nft_without_json", "warning", message, "istio: cni/pkg/nodeagent/detect_nft_json_linux.go")


def _selinux_denied(node: _Node) -> Iterable[Finding]:
    selinux = node.facts.get("selinux") or {}
    denied = selinux.get("denied") or {}
    source = "/var/log/audit/audit.log"
    # One request may be for either of two modules, of which a kernel has one.
    if refused := [name for name in denied.get("modules") or () if node.state(name) != "missing"]:
        away = [name for name in refused if node.state(name) not in projection.THERE]
        lost = [
            name
            for name in refused
            if name not in away and node.facts["modules"].get(name, {}).get("boot") in ("no", "ineffective")
        ]
        told = [f"not there now: {', '.join(away)}"] if away else ["all are there now"]
        told += [f"not after a reboot: {', '.join(lost)}"] if lost else []
        # The day alone: a report counts the nodes of one message.
        message = (
            f"SELinux has kept the kernel from loading {', '.join(refused)} for {', '.join(denied.get('domains') or ['a process'])}"
            f" (last on {str(denied.get('at'))[:10]}); {'; '.join(told)}"
        )
        yield Finding("selinux_denied", "warning" if away or lost else "info", message, source)
    if why := (node.facts.get("unreadable") or {}).get(source):
        yield Finding(
            "selinux_denials_unknown",
            "info",
            f"whether SELinux has refused modules so far is unknown: {source}: {why}",
            source,
        )


def _lines_untold(node: _Node) -> Iterable[Finding]:
    if untold := [name for name, entry in node.facts["modules"].items() if has_untold(entry)]:
        message = f"more lines keep modules from loading than the facts can tell: see the lines of {', '.join(untold)} in the files of modprobe.d"
        yield Finding("conflicts_truncated", "warning", message, "modprobe.d(5)")


FINDERS: tuple[Callable[[_Node], Iterable[Finding]], ...] = (
    _unknown_release,
    _legacy_retired,
    _legacy_instantiated,
    _mixed_backends,
    _documented_flips,
    _variant_changes,
    _variant_not_picked,
    _ambient_ipv6,
    _old_ipsets,
    _nft_set_crash,
    _nft_without_json,
    _selinux_denied,
    _lines_untold,
)
