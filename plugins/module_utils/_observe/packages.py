# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Versions of installed packages, from the package manager's own records."""

import re

DPKG = "/var/lib/dpkg/status"
APK = "/lib/apk/db/installed"
RPM_DATABASES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
RPM = "/usr/bin/rpm"
RPM_PACKAGES = ["nftables", "iptables-nft", "iptables-legacy", "iptables", "ipset", "kmod"]


class Packages:
    """The packages of the node behind I(files); each record is read once, and rpm started once at most.

    :param run: see :func:`_tools.observe`.
    """

    def __init__(self, files, run):
        self._files = files
        self._run = run
        self._texts = {}
        self._rpm = None

    def on_file(self, name):
        """Return the upstream version of a package as dpkg or apk recorded it in a file, or None."""
        return dpkg_version(self._text(DPKG), name) or apk_version(self._text(APK), name)

    def by_rpm(self, names):
        """Return the version of the first of the packages that rpm has installed, or None."""
        if self._rpm is None:
            self._rpm = {}
            if self._run and self._files.exists(RPM) and any(self._files.is_dir(path) for path in RPM_DATABASES):
                _code, output = self._run([RPM, "-q", "--qf", "%{NAME} %{VERSION}\\n"] + RPM_PACKAGES)
                self._rpm = dict(re.findall(r"^(\S+) (\d\S*)$", output, re.MULTILINE))
        return next((self._rpm[name] for name in names if name in self._rpm), None)

    def _text(self, path):
        if path not in self._texts:
            self._texts[path] = self._files.read(path) or ""
        return self._texts[path]


def dpkg_version(status, package):
    """Return the upstream version of an installed package from the text of dpkg's status file, or None.

    Epoch and Debian revision are cut off (deb-version(7)): "1:1.0.6-2+deb12u2" is "1.0.6".
    """
    start = ("\n" + status).find("\nPackage: {0}\n".format(package))
    stanza = status[start:].split("\n\n", 1)[0] if start >= 0 else ""
    version = re.search(r"^Version: (?:\d+:)?(\d+(?:\.\d+)*)", stanza, re.MULTILINE)
    installed = re.search(r"^Status: \S+ \S+ installed$", stanza, re.MULTILINE)
    return version.group(1) if version and installed else None


def apk_version(installed, package):
    """Return the upstream version of a package from the text of apk's list of installed packages, or None."""
    version = re.search(r"^P:{0}\nV:(\d+(?:\.\d+)*)".format(re.escape(package)), installed, re.MULTILINE)
    return version.group(1) if version else None
