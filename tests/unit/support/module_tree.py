# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules made by hand: small ELF objects that depmod indexes and modprobe resolves like real ones."""

import gzip
import lzma
import os
import re
import struct
import subprocess

RELEASE = "6.1.0-test"
SBIN = "/usr/sbin:/sbin"
SIGNATURE = b"~Module signature appended~\n"

# Name, folder, what it needs and the aliases it answers to: a piece of a Debian kernel.
NETFILTER = "kernel/net/netfilter"
STANDARD = {
    "x_tables": (NETFILTER, [], []),
    "nf_defrag_ipv4": ("kernel/net/ipv4/netfilter", [], []),
    "nf_conntrack": (NETFILTER, ["nf_defrag_ipv4"], ["nf_conntrack-2", "ip_conntrack"]),
    "nf_nat": (NETFILTER, ["nf_conntrack"], []),
    "nf_nat_ftp": (NETFILTER, ["nf_nat"], ["ip_nat_ftp"]),
    "ip_tables": ("kernel/net/ipv4/netfilter", ["x_tables"], ["ipt_icmp"]),
    "iptable_nat": ("kernel/net/ipv4/netfilter", ["ip_tables", "nf_nat"], []),
    "xt_REDIRECT": (NETFILTER, ["nf_nat", "x_tables"], ["ipt_REDIRECT", "ip6t_REDIRECT"]),
    "xt_mark": (NETFILTER, ["x_tables"], ["ipt_mark", "ipt_MARK", "ip6t_mark"]),
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


def module(name, needs=(), aliases=(), vermagic=RELEASE + " SMP preempt mod_unload modversions "):
    """Return the bytes of a module that exports one symbol and needs those of other modules."""
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


def packed(content, suffix):
    """Return a module's file as a kernel build with this compression leaves it."""
    # Python has no zstd: a frame of one raw block is one all the same (RFC 8878, 3.1.1).
    zstd = (
        b"\x28\xb5\x2f\xfd\xa0"
        + struct.pack("<I", len(content))
        + struct.pack("<I", len(content) << 3 | 1)[:3]
        + content
    )
    return {"": content, ".gz": gzip.compress(content), ".xz": lzma.compress(content), ".zst": zstd}[suffix]


def run(arguments):
    """Run a tool of kmod and return (exit code, output, errors). A machine without kmod fails the test, loudly."""
    environment = dict(os.environ, PATH=os.environ["PATH"] + ":" + SBIN, LC_ALL="C")
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, env=environment, check=False
    )
    return done.returncode, done.stdout, done.stderr


def indexed_as(suffix):
    """Return the suffix under which depmod sees a file: Debian's is built without gzip, so those are packed afterwards."""
    return "" if suffix == ".gz" else suffix


def index(root, release=RELEASE, suffix=""):
    code, _out, errors = run(["depmod", "-b", str(root), release])
    assert code == 0, errors
    if suffix != indexed_as(suffix):
        tree = root / "lib/modules" / release
        for path in list(tree.glob("kernel/**/*.ko")):
            (path.parent / (path.name + suffix)).write_bytes(packed(path.read_bytes(), suffix))
            path.unlink()
        listed = tree / "modules.dep"
        listed.write_text(re.sub(r"\.ko\b", ".ko" + suffix, listed.read_text()))
