# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Distributions as recorded trees: what each one's kernel packages bring, before and after preparing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS, KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    missing_modules,
    preparation_plan,
    readiness,
)

DISTRIBUTIONS = yaml.safe_load((Path(__file__).parent / "distributions.yml").read_text(encoding="utf-8"))
BOOT_FILE = "etc/modules-load.d/istio.conf"
EXTRA = "kernel-modules-extra"
UEK_EXTRA = "kernel-uek-modules-extra-netfilter"

# What modules need, as depmod lists it: the same for every kernel here.
X_TABLES = ("x_tables",)
NAT = ("nf_nat", "nf_conntrack", "nf_defrag_ipv6", "nf_defrag_ipv4")
NEEDS = {
    "br_netfilter": ("bridge",),
    "ip_set_hash_ip": ("ip_set",),
    "ip_tables": X_TABLES,
    "ip6_tables": X_TABLES,
    "nf_conntrack": NAT[2:],
    "nf_nat": NAT[1:],
    "xt_set": ("ip_set", "x_tables"),
    "nft_chain_nat": ("nf_tables", *NAT),
    "nft_compat": ("nf_tables", "x_tables"),
    "xt_REDIRECT": (*NAT, "x_tables"),
    "xt_nat": (*NAT, "x_tables"),
    **{f"xt_{name}": (*NAT[1:], "x_tables") for name in ("CT", "connmark", "conntrack")},
    **{f"xt_{name}": X_TABLES for name in ("TPROXY", "comment", "mark", "multiport", "owner", "tcpudp")},
    **{f"nft_{name}": ("nf_tables", *NAT) for name in ("nat", "redir")},
    **{f"nft_{name}": ("nf_tables", *NAT[1:]) for name in ("ct",)},
    **{f"nft_{name}": ("nf_tables",) for name in ("counter", "socket", "tproxy")},
    **{
        f"ip{family}table_{table}": (f"ip{family}_tables", "x_tables")
        for family in ("", "6")
        for table in ("filter", "mangle", "raw")
    },
    **{f"ip{family}table_nat": (f"ip{family}_tables", "x_tables", *NAT) for family in ("", "6")},
}


class Recorded:
    """A node of a distribution, as files below a directory; nothing is loaded on it."""

    def __init__(self, root, name, without):
        self.root = root
        self.about = DISTRIBUTIONS[name]
        self.modules = {
            module
            for package, modules in self.about["packages"].items()
            if package not in without
            for module in modules
        }
        configured = {module for modules in self.about["packages"].values() for module in modules}
        self.write("proc/sys/kernel/osrelease", self.about["kernel"])
        self.write("proc/modules", "")
        self.write("usr/lib/systemd/systemd-modules-load", "")
        self.write("usr/lib/systemd/systemd", "")
        tree = f"lib/modules/{self.about['kernel']}"
        for module in self.modules:
            self.write(f"{tree}/kernel/{module}.ko", "\x7fELF")
        self.write(
            f"{tree}/modules.dep",
            "".join(f"kernel/{module}.ko: {self.needs(module)}\n" for module in sorted(self.modules)),
        )
        self.write(f"{tree}/modules.dep.bin", "")
        self.write(f"{tree}/modules.builtin", "".join(f"kernel/{module}.ko\n" for module in self.about["builtin"]))
        self.write(
            f"{tree}/modules.alias",
            "".join(
                f"alias {request} {module}\n"
                for module in sorted(self.modules)
                for request in AUTOLOAD_REQUESTS.get(module, ())
            ),
        )
        self.write(
            f"{tree}/config",
            "CONFIG_MODULES=y\nCONFIG_IPV6=y\nCONFIG_NF_CONNTRACK_ZONES=y\nCONFIG_NF_CONNTRACK_MARK=y\n"
            + ("CONFIG_NFT_COMPAT=m\n" if "nft_compat" in configured else ""),
        )

    def needs(self, module):
        return " ".join(f"kernel/{needed}.ko" for needed in NEEDS.get(module, ()) if needed in self.modules)

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def facts(self):
        facts = node_facts.facts(Files(str(self.root)), KNOWN_MODULES, "2026-01-01T00:00:00Z", None)
        return {
            **facts,
            "tools": {**facts["tools"], "nft": {"version": "1.1.3", "path": "/usr/sbin/nft", "json": True}},
        }

    def prepare(self, **options):
        """From nothing, load and list what the plan says, as far as it can be loaded."""
        self.write("proc/modules", "")
        (self.root / BOOT_FILE).unlink(missing_ok=True)
        plan = preparation_plan(self.facts(), **options)
        loaded = {
            name for module in plan["load"] if module in self.modules for name in (module, *NEEDS.get(module, ()))
        } & self.modules
        self.write("proc/modules", "".join(f"{name} 1 0 - Live 0x0\n" for name in sorted(loaded)))
        self.write(BOOT_FILE, "".join(f"{name}\n" for name in plan["load"] if name in self.modules))
        return self.facts()


