# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the properties of releases with the files of Istio that they come from. Golden files do not show these."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import Release
from ansible_collections.nodeprep.istio.tests.upstream.checkout import Checkout, Tag
from ansible_collections.nodeprep.istio.tests.upstream.differences import Differences

VALUES = "manifests/charts/istio-cni/values.yaml"
AGENT = "cni/pkg/cmd/root.go"
DETECTION = "tools/istio-iptables/pkg/dependencies/implementation_linux.go"
IMAGE = "docker/iptables.yaml"


@dataclass(frozen=True)
class Property:
    """A property of Release that is true if a line of a file matches ``pattern``. ``holds`` returns its value."""

    name: str
    path: str
    pattern: str
    holds: Callable[[Release], bool]


def _property(name: str, path: str, pattern: str) -> Property:
    return Property(name, path, pattern, lambda release: bool(getattr(release, name)))


PROPERTIES = (
    _property("captures_ambient_dns", VALUES, r"\bdnsCapture: true\b"),
    _property("has_ambient_ipv6", VALUES, r"\bipv6: true\b"),
    _property("reconciles", VALUES, r"\breconcileIptablesOnStartup: true\b"),
    _property("reads_forced_binary", AGENT, r'"FORCE_IPTABLES_BINARY"'),
    _property("probe_has_comment", DETECTION, r"\btestRuleAdd = .*\"comment\""),
    Property(
        "probe_table 'filter'",
        DETECTION,
        r'\btestRuleAdd = .*"filter"',
        lambda release: release.probe_table == "filter",
    ),
    Property("probe_table 'nat'", DETECTION, r'\btestRuleAdd = .*"nat"', lambda release: release.probe_table == "nat"),
    _property("rules_decide", DETECTION, r'"-[AI] "'),
    _property("enters_user_namespaces", DETECTION, r'"nsenter"'),
    _property("detects_old_ipsets", "cni/pkg/nodeagent/detect_artifacts_linux.go", r"\bfunc "),
    _property("has_old_iptables", "docker/Dockerfile.base", r"\bFROM ubuntu:jammy\b"),
    _property("image_has_new_nft", IMAGE, r"^ *- nftables(?:-slim)?$"),
    _property(
        "openshift_uses_nftables", "manifests/helm-profiles/platform-openshift.yaml", r"\bnativeNftables: true\b"
    ),
    Property(
        "kubelet_names 'kubelite'",
        "cni/pkg/nftables/kubeletuid_linux.go",
        r'"kubelite"',
        lambda release: "kubelite" in release.kubelet_names,
    ),
    Property(
        "kubelet_names 'k3s'",
        "cni/pkg/nftables/kubeletuid_linux.go",
        r'"k3s"',
        lambda release: "k3s" in release.kubelet_names,
    ),
)


def compare_properties(checkout: Checkout, tag: Tag, differences: Differences) -> None:
    """Add the properties of a release that the files of Istio contradict. A file that does not exist has no lines."""
    release = Release.from_version(tag.name)
    texts: dict[str, str] = {}
    for known in PROPERTIES:
        if known.path not in texts:
            texts[known.path] = _read(checkout, tag, known.path)
        is_shown = re.search(known.pattern, texts[known.path], re.MULTILINE) is not None
        if is_shown != known.holds(release):
            matches = "matches" if is_shown else "does not match"
            differences.add(f"releases.py contradicts {known.path}, which {matches} {known.pattern}: {known.name}")


def _read(checkout: Checkout, tag: Tag, path: str) -> str:
    files = checkout.list_files(tag, path)
    return checkout.read_blob(tag, path, files[path]) if path in files else ""
