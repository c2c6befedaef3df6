# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The host's own netfilter tools: where they are and which version they say they are."""

import os
import re

DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin")

# Tool and the arguments that make it print its version; "nft -V" also tells whether it was built with JSON.
VERSION_ARGUMENTS = {"nft": ["-V"], "iptables": ["--version"], "ipset": ["--version"], "modprobe": ["--version"]}

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)")
_VARIANT = re.compile(r"\((nf_tables|legacy)\)")


def observe(files, run):
    """Return dict of tool name to its path and version, or None where the node has no such tool.

    :param run: function that takes a list of arguments and returns (exit code, output); None where the tools
        belong to another system than the running one, so that they cannot be started.
    """
    tools = {}
    for name, arguments in sorted(VERSION_ARGUMENTS.items()):
        path = next((path for path in (os.path.join(d, name) for d in DIRECTORIES) if files.exists(path)), None)
        tools[name] = None if path is None else dict(_parse(name, *run([path] + arguments)) if run else {"version": None}, path=path)
    return tools


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
