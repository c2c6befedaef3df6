# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The host's own netfilter tools: where they are and which version they say they are."""

import os
import re

DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin")

# Tool, the arguments that make it print its version ("nft -V" also tells whether it was built with JSON), the module
# that starting it makes the kernel load, and its Debian package. Measured on Debian 5.10, 6.1, 6.12 and 7.2: even
# "--version" opens a netlink socket, so that "ipset" loads ip_set everywhere, "nft" and "iptables" nfnetlink up to 6.1.
TOOLS = {
    "ipset": (["--version"], "ip_set", "ipset"),
    "iptables": (["--version"], "nfnetlink", "iptables"),
    "modprobe": (["--version"], None, "kmod"),
    "nft": (["-V"], "nfnetlink", "nftables"),
}

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)")
_VARIANT = re.compile(r"\((nf_tables|legacy)\)")


def observe(files, run, is_there):
    """Return dict of tool name to its path and version, or None where the node has no such tool.

    A tool whose start would load a module is not started: its version then is that of its Debian package, else None.

    :param run: function that takes a list of arguments and returns (exit code, output); None where the tools
        belong to another system than the running one, so that they cannot be started.
    :param is_there: function that tells whether a module's code is in the running kernel already.
    """
    return {name: _observe_one(files, run, is_there, name) for name in sorted(TOOLS)}


def _observe_one(files, run, is_there, name):
    arguments, module, package = TOOLS[name]
    path = next((path for path in (os.path.join(d, name) for d in DIRECTORIES) if files.exists(path)), None)
    if path is None:
        return None
    if run and (module is None or is_there(module)):
        return dict(_parse(name, *run([path] + arguments)), path=path)
    return {"path": path, "version": package_version(files.read("/var/lib/dpkg/status") or "", package)}


def package_version(status, package):
    """Return the upstream version of an installed package from the text of dpkg's status file, or None.

    Epoch and Debian revision are cut off (deb-version(7)): "1:1.0.6-2+deb12u2" is "1.0.6".
    """
    start = ("\n" + status).find("\nPackage: {0}\n".format(package))
    stanza = status[start:].split("\n\n", 1)[0] if start >= 0 else ""
    version = re.search(r"^Version: (?:\d+:)?(\d+(?:\.\d+)*)", stanza, re.MULTILINE)
    installed = re.search(r"^Status: \S+ \S+ installed$", stanza, re.MULTILINE)
    return version.group(1) if version and installed else None


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
