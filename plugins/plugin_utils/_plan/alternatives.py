# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alternatives: single changes to the mesh, or to the kernel of a node, that would make the node ready. Pure.

Each one is verified: the node is planned again with the change, and only a change whose plan ends in a good verdict is
listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess_requirements
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts, ModuleFacts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.projection import after_kernel
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Alternative, AlternativeKind, Expected
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST, OLDEST
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import (
    NATIVE_NFTABLES_SINCE,
    Selection,
)

# A verdict is not a promise if the evidence does not settle it, so "unknown" is none of them.
GOOD_VERDICTS = ("ready", "on_demand")
# The first release that reads FORCE_IPTABLES_BINARY (tools/istio-iptables/pkg/dependencies/implementation.go).
FORCED_VARIANT_SINCE = "1.28.0"
PROXY_METADATA = "meshConfig.defaultConfig.proxyMetadata"

# Returns what is expected of a node with these facts under a selection, after the steps of the role.
Planner = Callable[[Facts, Selection], Expected]


@dataclass(frozen=True)
class Situation:
    """A node whose plan does not make it ready.

    ``after`` are the facts after the steps of the role. ``may_install`` and ``may_override`` are whether the role may
    install packages and override conflicts.
    """

    facts: Facts
    after: Facts
    selection: Selection
    may_install: bool
    may_override: bool


@dataclass(frozen=True)
class Candidate:
    """A change that is not verified yet. ``options`` are the options of the selection that it changes."""

    kind: AlternativeKind
    change: str
    settings: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    kernel: str | None = None


Finder = Callable[[Situation], Iterator[Candidate]]


def find_alternatives(situation: Situation, plan: Planner) -> tuple[Alternative, ...]:
    """Return the changes that would make the node ready, the least invasive first.

    Of the candidates of one finder the first that helps counts: each finder sorts its own by preference.
    """
    found = []
    for finder in FINDERS:
        alternative = _find_first(situation, plan, finder)
        if alternative is not None:
            found.append(alternative)
    if not found:
        alternative = _find_first(situation, plan, list_older_releases)
        if alternative is not None:
            found.append(alternative)
    return tuple(found)


def _find_first(situation: Situation, plan: Planner, finder: Finder) -> Alternative | None:
    for candidate in finder(situation):
        verdict = _verify(situation, plan, candidate)
        if verdict is not None:
            return Alternative(
                kind=candidate.kind,
                change=candidate.change,
                verdict=verdict,
                settings=candidate.settings,
                selection=dict(candidate.options),
                kernel=candidate.kernel,
            )
    return None


def _verify(situation: Situation, plan: Planner, candidate: Candidate) -> str | None:
    """Return the expected verdict of the node with a change, or None if it does not make the node ready."""
    selection = replace(situation.selection, **candidate.options)
    facts, after = situation.facts, situation.after
    if candidate.kernel is not None:
        facts = after = after_kernel(facts, candidate.kernel, facts.other_kernels[candidate.kernel])
    try:
        if not _can_be_prepared(situation, after, selection):
            return None
        expected = plan(facts, selection)
    except InvalidInputError:  # The facts lack a module that only the changed selection needs.
        return None
    # Istio does not work on a node that only satisfies its page.
    is_good = expected.verdict in GOOD_VERDICTS and expected.verdicts.get("effective") in GOOD_VERDICTS
    return expected.verdict if is_good else None


def _can_be_prepared(situation: Situation, after: Facts, selection: Selection) -> bool:
    """Return False if a requirement is unmet or unknown that the role cannot change. A whole plan costs much more."""
    for row in assess_requirements(after, selection):
        if row.level != "must" or row.now not in ("unmet", "unknown"):
            continue
        if row.kind != "module":
            if not (row.kind == "tool" and situation.may_install):
                return False
        elif not any(_may_load(situation, after.modules[name]) for name in row.any_of or (row.name,)):
            return False
    return True


def _may_load(situation: Situation, module: ModuleFacts) -> bool:
    """Return whether the role may be able to load a module, or need not load it."""
    if module.state in ("missing", "unknown"):
        return situation.may_install
    return situation.may_override or not (module.state == "blocked" or module.is_blacklisted)


def reads_forced_variant(selection: Selection) -> bool:
    """Return whether Istio reads FORCE_IPTABLES_BINARY in all modes of this selection.

    The CNI plugin does not pass it on for sidecars (cni/pkg/plugin/sidecar_iptables_linux.go), and the agent ignores it
    with native nftables rules (cni/pkg/cmd/root.go).
    """
    is_set_up_by_plugin = selection.cni_plugin and "sidecar" in selection.mode
    return (
        selection.backend == "iptables"
        and selection.release.is_at_least(FORCED_VARIANT_SINCE)
        and not is_set_up_by_plugin
    )


def has_native_nftables(selection: Selection) -> bool:
    """Return whether this release has nftables rules for all modes of the selection."""
    return all(selection.release.is_at_least(NATIVE_NFTABLES_SINCE[mode]) for mode in selection.mode)


