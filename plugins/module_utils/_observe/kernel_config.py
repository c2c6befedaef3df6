# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options with which a kernel was built."""

import re
from typing import Dict, NamedTuple, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modules_tree

_OPTION = re.compile(r"^CONFIG_(\w+)=(y|m)\s*$", re.MULTILINE)
_PROC_CONFIG = "/proc/config.gz"


class KernelConfig(NamedTuple):
    """The options of a kernel; both values are None if no configuration can be read.

    :ivar options: dict of option name without CONFIG_ to "y" or "m". An option that is not in it is not set.
    :ivar path: the file that they were read from.
    """

    options: Optional[Dict[str, str]]
    path: Optional[str]


def read_kernel_config(files: Files, release: str, running: bool) -> KernelConfig:
    """Return the options of one kernel.

    :param running: whether that kernel runs, and /proc therefore describes it.
    """
    if running:
        text = files.read_gzip(_PROC_CONFIG)
        if text is not None:
            return _parse(text, _PROC_CONFIG)
    # Debian and Ubuntu store it in /boot, Fedora and RHEL (and Debian since 7.2) in the modules tree.
    for path in ("/boot/config-" + release, modules_tree.find_directory(files, release) + "/config"):
        text = files.read(path)
        if text is not None:
            return _parse(text, path)
    return KernelConfig(None, None)


def _parse(text: str, path: str) -> KernelConfig:
    return KernelConfig(dict(_OPTION.findall(text)), path) if text else KernelConfig(None, None)
