# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of Istio's golden files: their folders, the mesh that each of them belongs to, and the newest patches.

A golden file that is not listed here is a difference, since nobody has looked at it yet. Source of the meshes:
tools/istio-iptables/pkg/capture/run_test.go, tools/istio-nftables/pkg/capture/run_test.go,
cni/pkg/plugin/plugin_dryrun_test.go, cni/pkg/iptables/iptables_test.go and cni/pkg/nftables/nftables_test.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["sidecar", "ambient"]
Backend = Literal["iptables", "nftables"]
Options = Mapping[str, object]

# The newest patch of each minor release that has been compared. A newer one is a difference, and so is each patch of a
# minor release that is not listed: its release notes must be read first, since not all changes show in golden files.
NEWEST_PATCHES = {
    "1.22": 8,
    "1.23": 6,
    "1.24": 6,
    "1.25": 5,
    "1.26": 8,
    "1.27": 9,
    "1.28": 10,
    "1.29": 6,
    "1.30": 3,
}


@dataclass(frozen=True)
class Folder:
    """A folder of golden files, from the release ``since`` to the one before ``until``.

    ``options`` are those that all meshes of the folder have.
    """

    path: str
    mode: Mode
    backend: Backend
    options: Options = field(default_factory=dict)
    since: str = "1.22"
    until: str = ""


SUFFIX = ".golden"
FOLDERS = (
    Folder("tools/istio-iptables/pkg/capture/testdata", "sidecar", "iptables"),
    Folder("cni/pkg/plugin/testdata", "sidecar", "iptables", options={"cni_plugin": True}),
    Folder("cni/pkg/iptables/testdata", "ambient", "iptables"),
    Folder("tools/istio-nftables/pkg/capture/testdata", "sidecar", "nftables", since="1.27"),
    Folder("cni/pkg/nftables/testdata", "ambient", "nftables", since="1.28"),
)
# Istio creates its ipset over netlink, so only this file names the type.
IPSET_FILE = "cni/pkg/ipset/nldeps_linux.go"


@dataclass(frozen=True)
class Goldens:
    """Golden files of one mesh: ``names`` without ".golden", and the options that select the mesh.

    ``is_host`` is whether the rules are for the host's namespace: they come with those of each pod. ``ignored`` is the
    reason why files are not compared. ``since`` and ``until`` are as in Folder.
    """

    mode: Mode
    names: tuple[str, ...]
    options: Options
    is_host: bool = False
    ignored: str = ""
    since: str = "1.22"
    until: str = ""


IPV6 = {"ip_family": "dual"}
DNS = {"dns_capture": True}
TPROXY = {"interception": "tproxy"}
INVALID_DROP = {"invalid_drop": True}
POD_IPV6 = {"ambient_ipv6": True}
POD_IPV4 = {"ambient_ipv6": False}
POD_DNS = {"dns_capture": True}
POD_NO_DNS = {"dns_capture": False}

