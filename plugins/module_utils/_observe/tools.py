# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own tools that program netfilter: where they are and which version they have."""

import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

DIRECTORIES = (
    "/usr/sbin",
    "/sbin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
    # NixOS, Guix System, and systems with a read-only /usr, such as Flatcar.
    "/run/current-system/sw/bin",
    "/run/current-system/profile/sbin",
    "/run/current-system/profile/bin",
    "/opt/bin",
)
# The links there lead to HASH-NAME-VERSION or HASH-NAME-VERSION-OUTPUT (the manuals of Nix and Guix, "store path").
_STORE_PATH = re.compile(r"/(?:nix|gnu)/store/[^/-]+-([^/]+?)-(\d+(?:\.\d+)*)(?:-[^/]*)?/")

DPKG_STATUS = "/var/lib/dpkg/status"
APK_INSTALLED = "/lib/apk/db/installed"
RPM = "/usr/bin/rpm"
RPM_DATABASES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
RPM_PACKAGES = ["nftables", "iptables-nft", "iptables-legacy", "iptables", "ipset", "kmod"]

LIBRARIES = ("/usr/lib64", "/usr/lib", "/lib")
NFT_LIBRARY = "libnftables.so.1"
# What libnftables links to if it was built with JSON (nftables: configure.ac, --with-json).
JSON_LIBRARY = b"libjansson.so"

# Runs a program; takes its arguments, returns exit code and output.
CommandRunner = Callable[[List[str]], Tuple[int, str]]


class Tool(NamedTuple):
    """How to find the version of a tool.

    :ivar packages: names of the packages that have it; empty if its version does not matter.
    :ivar version_arguments: arguments that make it print its version; None if it is never started.
    :ivar loads: the module that the kernel loads when it is started, or None.
    """

    packages: List[str]
    version_arguments: Optional[List[str]] = None
    loads: Optional[str] = None


# "nft -V" also prints whether it was built with JSON. Measured on Debian 5.10, 6.1, 6.12 and 7.2: even "--version"
# opens a netlink socket, and therefore "ipset" loads ip_set everywhere, "nft" and "iptables" load nfnetlink up to 6.1.
# The variants of iptables are one program under two names: they are looked for and never started.
TOOLS = {
    "ipset": Tool(["ipset"], ["--version"], "ip_set"),
    "iptables": Tool(["iptables", "iptables-nft", "iptables-legacy"], ["--version"], "nfnetlink"),
    "iptables-legacy": Tool(["iptables", "iptables-legacy"]),
    "iptables-nft": Tool(["iptables", "iptables-nft"]),
    "modprobe": Tool(["kmod"], ["--version"]),
    "nft": Tool(["nftables"], ["-V"], "nfnetlink"),
    "nsenter": Tool([]),
}

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)")
_VARIANT = re.compile(r"\((nf_tables|legacy)\)")
_VARIANTS = {"nf_tables": "nft", "legacy": "legacy"}


def observe(
    files: Files, run: Optional[CommandRunner], is_present: Callable[[str], bool]
) -> Dict[str, Optional[Dict[str, Any]]]:
    """Return dict of tool name to its path and version, or to None if the node has no such tool.

    The version is that of the package if a file records it, because reading starts nothing. Otherwise the tool is
    started, unless that would load a module; otherwise rpm is.

    :param run: function that starts a program; None if the tools belong to another system than the running one.
    :param is_present: function that returns whether a module's code is in the running kernel already.
    """
    packages = PackageVersions(files, run)
    result = {}
    for name in sorted(TOOLS):
        path = find_program(files, name)
        result[name] = _observe_tool(files, name, path, packages, is_present) if path else None
    return result


def find_program(files: Files, name: str) -> Optional[str]:
    """Return the path of a program of the host, or None."""
    for directory in DIRECTORIES:
        path = os.path.join(directory, name)
        if files.exists(path):
            return path
    return None


def _observe_tool(
    files: Files, name: str, path: str, packages: "PackageVersions", is_present: Callable[[str], bool]
) -> Dict[str, Any]:
    tool = TOOLS[name]
    program = files.real_path(path)
    facts: Dict[str, Any] = {"path": path, "version": _read_store_version(program, tool.packages)}
    if facts["version"] is None and not path.startswith(("/usr/local/", "/opt/")):
        facts["version"] = packages.read_recorded(tool.packages)
    if name == "nft":
        facts["json"] = _links_json(files, program)
    if name == "iptables":
        facts["variant"] = _find_variant(program)
    if None in facts.values():
        for key, value in _start_tool(name, path, packages.run, is_present).items():
            if facts[key] is None:
                facts[key] = value
    if facts["version"] is None and tool.packages:
        facts["version"] = packages.query_rpm(tool.packages)
    return facts


