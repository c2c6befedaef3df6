# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what the owner of a node should know besides the requirements. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import PRESENT_STATES
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.finding import Finding, Severity
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.grades import PerColumn
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.iptables_forecast import (
    RULES_UNKNOWN,
    Forecasts,
    forecast_variant,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.legacy_tables import (
    LEGACY_MODULES,
    creates_tables_on_load,
    find_in_host,
    find_ruled_in_host,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, State
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import after_preparing
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import KUBELET_SINCE
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import is_at_least

# This release no longer crashes on sets that a newer nft wrote.
CRASH_FREE_NFT = "1.1.2"
# Ambient Istio looks for these sets (cni/pkg/nodeagent/detect_artifacts_linux.go).
OLD_IPSETS = ("istio-inpod-probes-v4", "istio-inpod-probes-v6")
AUDIT_LOG = "/var/log/audit/audit.log"
DETECTION = "istio: tools/istio-iptables/pkg/dependencies/implementation.go"
# The kernel refuses a rule about a user that comes from another user namespace than that of the pod.
NSENTER = (
    "istio: tools/istio-iptables/pkg/dependencies/implementation_linux.go: executeXTables; "
    "Linux net/netfilter/xt_owner.c: owner_check"
)
# ID of os-release, or words of PRETTY_NAME: RHEL CoreOS and CentOS Stream CoreOS (newer ones have the ID of RHEL).
OPENSHIFT_IDS = ("rhcos", "scos")
OPENSHIFT_NAMES = ("Red Hat Enterprise Linux CoreOS", "CentOS Stream CoreOS")
AMBIENT_IPV6 = "istio: manifests/charts/istio-cni/values.yaml: cni.ambient.ipv6"


@dataclass(frozen=True, slots=True)
class Situation:
    """A node under a selection; ``forecasts`` say which iptables variant Istio itself picks in each mode."""

    facts: Facts
    selection: Selection
    forecasts: PerColumn[Forecasts]

    def get_state(self, name: str) -> State:
        module = self.facts.modules.get(name)
        return "unknown" if module is None else module.state


def find_all(facts: Facts, selection: Selection, forecasts: PerColumn[Forecasts]) -> Iterator[Finding]:
    """Yield all findings; ``forecasts`` say which iptables variant Istio itself picks in each mode."""
    situation = Situation(facts, selection, forecasts)
    for find in FINDERS:
        yield from find(situation)


def find_unknown_release(situation: Situation) -> Iterator[Finding]:
    note = situation.selection.release.note
    if note:
        yield Finding("istio_version", "warning", note, "istio_version")


def find_retired_legacy_tables(situation: Situation) -> Iterator[Finding]:
    states = {situation.get_state(name) for name in ("iptable_nat", "ip_tables")}
    forecasts = situation.forecasts.now.values()
    uses_nft = bool(forecasts) and all(forecast.variant == "nft" and forecast.nft_works for forecast in forecasts)
    has_compat = situation.get_state("nft_compat") not in ("missing", "blocked", "unknown")
    if states == {"missing"} and uses_nft and has_compat:
        message = (
            "this kernel has no legacy iptables tables; Istio uses iptables-nft, and the iptable_* and ip6table_* rows "
            "of Istio's page do not apply"
        )
        yield Finding("legacy_retired", "info", message, "Linux net/netfilter/Kconfig: NETFILTER_XTABLES_LEGACY")


def find_legacy_tables(situation: Situation) -> Iterator[Finding]:
    facts, release = situation.facts, situation.selection.release
    tables = find_in_host(facts)
    if situation.selection.backend != "iptables" or not tables:
        return
    forecast = situation.forecasts.now.get("ambient")
    what = f"legacy tables exist in the host's network namespace ({', '.join(tables)})"
    ruled: tuple[str, ...] | None = tables
    if release.rules_decide:
        ruled = find_ruled_in_host(facts)
        if ruled == ():
            return
        if ruled:
            what = f"legacy tables with rules exist in the host's network namespace ({', '.join(ruled)})"
        elif forecast is None or RULES_UNKNOWN not in forecast.reason:
            what += f", and {RULES_UNKNOWN}"
    severity: Severity = "info"
    consequence = "ambient Istio then picks iptables-legacy for every pod"
    if forecast is not None and forecast.variant == "legacy" and forecast.tables:
        severity = "warning"
    elif forecast is None and ruled is None:
        consequence = "ambient Istio picks iptables-legacy for every pod if they do"
    elif forecast is not None:
        certainty = "" if forecast.variant == "unknown" else " in any case"
        consequence = f"the forecast for ambient Istio is {forecast.variant}{certainty} ({forecast.reason})"
    yield Finding("legacy_tables", severity, f"{what}: {consequence}", DETECTION)


def find_mixed_backends(situation: Situation) -> Iterator[Finding]:
    facts = situation.facts
    ruled = find_ruled_in_host(facts)
    if ruled is None:
        # If loading a module creates its table, an existing table does not prove that a program has used it.
        has_legacy, what = bool(find_in_host(facts)) and not creates_tables_on_load(facts), "tables"
    else:
        has_legacy, what = bool(ruled), "rules"
    if has_legacy and facts.netfilter.nft_compat_uses:
        message = f"this node has rules of iptables-nft and {what} of iptables-legacy; each binary sees only its own"
        yield Finding("mixed_backends", "warning", message, "https://github.com/istio/istio/issues/57827")


def find_flips_by_page_modules(situation: Situation) -> Iterator[Finding]:
    """Find modes in which loading the page's legacy modules changes the variant that Istio picks."""
    selection = situation.selection
    if selection.profile != "documented" or selection.iptables_variant == "nft":
        return
    loadable = [name for name in LEGACY_MODULES if situation.get_state(name) == "loadable"]
    with_modules = after_preparing(situation.facts, loadable, (), writes_boot_file=False)
    effect = "makes iptables-legacy work"
    if creates_tables_on_load(situation.facts):
        effect = "creates their tables in the host's network namespace"
    for mode, forecast in situation.forecasts.now.items():
        if forecast.variant == "nft" and forecast_variant(with_modules, selection, mode).variant == "legacy":
            message = (
                f"on this kernel, loading the legacy modules of Istio's page {effect}; Istio then picks "
                f"iptables-legacy in {mode} mode"
            )
            yield Finding("legacy_flip", "warning", message, "Linux fdacd57c79b7")


def find_variant_changes(situation: Situation) -> Iterator[Finding]:
    for mode, now in situation.forecasts.now.items():
        after = situation.forecasts.after_reboot[mode]
        if {now.variant, after.variant} == {"legacy", "nft"}:
            cause = _describe_listed_tables(situation.facts, after.tables) or after.reason
            message = (
                f"in {mode} mode Istio now picks iptables-{now.variant} on this node ({now.reason}), "
                f"but iptables-{after.variant} after a reboot ({cause})"
            )
            yield Finding("variant_changes", "warning", message, DETECTION)


def _describe_listed_tables(facts: Facts, tables: Collection[str]) -> str:
    """Return which boot files list modules of these tables."""
    texts = []
    for path, names in facts.boot_files.items():
        listed = [name for name in names if name in tables]
        if listed:
            texts.append(f"{path} lists {', '.join(listed)}")
    return "; ".join(texts)


def find_variants_after_restart(situation: Situation) -> Iterator[Finding]:
    """Find that Istio's own test of iptables-legacy creates the table for which it picks legacy later."""
    selection = situation.selection
    forecast = situation.forecasts.now.get("ambient")
    if forecast is None or selection.iptables_variant != "auto" or not forecast.is_legacy_after_restart:
        return
    ways_out = ["upgrade Istio to a release that looks for rules (1.29.8, 1.30.5, 1.31.1, or 1.32)"]
    if selection.reads_forced_binary("ambient"):
        ways_out.append("set FORCE_IPTABLES_BINARY=nft for the CNI agent")
        ways_out.append("use native nftables (values.global.nativeNftables=true)")
    else:
        ways_out.append("from 1.28 on, set FORCE_IPTABLES_BINARY=nft for the CNI agent, or use native nftables")
    message = (
        "ambient Istio picks iptables-nft when its CNI agent first starts, but its test of iptables-legacy creates a "
        "legacy table on this node, so that it picks iptables-legacy whenever the agent starts again, and pods that "
        f"run then have the rules of both; {', or '.join(ways_out)}"
    )
    yield Finding("variant_after_restart", "warning", message, "https://github.com/istio/istio/issues/61020")


def find_variants_not_picked(situation: Situation) -> Iterator[Finding]:
    selection = situation.selection
    chosen = selection.iptables_variant
    for mode, forecast in situation.forecasts.now.items():
        if chosen != "auto" and forecast.variant not in (chosen, "unknown"):
            message = (
                f"iptables_variant is {chosen}, but in {mode} mode Istio picks {forecast.variant} on this node "
                f"({forecast.reason}); {_describe_forcing(selection, mode, chosen)}"
            )
            yield Finding("variant_not_picked", "warning", message, DETECTION)


def _describe_forcing(selection: Selection, mode: str, variant: str) -> str:
    if selection.reads_forced_binary(mode):
        return f"set FORCE_IPTABLES_BINARY={variant}"
    if selection.release.reads_forced_binary:
        return "Istio's CNI plugin does not read FORCE_IPTABLES_BINARY for sidecars"
    return "this Istio release does not read FORCE_IPTABLES_BINARY; 1.28 is the first that does"


def find_ambient_ipv6(situation: Situation) -> Iterator[Finding]:
    selection = situation.selection
    if not selection.ambient or not selection.release.has_ambient_ipv6:
        return
    if not selection.ipv6 and selection.ambient_ipv6:
        message = (
            "the cluster uses IPv4 only, but ambient Istio also writes IPv6 rules unless values.cni.ambient.ipv6 is "
            "false; if these rules fail, its CNI agent does not start"
        )
        yield Finding("ambient_ipv6", "info", message, AMBIENT_IPV6)
    if selection.ipv6 and not selection.ambient_ipv6:
        message = (
            f"ip_family is {selection.ip_family}, but values.cni.ambient.ipv6 is false, so IPv6 traffic is not captured"
        )
        yield Finding("ambient_ipv6_off", "warning", message, AMBIENT_IPV6)


def find_ztunnel_ipv6(situation: Situation) -> Iterator[Finding]:
    """Find nodes on which ztunnel, which uses IPv6 addresses by default, may not start."""
    facts = situation.facts
    if not situation.selection.ambient:
        return
    if facts.kernel.ipv6 is False:
        cause, effect = "IPv6 is off in this kernel", "ztunnel does not start, since it binds IPv6 addresses"
    elif "lo" in facts.netfilter.ipv6_off:
        cause, effect = "net.ipv6.conf.lo.disable_ipv6 is 1 on this node", "ztunnel may fail to bind its addresses"
    elif facts.netfilter.loopback_ipv6 is False:
        cause, effect = "the loopback interface of this node has no address ::1", "ztunnel may fail to bind it"
    else:
        return
    also = " in addition to values.cni.ambient.ipv6=false" if situation.selection.release.has_ambient_ipv6 else ""
    message = f"{cause}: {effect}; set IPV6_ENABLED=false in the environment of ztunnel{also}"
    yield Finding("ztunnel_ipv6", "warning", message, "ztunnel: src/config.rs: construct_config")


def find_old_ipsets(situation: Situation) -> Iterator[Finding]:
    selection = situation.selection
    existing = [name for name in OLD_IPSETS if name in (situation.facts.netfilter.ipsets or ())]
    if selection.backend == "nftables" and selection.ambient and existing:
        effect = (
            "so ambient Istio continues to use iptables until the node reboots, although nativeNftables is set"
            if selection.release.detects_old_ipsets
            else "and Istio before 1.28.2 does not look for it: the rules of iptables stay beside those of nftables "
            "until the node reboots"
        )
        message = f"Istio's ipset {', '.join(existing)} exists, {effect}"
        yield Finding("old_ipsets", "warning", message, "istio: cni/pkg/nodeagent/detect_artifacts_linux.go")


def find_nft_set_crash(situation: Situation) -> Iterator[Finding]:
    selection = situation.selection
    if selection.backend != "nftables" or not selection.ambient or not selection.release.image_has_new_nft:
        return
    nft = situation.facts.tools.get("nft")
    version = None if nft is None else nft.version
    if version is not None and is_at_least(version, CRASH_FREE_NFT) is False:
        message = (
            f"the host's nft {version} may crash on sets that the newer nft in Istio's image wrote; "
            f"install nft {CRASH_FREE_NFT} or newer, or a patched package"
        )
        yield Finding("nft_set_crash", "warning", message, "https://github.com/istio/istio/issues/58492")


def find_unrecognized_kubelets(situation: Situation) -> Iterator[Finding]:
    """Find a kubelet that the CNI agent does not find by the name of its process."""
    selection = situation.selection
    name = situation.facts.platform.kubelet
    known = selection.release.kubelet_names
    if selection.backend == "nftables" and selection.ambient and name is not None and name not in known:
        message = (
            f"the kubelet of this node runs in the process {name}, but the CNI agent of Istio "
            f"{selection.istio_version} looks for {' or '.join(known)} and does not start with native nftables; "
            "use the iptables backend"
        )
        since = KUBELET_SINCE.get(name)
        if since is not None:
            message += f", or Istio {since} or newer"
        yield Finding("kubelet_not_found", "warning", message, "istio: cni/pkg/nftables/kubeletuid_linux.go")


def find_openshift_default(situation: Situation) -> Iterator[Finding]:
    selection = situation.selection
    name = situation.facts.os.name or ""
    is_openshift = situation.facts.os.id in OPENSHIFT_IDS or any(text in name for text in OPENSHIFT_NAMES)
    if is_openshift and selection.backend == "iptables" and selection.release.openshift_uses_nftables:
        message = (
            "this node runs the system of OpenShift nodes, and the OpenShift platform profile of Istio 1.32 and newer "
            "sets global.nativeNftables to true; select backend nftables, unless the mesh sets it to false"
        )
        yield Finding("openshift_nftables", "warning", message, "https://github.com/istio/istio/pull/61432")


def find_missing_nsenter(situation: Situation) -> Iterator[Finding]:
    """Find out whether the CNI plugin can enter the user namespaces of pods. It then runs the host's nsenter."""
    selection, tools = situation.selection, situation.facts.tools
    runs_plugin = selection.backend == "iptables" and selection.runs_host_tools
    # Facts of an older version of this collection do not show whether the program exists.
    is_missing = "nsenter" in tools and tools["nsenter"] is None
    if runs_plugin and selection.release.enters_user_namespaces and is_missing:
        message = (
            "this node has no nsenter, which Istio's CNI plugin runs for a pod with hostUsers false: its rules fail; "
            "install nsenter (package util-linux), or keep such pods out of the mesh"
        )
        yield Finding("nsenter_missing", "info", message, NSENTER)


def find_selinux_denials(situation: Situation) -> Iterator[Finding]:
    denials = situation.facts.selinux.denied
    # A request may name two modules, of which each kernel has one.
    denied = [name for name in denials.modules if situation.get_state(name) != "missing"] if denials else []
    if denials is not None and denied:
        absent = [name for name in denied if situation.get_state(name) not in PRESENT_STATES]
        lost = [name for name in denied if name not in absent and _is_lost_at_boot(situation.facts, name)]
        effects = [f"not present now: {', '.join(absent)}" if absent else "all are present now"]
        if lost:
            effects.append(f"not present after a reboot: {', '.join(lost)}")
        # The day only: a report counts the nodes that have the same message.
        message = (
            f"SELinux has denied {', '.join(denials.domains) or 'a process'} the loading of {', '.join(denied)} "
            f"(last on {str(denials.at)[:10]}); {'; '.join(effects)}"
        )
        yield Finding("selinux_denied", "warning" if absent or lost else "info", message, AUDIT_LOG)
    error = situation.facts.unreadable.get(AUDIT_LOG)
    if error:
        message = f"whether SELinux has denied the loading of modules cannot be determined: {AUDIT_LOG}: {error}"
        yield Finding("selinux_denials_unknown", "info", message, AUDIT_LOG)


def _is_lost_at_boot(facts: Facts, name: str) -> bool:
    module = facts.modules.get(name)
    return module is not None and module.boot in ("no", "ineffective")


def find_truncated_conflicts(situation: Situation) -> Iterator[Finding]:
    names = [name for name, module in situation.facts.modules.items() if module.has_unlisted_lines]
    if names:
        message = (
            f"the lines that block {', '.join(names)} are too many to list; check the blacklist and install lines of "
            "these modules in modprobe.d"
        )
        yield Finding("conflicts_truncated", "warning", message, "modprobe.d(5)")


FINDERS: tuple[Callable[[Situation], Iterator[Finding]], ...] = (
    find_unknown_release,
    find_retired_legacy_tables,
    find_legacy_tables,
    find_mixed_backends,
    find_flips_by_page_modules,
    find_variant_changes,
    find_variants_after_restart,
    find_variants_not_picked,
    find_ambient_ipv6,
    find_old_ipsets,
    find_nft_set_crash,
    find_ztunnel_ipv6,
    find_unrecognized_kubelets,
    find_openshift_default,
    find_missing_nsenter,
    find_selinux_denials,
    find_truncated_conflicts,
)