@pytest.fixture
def recorded(tmp_path):
    return lambda name, without=(): Recorded(tmp_path, name, without)


# Verdicts after preparing under the profile that is asked: the page, the rules, for iptables and for nftables.
@pytest.mark.parametrize(
    "name, without, verdicts",
    [
        # The kernel of RHEL 8 is older than the 5.13 of the page; the rules do not mind.
        ("rhel-8", [], {"iptables": ("ready", "ready"), "nftables": ("not_ready", "ready")}),
        ("rhel-9", [], {"iptables": ("ready", "ready"), "nftables": ("ready", "ready")}),
        ("rhel-10", [EXTRA], {"iptables": ("not_ready", "not_ready"), "nftables": ("ready", "ready")}),
        ("rhel-10", [], {"iptables": ("not_ready", "ready"), "nftables": ("ready", "ready")}),
        ("oracle-uek-8", [UEK_EXTRA], {"iptables": ("not_ready", "not_ready"), "nftables": ("ready", "ready")}),
        ("oracle-uek-8", [], {"iptables": ("ready", "ready"), "nftables": ("ready", "ready")}),
        ("suse", [], {"iptables": ("ready", "ready"), "nftables": ("ready", "ready")}),
        ("amazon-linux-2023-6.12", [], {"iptables": ("ready", "ready"), "nftables": ("ready", "ready")}),
        ("amazon-linux-2023-6.18", [], {"iptables": ("not_ready", "ready"), "nftables": ("ready", "ready")}),
        # No nft_socket on Flatcar and Azure Linux: the page asks for it, no rule uses it.
        ("flatcar", [], {"iptables": ("ready", "ready"), "nftables": ("not_ready", "ready")}),
        ("talos", [], {"iptables": ("not_ready", "ready"), "nftables": ("ready", "ready")}),
        ("azure-linux-3", [], {"iptables": ("ready", "ready"), "nftables": ("not_ready", "ready")}),
        ("bottlerocket-6.18", [], {"iptables": ("ready", "ready"), "nftables": ("ready", "ready")}),
    ],
)
@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
def test_verdicts(recorded, name, without, verdicts, mode):
    node = recorded(name, without)
    for backend, expected in verdicts.items():
        found = []
        for profile in ("documented", "effective"):
            options = {"backend": backend, "mode": mode, "profile": profile}
            found.append(readiness(node.prepare(**options), **options)["verdict"])
        assert tuple(found) == expected, backend
        combined = {"backend": backend, "mode": mode}
        floor = "not_ready" if (name, backend) == ("rhel-8", "nftables") else expected[1]
        assert readiness(node.prepare(**combined), **combined)["verdict"] == floor


def test_what_rhel_10_lacks_without_its_extra_modules(recorded):
    facts = recorded("rhel-10", [EXTRA]).facts()
    missing = missing_modules(facts, mode="ambient", profile="effective", states=["missing"])
    assert missing == [
        "xt_REDIRECT",
        "xt_connmark",
        "xt_owner",
        "ip_set_hash_ip",
        "nft_compat",
        "xt_CT",
        "xt_set",
        "xt_nat",
    ]
    assert missing_modules(recorded("rhel-10").facts(), mode="ambient", profile="effective", states=["missing"]) == []


def test_what_oracles_kernel_lacks_without_its_netfilter_package(recorded):
    missing = missing_modules(
        recorded("oracle-uek-8", [UEK_EXTRA]).facts(), mode="ambient", profile="effective", states=["missing"]
    )
    assert missing == ["xt_REDIRECT", "xt_connmark", "ip_set_hash_ip", "xt_CT", "xt_set"]


def test_flatcar_has_no_tproxy_for_nftables(recorded):
    options = {"backend": "nftables", "interception": "tproxy", "profile": "effective"}
    assert readiness(recorded("flatcar").prepare(**options), **options)["verdict"] == "not_ready"


@pytest.mark.parametrize(
    "name, legacy",
    [
        ("rhel-9", "not_ready"),
        ("talos", "not_ready"),
        ("bottlerocket-6.18", "on_demand"),
        ("amazon-linux-2023-6.12", "not_ready"),
    ],
)
def test_iptables_legacy_before_anything_is_prepared(recorded, name, legacy):
    """The kernel never loads ip_tables on demand, so that legacy works unprepared only where that is built in."""
    assert readiness(recorded(name).facts(), profile="effective", iptables_variant="legacy")["verdict"] == legacy


def test_a_distribution_without_modules_to_load_needs_no_act(recorded):
    plan = preparation_plan(recorded("talos").facts(), mode=["sidecar", "ambient"], ip_family="dual")
    assert (plan["load"], plan["persist"], plan["change"]) == ([], [], False)