def list_variants(situation: Situation) -> Iterator[Candidate]:
    """Yield the iptables variants that FORCE_IPTABLES_BINARY can force."""
    selection = situation.selection
    if not reads_forced_variant(selection):
        return
    for variant in ("legacy", "nft"):
        if variant == selection.iptables_variant:
            continue
        value = f"FORCE_IPTABLES_BINARY={variant}"
        settings = []
        if "sidecar" in selection.mode:
            settings.append(f"{PROXY_METADATA}.{value}")
        if selection.ambient:
            settings.append(f"values.cni.env.{value}")
        yield Candidate("iptables_variant", f"set {value}", tuple(settings), {"iptables_variant": variant})


def list_ambient_ipv6(situation: Situation) -> Iterator[Candidate]:
    """Yield ambient mode without IPv6 rules, if the cluster has no IPv6."""
    selection = situation.selection
    if not selection.ambient or not selection.ambient_ipv6 or selection.ip_family != "ipv4":
        return
    settings = ["values.cni.ambient.ipv6=false"]
    if situation.facts.kernel.ipv6 is False:
        # ztunnel binds IPv6 sockets unless this is set (istio/ztunnel src/config.rs).
        settings.append("values.ztunnel.env.IPV6_ENABLED=false")
    yield Candidate("ambient_ipv6", "switch off IPv6 in ambient mode", tuple(settings), {"ambient_ipv6": False})


def list_dns_capture(situation: Situation) -> Iterator[Candidate]:
    """Yield the selection without DNS capture."""
    selection = situation.selection
    settings = []
    if selection.sidecar_dns:
        settings.append(f"{PROXY_METADATA}.ISTIO_META_DNS_CAPTURE=false")
    if selection.ambient and selection.dns_capture is not False:
        settings.append("values.cni.ambient.dnsCapture=false")
    if settings:
        yield Candidate("dns_capture", "switch off DNS capture", tuple(settings), {"dns_capture": False})


def list_newest_patch(situation: Situation) -> Iterator[Candidate]:
    """Yield the newest patch of this minor release, if the selection names an older patch."""
    release = situation.selection.release
    minor = f"{release.key[0]}.{release.key[1]}"
    if release.used == release.requested and release.requested != minor:
        yield Candidate("release", f"upgrade Istio to the newest patch of {minor}", (), {"istio_version": minor})


def list_backends(situation: Situation) -> Iterator[Candidate]:
    """Yield the other backend, if this release has it."""
    selection = situation.selection
    if selection.backend == "nftables":
        setting = "values.global.nativeNftables=false"
        yield Candidate("backend", "use the backend iptables", (setting,), {"backend": "iptables"})
    elif has_native_nftables(selection):
        setting = "values.global.nativeNftables=true"
        yield Candidate("backend", "use the backend nftables", (setting,), {"backend": "nftables"})


def list_init_container(situation: Situation) -> Iterator[Candidate]:
    """Yield sidecars without the CNI plugin: their init container runs the tools of Istio's image, not the host's."""
    selection = situation.selection
    if selection.cni_plugin and "sidecar" in selection.mode:
        yield Candidate(
            "init_container",
            "set up sidecars by their init container, without the CNI plugin",
            ("values.pilot.cni.enabled=false",),
            {"cni_plugin": False},
        )


def list_kernels(situation: Situation) -> Iterator[Candidate]:
    """Yield the other installed kernels. A container uses the kernel of its host."""
    facts = situation.facts
    if facts.platform.container is not None or facts.blockers.modules_disabled:
        return
    for release in facts.other_kernels:
        yield Candidate("kernel", f"boot the installed kernel {release}", kernel=release)


def list_newer_releases(situation: Situation) -> Iterator[Candidate]:
    """Yield newer minor releases of Istio, the newest first."""
    minor = situation.selection.release.key[1]
    for newer in reversed(_list_minors()):
        if newer > minor:
            version = f"1.{newer}"
            yield Candidate("release", f"upgrade Istio to {version}", (), {"istio_version": version})


def list_older_releases(situation: Situation) -> Iterator[Candidate]:
    """Yield older minor releases of Istio that have the backend, the newest first."""
    selection = situation.selection
    for older in reversed(_list_minors()):
        version = f"1.{older}"
        if older < selection.release.key[1]:
            if selection.backend == "nftables" and not has_native_nftables(replace(selection, istio_version=version)):
                return
            change = f"use Istio {version}, the newest older release that works on this node"
            yield Candidate("release", change, (), {"istio_version": version})


def _list_minors() -> range:
    """Return the minor numbers of the known releases 1.N, in ascending order."""
    oldest, newest = (int(release.split(".")[1]) for release in (OLDEST, NEWEST))
    return range(oldest, newest + 1)


# The least invasive change first.
FINDERS: tuple[Finder, ...] = (
    list_variants,
    list_ambient_ipv6,
    list_dns_capture,
    list_newest_patch,
    list_backends,
    list_init_container,
    list_kernels,
    list_newer_releases,
)
