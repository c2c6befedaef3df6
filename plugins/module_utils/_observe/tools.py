# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The host's own netfilter tools: where they are and which version they have."""

import os
import re

from ansible_collections.nodeprep.istio.plugins.module_utils._observe.packages import Packages

DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin")

# Tool, the arguments that make it print its version ("nft -V" also tells whether it was built with JSON), the module
# that starting it makes the kernel load, and the packages that it comes with. Measured on Debian 5.10, 6.1, 6.12 and
# 7.2: even "--version" opens a netlink socket, so that "ipset" loads ip_set everywhere, "nft" and "iptables" nfnetlink
# up to 6.1. The variants of iptables are one program under two names: they are looked for and never started.
TOOLS = {
    "ipset": (["--version"], "ip_set", ["ipset"]),
    "iptables": (["--version"], "nfnetlink", ["iptables", "iptables-nft", "iptables-legacy"]),
    "iptables-legacy": (None, None, ["iptables", "iptables-legacy"]),
    "iptables-nft": (None, None, ["iptables", "iptables-nft"]),
    "modprobe": (["--version"], None, ["kmod"]),
    "nft": (["-V"], "nfnetlink", ["nftables"]),
}

LIBRARIES = ("/usr/lib64", "/usr/lib", "/lib")
NFT_LIBRARY = "libnftables.so.1"
# What libnftables links to where it was built with JSON (nftables: configure.ac, --with-json).
JSON_LIBRARY = b"libjansson.so"

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)")
_VARIANT = re.compile(r"\((nf_tables|legacy)\)")


def observe(files, run, is_there):
    """Return dict of tool name to its path and version, or None where the node has no such tool.

    The version is that of the package's record where there is one in a file, since that starts nothing; else the tool
    is asked, unless its start would load a module; else rpm is.

    :param run: function that takes a list of arguments and returns (exit code, output); None where the tools
        belong to another system than the running one, so that they cannot be started.
    :param is_there: function that tells whether a module's code is in the running kernel already.
    """
    packages = Packages(files, run)
    return {name: _observe_one(files, run, is_there, packages, name) for name in sorted(TOOLS)}


def _observe_one(files, run, is_there, packages, name):
    arguments, module, sources = TOOLS[name]
    path = next((path for path in (os.path.join(d, name) for d in DIRECTORIES) if files.exists(path)), None)
    if path is None:
        return None
    facts = {"path": path, "version": None}
    if not path.startswith("/usr/local/"):
        facts["version"] = next(filter(None, map(packages.on_file, sources)), None)
    if name == "nft":
        facts["json"] = _links_json(files)
    if name == "iptables":
        facts["variant"] = _variant(files, path)
    if None in facts.values() and arguments and run and (module is None or is_there(module)):
        said = _parse(name, *run([path] + arguments))
        facts.update({key: said[key] for key in facts if facts[key] is None and key in said})
    if facts["version"] is None:
        facts["version"] = packages.by_rpm(sources)
    return facts


def _links_json(files):
    """Whether the nft library was built with JSON; None where the library is not found."""
    for parent in LIBRARIES:
        for directory in [parent] + [
            "{0}/{1}".format(parent, name) for name in files.listdir(parent) if "-linux-" in name
        ]:
            library = files.read_bytes("{0}/{1}".format(directory, NFT_LIBRARY))
            if library is not None:
                return JSON_LIBRARY in library
    return None


def _variant(files, path):
    """Return "nft" or "legacy" by the program that the name iptables leads to, or None."""
    program = os.path.basename(os.path.realpath(files.real(path)))
    return next((variant for variant in ("nft", "legacy") if variant in program), None)


def _parse(name, code, output):
    match = _VERSION.search(output) if code == 0 or name == "ipset" else None
    facts = {"version": match.group(1) if match else None}
    if name == "nft":
        json_line = re.search(r"json:\s*(yes|no)", output)
        facts["json"] = json_line.group(1) == "yes" if json_line else None
    if name == "iptables":
        variant = _VARIANT.search(output)
        facts["variant"] = {"nf_tables": "nft", "legacy": "legacy"}[variant.group(1)] if variant else None
    return facts
