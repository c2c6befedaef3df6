# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""The options with which a kernel was built."""

import re

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modules_tree

_OPTION = re.compile(r"^CONFIG_(\w+)=(y|m)\s*$", re.MULTILINE)


def read(files, release, running):
    """Return (options, path): a dict of option name without CONFIG_ to "y" or "m", and the file it came from.

    Both are None where no configuration can be read. An option that is not in the dict is not set.

    :param running: whether that kernel runs, so that /proc speaks of it.
    """
    text = files.read_gzip("/proc/config.gz") if running else None
    path = "/proc/config.gz"
    if text is None:
        # Debian and Ubuntu keep it in /boot, Fedora and RHEL (and Debian since 7.2) beside the modules.
        for path in ("/boot/config-" + release, modules_tree.directory(files, release) + "/config"):
            text = files.read(path)
            if text is not None:
                break
    if not text:
        return None, None
    return dict(_OPTION.findall(text)), path
