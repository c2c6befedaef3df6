# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the rules of a mesh with the effective catalogue, and releases with those that are known here. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.effective import Variant
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.profiles import requirement_rows
from ansible_collections.nodeprep.istio.plugins.plugin_utils._catalogue.requirement import Requirement
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import NEWEST
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.upstream.accepted import find_reason
from ansible_collections.nodeprep.istio.tests.upstream.checkout import Tag, parse_version
from ansible_collections.nodeprep.istio.tests.upstream.differences import Differences
from ansible_collections.nodeprep.istio.tests.upstream.goldens import NEWEST_PATCHES
from ansible_collections.nodeprep.istio.tests.upstream.meshes import Golden, Mesh
from ansible_collections.nodeprep.istio.tests.upstream.needs import (
    IPSET_COMMENTS,
    IPV6,
    UNKNOWN_WORD,
    Need,
    find_iptables_needs,
    find_module,
    find_nft_needs,
)

# The variants of iptables that load the rules of a backend. Native nftables has none, so this is only a placeholder.
VARIANTS: Mapping[object, tuple[Variant, ...]] = {"iptables": ("legacy", "nft"), "nftables": ("nft",)}
# The usual names of modules, for requests that no known module answers.
_MODULE_PREFIXES = {"ipt_": "xt_", "ip6t_": "xt_", "nft-expr-": "nft_"}


def compare_mesh(tag: Tag, mesh: Mesh, differences: Differences) -> None:
    """Add how the rules of a mesh differ from the requirements of its selection, in both directions."""
    selection = Selection.from_options({"istio_version": tag.name, "profile": "effective", **mesh.options})
    for variant in VARIANTS[selection.backend]:
        engine = "nftables" if selection.backend == "nftables" else f"iptables-{variant}"
        subject = f"{selection.mode[0]}, {engine}"
        rows = requirement_rows(selection, {selection.mode[0]: (variant,)})
        required = [row.requirement for row in rows if "effective" in row.levels]
        needs = _find_needs(mesh, selection, variant)
        for need, name in needs.items():
            text = _describe_need(need, required)
            if text:
                differences.add(f"{subject}: {text}", name)
        for text in _list_unused(required, {need.name for need in needs}):
            differences.add(f"{subject}: {text}", _describe_options(mesh.options))


def compare_releases(tags: Iterable[Tag]) -> list[str]:
    """Return which releases this collection does not know: newer minor releases, and newer patches."""
    lines = []
    for tag in tags:
        if not tag.is_final:
            continue
        if tag.version[:2] > parse_version(NEWEST)[:2]:
            lines.append(f"{tag.name}: the newest minor release in releases.py is {NEWEST}")
        elif tag.version[2] > NEWEST_PATCHES.get(tag.minor, -1):
            lines.append(f"{tag.name}: {_describe_newest_patch(tag.minor)}; read its release notes")
    return lines


def _describe_newest_patch(minor: str) -> str:
    if minor not in NEWEST_PATCHES:
        return f"no patch of {minor} has been compared"
    return f"{minor}.{NEWEST_PATCHES[minor]} is the newest patch of {minor} that has been compared"


def _find_needs(mesh: Mesh, selection: Selection, variant: Variant) -> dict[Need, str]:
    """Return what the rules of a mesh need, each with the first golden file that shows it."""
    has_old_iptables = selection.release.has_old_iptables and not selection.runs_host_tools
    found: dict[Need, str] = {}
    for golden in mesh.goldens:
        needs = _find_golden_needs(golden, variant, has_old_iptables)
        if any(match.name == "set" for rule in golden.iptables_rules for match in rule.matches):
            needs |= mesh.ipset_needs
        for need in sorted(needs):
            found.setdefault(need, golden.name)
    return found


def _find_golden_needs(golden: Golden, variant: Variant, has_old_iptables: bool) -> set[Need]:
    if golden.folder.backend == "nftables":
        return find_nft_needs(golden.nft_commands)
    return find_iptables_needs(golden.iptables_rules, variant, has_old_iptables)


def _describe_need(need: Need, required: list[Requirement]) -> str | None:
    """Return what the catalogue lacks for a need, or None if it has the need."""
    if any(need.name in _list_needs(requirement) for requirement in required):
        return None
    text = f"{need.cause} is in Istio's rules"
    if need.name.startswith(UNKNOWN_WORD):
        return f"{text}, and tests/upstream/needs.py does not know it"
    module = find_module(need.name)
    for requirement in required:
        if module in requirement.modules:
            return f"{text}, and requirement {requirement.id} does not count its request {need.name}"
    return f"{text}, and no requirement names {module or _guess_module(need.name)}"


def _guess_module(request: str) -> str:
    for prefix, module_prefix in _MODULE_PREFIXES.items():
        if request.startswith(prefix):
            return module_prefix + request[len(prefix) :]
    return request


def _list_unused(required: list[Requirement], found: set[str]) -> Iterator[str]:
    """Yield the requirements, and the requests of them, that no golden rule shows, unless that is accepted."""
    for requirement in required:
        needs = _list_needs(requirement)
        unused = [need for need in needs if need not in found and not find_reason(requirement.id, need)]
        if unused and not found.intersection(needs):
            yield f"requirement {requirement.id} is in no golden rule"
            continue
        for need in unused:
            yield f"requirement {requirement.id} counts the request {need}, which no golden rule makes"


def _list_needs(requirement: Requirement) -> tuple[str, ...]:
    """Return what a requirement is for, in the words of needs.py. Empty if golden rules cannot show it."""
    if requirement.kind == "module":
        return requirement.requests
    if requirement.kind == "option":
        return (f"CONFIG_{requirement.name}",)
    if requirement.feature == "ipset_comment":
        return (IPSET_COMMENTS,)
    # nf_tables takes IPv6 rules of the family inet without IPv6, so golden files of nft show no need for it.
    if requirement.id == "iptables/kernel/kernel/ipv6":
        return (IPV6,)
    return ()


def _describe_options(options: Mapping[str, object]) -> str:
    """Return the options of a mesh, without those that a difference names anyway."""
    named = [f"{name} {str(value).lower()}" for name, value in options.items() if name not in ("backend", "mode")]
    return ", ".join(named) or "default mesh"