def _start_tool(
    name: str, path: str, run: Optional[CommandRunner], is_present: Callable[[str], bool]
) -> Dict[str, Any]:
    """Return what a tool prints of itself; nothing if it cannot be started, or if that would load a module."""
    tool = TOOLS[name]
    if run is None or tool.version_arguments is None:
        return {}
    if tool.loads is not None and not is_present(tool.loads):
        return {}
    code, output = run([path] + tool.version_arguments)
    return _parse_output(name, code, output)


def _read_store_version(program: str, packages: List[str]) -> Optional[str]:
    """Return the version in the store path of a program of Nix or Guix, or None."""
    match = _STORE_PATH.match(program)
    return match.group(2) if match and match.group(1) in packages else None


def _links_json(files: Files, program: str) -> Optional[bool]:
    """Return whether the nft library was built with JSON; None if the library is not found.

    :param program: the path of nft, links followed. In a store its library is beside it.
    """
    store = _STORE_PATH.match(program)
    for parent in (store.group() + "lib",) if store else LIBRARIES:
        directories = [parent]
        for name in files.listdir(parent):
            if "-linux-" in name:
                directories.append(f"{parent}/{name}")
        for directory in directories:
            library = files.read_bytes(f"{directory}/{NFT_LIBRARY}")
            if library is not None:
                return JSON_LIBRARY in library
    return None


def _find_variant(program: str) -> Optional[str]:
    """Return "nft" or "legacy" by the program that the name iptables leads to, or None."""
    for variant in ("nft", "legacy"):
        if variant in os.path.basename(program):
            return variant
    return None


def _parse_output(name: str, code: int, output: str) -> Dict[str, Any]:
    match = _VERSION.search(output) if code == 0 or name == "ipset" else None
    facts: Dict[str, Any] = {"version": match.group(1) if match else None}
    if name == "nft":
        json_line = re.search(r"json:\s*(yes|no)", output)
        facts["json"] = json_line.group(1) == "yes" if json_line else None
    if name == "iptables":
        variant = _VARIANT.search(output)
        facts["variant"] = _VARIANTS[variant.group(1)] if variant else None
    return facts


class PackageVersions:
    """Versions of installed packages. Each record is read once, and rpm is started at most once.

    :param run: see :func:`observe`.
    """

    def __init__(self, files: Files, run: Optional[CommandRunner]) -> None:
        self.run = run
        self._files = files
        self._texts: Dict[str, str] = {}
        self._rpm_versions: Optional[Dict[str, str]] = None

    def read_recorded(self, names: List[str]) -> Optional[str]:
        """Return the upstream version of the first of the packages that dpkg or apk recorded in a file, or None."""
        for name in names:
            version = parse_dpkg_status(self._read(DPKG_STATUS), name) or parse_apk_installed(
                self._read(APK_INSTALLED), name
            )
            if version:
                return version
        return None

    def query_rpm(self, names: List[str]) -> Optional[str]:
        """Return the version of the first of the packages that rpm has installed, or None."""
        if self._rpm_versions is None:
            self._rpm_versions = {}
            if self.run and has_rpm(self._files):
                _code, output = self.run([RPM, "-q", "--qf", "%{NAME} %{VERSION}\\n"] + RPM_PACKAGES)
                self._rpm_versions = dict(re.findall(r"^(\S+) (\d\S*)$", output, re.MULTILINE))
        for name in names:
            if name in self._rpm_versions:
                return self._rpm_versions[name]
        return None

    def _read(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = self._files.read(path) or ""
        return self._texts[path]


def has_rpm(files: Files) -> bool:
    """Return whether rpm and its database are installed."""
    return bool(files.exists(RPM)) and any(files.is_dir(path) for path in RPM_DATABASES)


def parse_dpkg_status(status: str, package: str) -> Optional[str]:
    """Return the upstream version of an installed package from the text of dpkg's status file, or None.

    Epoch and Debian revision are removed (deb-version(7)): "1:1.0.6-2+deb12u2" is "1.0.6".
    """
    start = ("\n" + status).find(f"\nPackage: {package}\n")
    if start < 0:
        return None
    stanza = status[start:].split("\n\n", 1)[0]
    if not re.search(r"^Status: \S+ \S+ installed$", stanza, re.MULTILINE):
        return None
    version = re.search(r"^Version: (?:\d+:)?(\d+(?:\.\d+)*)", stanza, re.MULTILINE)
    return version.group(1) if version else None


def parse_apk_installed(installed: str, package: str) -> Optional[str]:
    """Return the upstream version of a package from the text of apk's list of installed packages, or None."""
    version = re.search(rf"^P:{re.escape(package)}\nV:(\d+(?:\.\d+)*)", installed, re.MULTILINE)
    return version.group(1) if version else None
