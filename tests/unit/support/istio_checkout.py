# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout of Istio for tests: a repository with a few golden files, which each test changes as it needs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

IPSET_SOURCE = 'err := netlink.IpsetCreate(name, "hash:ip", netlink.IpsetCreateOptions{Comments: true})\n'

SIDECAR = """* nat
-N TO_PROXY
-N FROM_POD
-A OUTPUT -j FROM_POD
-A FROM_POD -p tcp --dport 9999 -j RETURN
-A FROM_POD -m owner --uid-owner 4242 -j RETURN
-A FROM_POD -p tcp -j TO_PROXY
-A TO_PROXY -p tcp -j REDIRECT --to-ports 9001
COMMIT
"""
PLUGIN = SIDECAR.replace("COMMIT", "-I FROM_POD 1 -p udp --dport 9020 -j RETURN\nCOMMIT")
AMBIENT = """iptables-save
* mangle
-A PREROUTING -m mark --mark 0x7/0xf -j CONNMARK --set-xmark 0x3/0xf
-A OUTPUT -m connmark --mark 0x3/0xf -j CONNMARK --restore-mark
COMMIT
* nat
-A OUTPUT -d 192.0.2.7 -p tcp -m tcp -j ACCEPT
-A OUTPUT -p tcp -m mark ! --mark 0x7/0xf -j REDIRECT --to-ports 9001
COMMIT
"""
HOST = """* nat
-A POSTROUTING -m owner --socket-exists -p tcp -m set --match-set probed dst -j SNAT --to-source 192.0.2.7
COMMIT
"""
NFT_SIDECAR = """add table inet proxy
flush table inet proxy
add chain inet proxy out { type nat hook output priority -100 ; }
add rule inet proxy out oifname eth0 ip daddr 192.0.2.1/32 counter return
add rule inet proxy out tcp dport != { 53, 9999 } skuid 4242 counter return
add rule inet proxy out meta l4proto tcp counter redirect to :9001
"""
NFT_AMBIENT = """add table inet pod
add chain inet pod out { type nat hook output priority -100 ; }
add chain inet pod mark-out { type route hook output priority -150 ; }
add rule inet pod out meta mark and 0xf != 0x7 tcp dport 80 counter redirect to :9001
add rule inet pod mark-out ct mark and 0xf == 0x3 counter meta mark set ct mark
"""
NFT_HOST = """add table inet host
add chain inet host post { type nat hook postrouting priority 100 ; }
add rule inet host post meta l4proto tcp meta skuid 0 ip daddr @probed counter snat ip to 192.0.2.7
"""
# What a release has whose rules are those of the catalogue.
FILES = {
    "cni/pkg/ipset/nldeps_linux.go": IPSET_SOURCE,
    "tools/istio-iptables/pkg/capture/testdata/empty.golden": SIDECAR,
    "cni/pkg/plugin/testdata/basic.txt.golden": PLUGIN,
    "cni/pkg/iptables/testdata/ingress.golden": AMBIENT,
    "cni/pkg/iptables/testdata/hostprobe.golden": HOST,
    "tools/istio-nftables/pkg/capture/testdata/empty.golden": NFT_SIDECAR,
    "cni/pkg/nftables/testdata/ingress.golden": NFT_AMBIENT,
    "cni/pkg/nftables/testdata/hostprobe.golden": NFT_HOST,
    "manifests/charts/istio-cni/values.yaml": "ambient:\n  dnsCapture: true\n  ipv6: true\n",
    "cni/pkg/cmd/root.go": 'force := os.Getenv("FORCE_IPTABLES_BINARY")\n',
    "tools/istio-iptables/pkg/dependencies/implementation_linux.go": 'var testRuleAdd = []string{"-t", "nat"}\n',
    "cni/pkg/nodeagent/detect_artifacts_linux.go": "func find() {}\n",
    "docker/iptables.yaml": "packages:\n  - nftables=1.1.1\n",
}
# The release that most tests compare: the newest patch of its minor release.
RELEASE = "1.28.10"


def git(path: Path, *arguments: str) -> None:
    """Run git in a directory, without the configuration of the user."""
    environment = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", "-C", str(path), *identity, *arguments], env=environment, check=True, capture_output=True)


def add_release(path: Path, tag: str, changes: dict[str, str | None] | None = None) -> None:
    """Add a release with FILES; ``changes`` replaces files, or removes those that are None."""
    if not (path / ".git").exists():
        path.mkdir(parents=True, exist_ok=True)
        git(path, "init", "--quiet")
    for name, text in {**FILES, **(changes or {})}.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(text, encoding="utf-8")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--allow-empty", "--message", tag)
    git(path, "tag", tag)
