# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small ELF objects that depmod indexes and modprobe resolves like real kernel modules."""

import gzip
import lzma
import os
import re
import struct
import subprocess

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS, KNOWN_MODULES

RELEASE = "6.1.0-test"
SBIN = "/usr/sbin:/sbin"
SIGNATURE = b"~Module signature appended~\n"

NETFILTER = "kernel/net/netfilter"
# A part of a Debian kernel: name, folder, dependencies, aliases.
STANDARD = {
    "x_tables": (NETFILTER, [], []),
    "nf_defrag_ipv4": ("kernel/net/ipv4/netfilter", [], []),
    "nf_conntrack": (NETFILTER, ["nf_defrag_ipv4"], ["nf_conntrack-2", "ip_conntrack"]),
    "nf_nat": (NETFILTER, ["nf_conntrack"], []),
    "nf_nat_ftp": (NETFILTER, ["nf_nat"], ["ip_nat_ftp"]),
    "ip_tables": ("kernel/net/ipv4/netfilter", ["x_tables"], ["ipt_icmp"]),
    "iptable_nat": ("kernel/net/ipv4/netfilter", ["ip_tables", "nf_nat"], []),
    "xt_REDIRECT": (NETFILTER, ["nf_nat", "x_tables"], ["ipt_REDIRECT", "ip6t_REDIRECT"]),
    "xt_mark": (NETFILTER, ["x_tables"], ["ipt_mark", "ipt_MARK", "ip6t_mark", "ip6t_MARK"]),
    "xt_owner": (NETFILTER, ["x_tables"], ["ipt_owner", "ip6t_owner"]),
    "xt_TCPMSS": (NETFILTER, ["x_tables"], ["ipt_TCPMSS"]),
    "xt_tcpmss": (NETFILTER, ["x_tables"], ["ipt_tcpmss"]),
    "nf_tables": (NETFILTER, [], ["nfnetlink-subsys-10"]),
    "nft_ct": (NETFILTER, ["nf_tables", "nf_conntrack"], ["nft-expr-ct"]),
    "ip_set": (NETFILTER + "/ipset", [], ["nfnetlink-subsys-6"]),
    "ip_set_hash_ip": (NETFILTER + "/ipset", ["ip_set"], ["ip_set_hash:ip"]),
    "bridge": ("kernel/net/bridge", [], ["rtnl-link-bridge"]),
    "br_netfilter": ("kernel/net/bridge", ["bridge"], []),
}


CONNTRACK = ["nf_conntrack", "nf_defrag_ipv4", "nf_defrag_ipv6"]
NEEDS_CONNTRACK = ("xt_CT", "xt_conntrack", "xt_connmark", "xt_nat", "xt_REDIRECT")


def build_catalogue():
    """Return all modules of the catalogue in the form of STANDARD, with the dependencies that they have on Debian."""
    modules = {}
    for name in KNOWN_MODULES:
        aliases = [request for request in AUTOLOAD_REQUESTS.get(name, ()) if request != name]
        modules[name] = (NETFILTER, [needed for needed in list_dependencies(name) if needed != name], aliases)
    return modules


def list_dependencies(name):
    if name.startswith("nft_"):
        return ["nf_tables", "nf_nat", *CONNTRACK]
    if name.startswith(("iptable_", "ip6table_")):
        tables = [name.split("table_")[0] + "_tables", "x_tables"]
        return [*tables, "nf_nat", *CONNTRACK] if name.endswith("nat") else tables
    if name.startswith("xt_") or name in ("ip_tables", "ip6_tables"):
        return ["x_tables", *CONNTRACK] if name in NEEDS_CONNTRACK else ["x_tables"]
    return {"nf_conntrack": CONNTRACK[1:], "nf_nat": CONNTRACK}.get(name, [])


def build_module(name, needs=(), aliases=(), vermagic=RELEASE + " SMP preempt mod_unload modversions "):
    """Return the bytes of a module that exports one symbol and needs the symbols of its dependencies."""
    info = ["alias=" + alias for alias in aliases] + [
        "depends=" + ",".join(needs),
        "name=" + name,
        "vermagic=" + vermagic,
    ]
    symbols, strings = bytes(24), b"\0"
    for needed in needs:
        symbols += struct.pack("<IBBHQQ", len(strings), 0x10, 0, 0, 0, 0)
        strings += b"symbol_of_" + needed.encode() + b"\0"
    parts = [
        (".modinfo", 1, b"\0" + b"".join(entry.encode() + b"\0" for entry in info), 0, 0),
        ("__ksymtab_strings", 1, b"symbol_of_" + name.encode() + b"\0", 0, 0),
        (".symtab", 2, symbols, 4, 24),
        (".strtab", 3, strings, 0, 0),
    ]
    names = b"\0" + b"".join(part[0].encode() + b"\0" for part in parts) + b".shstrtab\0"
    parts.append((".shstrtab", 3, names, 0, 0))
    body, headers = b"", bytes(64)
    for title, kind, content, link, size in parts:
        body += bytes(-len(body) % 8)
        headers += struct.pack(
            "<IIQQQQIIQQ",
            names.index(title.encode() + b"\0"),
            kind,
            0,
            0,
            64 + len(body),
            len(content),
            link,
            1,
            8,
            size,
        )
        body += content
    body += bytes(-len(body) % 8)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, len(parts) + 1, len(parts)
    )
    return header + body + headers


def pack(content, suffix):
    """Return the content of a module's file, compressed as its suffix says."""
    # Python has no zstd, but a frame with one raw block is valid (RFC 8878, 3.1.1).
    zstd = (
        b"\x28\xb5\x2f\xfd\xa0"
        + struct.pack("<I", len(content))
        + struct.pack("<I", len(content) << 3 | 1)[:3]
        + content
    )
    return {"": content, ".gz": gzip.compress(content), ".xz": lzma.compress(content), ".zst": zstd}[suffix]


def run_tool(arguments):
    """Run a tool of kmod and return (exit code, output, errors). On a machine without kmod the test fails."""
    environment = dict(os.environ, PATH=os.environ["PATH"] + ":" + SBIN, LC_ALL="C")
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, env=environment, check=False
    )
    return done.returncode, done.stdout, done.stderr


def get_indexed_suffix(suffix):
    """Return the suffix of a file when depmod runs: Debian's is built without gzip, so such files are packed later."""
    return "" if suffix == ".gz" else suffix


def index_tree(root, release=RELEASE, suffix=""):
    code, _out, errors = run_tool(["depmod", "-b", str(root), release])
    assert code == 0, errors
    if suffix != get_indexed_suffix(suffix):
        tree = root / "lib/modules" / release
        for path in list(tree.glob("kernel/**/*.ko")):
            (path.parent / (path.name + suffix)).write_bytes(pack(path.read_bytes(), suffix))
            path.unlink()
        listed = tree / "modules.dep"
        listed.write_text(re.sub(r"\.ko\b", ".ko" + suffix, listed.read_text()))
