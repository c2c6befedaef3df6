# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes with the kernels of distributions, from the module lists in distributions.yml."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS, KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import BOOT_FILE

DISTRIBUTIONS = yaml.safe_load(Path(__file__).with_name("distributions.yml").read_text(encoding="utf-8"))
CONFIG = "CONFIG_MODULES=y\nCONFIG_IPV6=y\nCONFIG_NF_CONNTRACK_ZONES=y\nCONFIG_NF_CONNTRACK_MARK=y\n"

# The dependencies of modules, as depmod lists them: the same for every kernel here.
X_TABLES = ("x_tables",)
NAT = ("nf_nat", "nf_conntrack", "nf_defrag_ipv6", "nf_defrag_ipv4")
CONNTRACK = NAT[1:]
DEPENDENCIES = {
    "br_netfilter": ("bridge",),
    "ip_set_hash_ip": ("ip_set",),
    "ip_tables": X_TABLES,
    "ip6_tables": X_TABLES,
    "nf_conntrack": NAT[2:],
    "nf_nat": CONNTRACK,
    "xt_set": ("ip_set", "x_tables"),
    "nft_chain_nat": ("nf_tables", *NAT),
    "nft_compat": ("nf_tables", "x_tables"),
    "nft_ct": ("nf_tables", *CONNTRACK),
    "xt_REDIRECT": (*NAT, "x_tables"),
    "xt_nat": (*NAT, "x_tables"),
    **dict.fromkeys(("xt_CT", "xt_connmark", "xt_conntrack"), (*CONNTRACK, "x_tables")),
    **dict.fromkeys(("xt_TPROXY", "xt_comment", "xt_mark", "xt_multiport", "xt_owner", "xt_tcpudp"), X_TABLES),
    **dict.fromkeys(("nft_nat", "nft_redir"), ("nf_tables", *NAT)),
    **dict.fromkeys(("nft_counter", "nft_socket", "nft_tproxy"), ("nf_tables",)),
    **dict.fromkeys(("iptable_filter", "iptable_mangle", "iptable_raw"), ("ip_tables", "x_tables")),
    **dict.fromkeys(("ip6table_filter", "ip6table_mangle", "ip6table_raw"), ("ip6_tables", "x_tables")),
    "iptable_nat": ("ip_tables", "x_tables", *NAT),
    "ip6table_nat": ("ip6_tables", "x_tables", *NAT),
}


class RecordedDistribution:
    """A node of a distribution, as files below a directory; no module is loaded on it.

    :param without: packages that are not installed.
    """

    def __init__(self, root, name, without):
        self.root = root
        distribution = DISTRIBUTIONS[name]
        packages = distribution["packages"]
        self.modules = set()
        for package, modules in packages.items():
            if package not in without:
                self.modules.update(modules)
        self.write_system(distribution["kernel"])
        self.write_tree(f"/lib/modules/{distribution['kernel']}", distribution["builtin"])
        has_compat = any("nft_compat" in modules for modules in packages.values())
        config = CONFIG + ("CONFIG_NFT_COMPAT=m\n" if has_compat else "")
        self.write(f"/lib/modules/{distribution['kernel']}/config", config)

    def write_system(self, release):
        self.write("/proc/sys/kernel/osrelease", release)
        self.write("/proc/modules", "")
        self.write("/usr/lib/systemd/systemd-modules-load", "")
        self.write("/usr/lib/systemd/systemd", "")

    def write_tree(self, tree, builtin):
        index = []
        aliases = []
        for module in sorted(self.modules):
            self.write(f"{tree}/kernel/{module}.ko", "\x7fELF")
            index.append(f"kernel/{module}.ko: {self.list_files(DEPENDENCIES.get(module, ()))}\n")
            aliases += [f"alias {request} {module}\n" for request in AUTOLOAD_REQUESTS.get(module, ())]
        self.write(f"{tree}/modules.dep", "".join(index))
        self.write(f"{tree}/modules.dep.bin", "")
        self.write(f"{tree}/modules.builtin", "".join(f"kernel/{module}.ko\n" for module in builtin))
        self.write(f"{tree}/modules.alias", "".join(aliases))

    def list_files(self, modules):
        return " ".join(f"kernel/{module}.ko" for module in modules if module in self.modules)

    def write(self, path, text):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def facts(self):
        facts = gather_facts(Files(str(self.root)), KNOWN_MODULES, "2026-01-01T00:00:00Z", None)
        facts["tools"]["nft"] = {"version": "1.1.3", "path": "/usr/sbin/nft", "json": True}
        return facts

    def prepare(self, **options):
        """Load and list what the plan of the unprepared node says, and return the facts after that."""
        self.write("/proc/modules", "")
        (self.root / BOOT_FILE.lstrip("/")).unlink(missing_ok=True)
        names = [name for name in preparation_plan(self.facts(), **options)["load"] if name in self.modules]
        loaded = set()
        for name in names:
            loaded.update((name, *DEPENDENCIES.get(name, ())))
        self.write("/proc/modules", "".join(f"{name} 1 0 - Live 0x0\n" for name in sorted(loaded & self.modules)))
        self.write(BOOT_FILE, "".join(f"{name}\n" for name in names))
        return self.facts()