GOLDENS = (
    Goldens(
        "sidecar",
        (
            "basic.txt",
            "basic-exclude-nic",
            "custom-uid.txt",
            "empty",
            "host-ipv4-loopback-cidr",
            "inbound-ports-include",
            "inbound-ports-wildcard",
            "include-exclude-ip.txt",
            "include-exclude-ports.txt",
            "ipnets",
            "ipnets-with-kube-virt-interfaces",
            "kube-virt-interfaces",
            "outbound-owner-groups",
            "outbound-owner-groups-exclude",
            "outbound-ports-include",
            "status-ports.txt",
        ),
        {},
    ),
    Goldens(
        "sidecar",
        (
            "ipv6-empty-inbound-ports",
            "ipv6-inbound-ports",
            "ipv6-ipnets",
            "ipv6-outbound-ports",
            "ipv6-uid-gid",
            "ipv6-virt-interfaces",
        ),
        IPV6,
    ),
    Goldens("sidecar", ("drop-invalid", "invalid-drop.txt"), INVALID_DROP),
    Goldens("sidecar", ("dns.txt", "ip-range", "loopback-outbound-iprange"), DNS),
    Goldens("sidecar", ("dns-uid-gid",), {**DNS, **IPV6}),
    Goldens("sidecar", ("tproxy",), {**TPROXY, **DNS, **IPV6}),
    # These tests select DNS capture, but no DNS servers. Istio 1.25 and newer then writes no rules for DNS.
    Goldens(
        "sidecar",
        ("ipv6-dns-outbound-owner-groups", "ipv6-dns-outbound-owner-groups-exclude", "ipv6-dns-uid-gid"),
        {**DNS, **IPV6},
        until="1.25",
    ),
    Goldens(
        "sidecar",
        ("ipv6-dns-outbound-owner-groups", "ipv6-dns-outbound-owner-groups-exclude", "ipv6-dns-uid-gid"),
        IPV6,
        since="1.25",
    ),
    Goldens(
        "sidecar",
        (
            "custom-uid-tproxy.txt",
            "tproxy.txt",
            "inbound-ports-tproxy",
            "inbound-ports-wildcard-tproxy",
            "inbound-ports-empty-tproxy",
        ),
        TPROXY,
    ),
    Goldens(
        "sidecar",
        ("logging",),
        {},
        until="1.25",
        ignored="the rules trace packets with NFLOG, only if a user sets IPTABLES_TRACE_LOGGING",
    ),
    Goldens("sidecar", ("logging",), {}, since="1.25"),
    Goldens("ambient", ("default",), {**POD_IPV4, **POD_DNS}, until="1.23.1"),
    Goldens("ambient", ("default_ipv6",), {**POD_IPV6, **POD_DNS}, since="1.23", until="1.23.1"),
    Goldens("ambient", ("default", "dns_pod_enabled_and_off_globally"), {**POD_IPV4, **POD_DNS}, since="1.24"),
    Goldens(
        "ambient",
        ("dns_pod_disabled_and_on_globally", "ingress", "ingress_and_virtual_interfaces", "virtual_interfaces"),
        {**POD_IPV4, **POD_NO_DNS},
    ),
    Goldens(
        "ambient",
        ("default_ipv6", "dns_pod_enabled_and_off_globally_ipv6"),
        {**POD_IPV6, **POD_DNS},
        since="1.24",
    ),
    Goldens(
        "ambient",
        (
            "dns_pod_disabled_and_on_globally_ipv6",
            "ingress_ipv6",
            "ingress_and_virtual_interfaces_ipv6",
            "virtual_interfaces_ipv6",
        ),
        {**POD_IPV6, **POD_NO_DNS},
    ),
    Goldens("ambient", ("hostprobe",), POD_IPV4, is_host=True),
    Goldens("ambient", ("hostprobe_ipv6",), POD_IPV6, is_host=True, since="1.23"),
    Goldens(
        "ambient",
        ("default_ipv6", "hostprobe_ipv6"),
        {},
        until="1.23",
        ignored="nothing sets EnableInboundIPv6 outside of the tests of 1.22 (cni/pkg/iptables/iptables.go)",
    ),
    # The agent of 1.23 redirects by TPROXY, unlike the other tests of 1.23.1 (viper.SetDefault in cni/pkg/cmd/root.go).
    Goldens("ambient", ("tproxy",), {**POD_IPV4, **POD_DNS}, until="1.24"),
    Goldens("ambient", ("tproxy_ipv6",), {**POD_IPV6, **POD_DNS}, until="1.24"),
    Goldens(
        "ambient",
        ("default", "default_ipv6"),
        {},
        since="1.23.1",
        until="1.24",
        ignored="ambient mode of 1.23 redirects by REDIRECT only if a user sets AMBIENT_TPROXY_REDIRECTION to false",
    ),
    Goldens(
        "ambient",
        ("tproxy", "tproxy_ipv6"),
        {},
        since="1.24",
        ignored="ambient mode of 1.24 redirects by TPROXY only if a user sets AMBIENT_TPROXY_REDIRECTION",
    ),
)
