# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl.d(5): settings of the boot that keep the kernel from loading modules on demand.

systemd-sysctl.service starts after systemd-modules-load.service, so the modules of the boot list are loaded before.
Without systemd, the last file that is read is /etc/sysctl.conf: OpenRC (init.d/sysctl.in), procps (sysctl(8), --system,
which sysvinit runs) and Void (core-services/08-sysctl.sh). systemd does not read it.
"""

from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._boot.init_system import find_init
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files, find_conf_files, is_volatile
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import (
    is_dummy_program,
    is_program,
    list_cmdline_values,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, Cause, Code

# systemd: src/basic/constants.h, CONF_PATHS; /lib for systems without merged /usr.
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
PERSISTENT_DIRECTORIES = tuple(directory for directory in DIRECTORIES if not is_volatile(directory))
ETC_SYSCTL = "/etc/sysctl.conf"
MODULES_DISABLED = "kernel/modules_disabled"
MODPROBE_HELPER = "kernel/modprobe"
# A reason quotes this many characters of the path.
_MAX_HELPER_CHARS = 100
_DOTS_AND_SLASHES = str.maketrans("./", "/.")


class Setting(NamedTuple):
    """The value of a kernel setting, and the place that sets it."""

    value: str
    where: str


def parse_settings(text: str) -> Iterator[Tuple[int, str, str]]:
    """Yield (line number, key with slashes, value) of one file.

    A dash before the key only means that errors are ignored (sysctl.d(5)).
    """
    for number, line in enumerate(text.split("\n"), 1):
        key, equals, value = line.strip().partition("=")
        key = key.strip().lstrip("-")
        if not equals or not key or key[0] in "#;":
            continue
        # The first separator decides which of the two the key uses.
        separators = [character for character in key if character in "./"]
        if separators[:1] == ["."]:
            key = key.translate(_DOTS_AND_SLASHES)
        yield number, key, value.strip()


def _find_on_command_line(cmdline: str, key: str) -> Optional[str]:
    """Return the value that the kernel sets itself before it starts any program, or None.

    Source: fs/proc/proc_sysctl.c: do_sysctl_args().
    """
    values: List[str] = []
    for form in (key, key.replace("/", ".")):
        values += list_cmdline_values(cmdline, "sysctl." + form)
    return values[-1] if values else None


def cmdline_disables_modules(cmdline: str) -> bool:
    """Return whether the kernel command line disables module loading, even before the boot list is read."""
    return _find_on_command_line(cmdline, MODULES_DISABLED) == "1"


def find_autoload_denial(files: Files, cmdline: str) -> Optional[Cause]:
    """Return the cause if the kernel loads nothing on demand once the node has booted, or None.

    Its code is Code.UNREADABLE if that cannot be determined.
    """
    paths = find_conf_files(files, PERSISTENT_DIRECTORIES).paths
    if find_init(files) in ("openrc", "runit", "sysvinit"):
        paths = [*paths, ETC_SYSCTL]
    settings = _read_settings(files, cmdline, paths)
    disabled = settings.get(MODULES_DISABLED)
    if disabled and disabled.value == "1":
        return Cause(Code.AUTOLOAD_DISABLED_AT_BOOT, "kernel.modules_disabled=1", disabled.where)
    helper = settings.get(MODPROBE_HELPER)
    if helper and is_dummy_program(files, helper.value):
        return Cause(Code.AUTOLOAD_DISABLED_AT_BOOT, f"kernel.modprobe={helper.value} loads nothing", helper.where)
    if helper and is_program(files, helper.value) is False:
        text = f"kernel.modprobe={helper.value[:_MAX_HELPER_CHARS]} is not a program that the kernel can start"
        return Cause(Code.AUTOLOAD_DISABLED_AT_BOOT, text, helper.where)
    for path in PERSISTENT_DIRECTORIES + tuple(paths):
        if path in files.unreadable:
            return Cause(Code.UNREADABLE, "a file of sysctl.d that may disable module loading is unreadable", path)
    return None


def _read_settings(files: Files, cmdline: str, paths: List[str]) -> Dict[str, Setting]:
    """Return dict of key to the setting that counts at boot, the last one."""
    settings: Dict[str, Setting] = {}
    helper = _find_on_command_line(cmdline, MODPROBE_HELPER)
    if helper is not None:
        settings[MODPROBE_HELPER] = Setting(helper, COMMAND_LINE)
    for path in paths:
        for number, key, value in parse_settings(files.read(path) or ""):
            if key in (MODULES_DISABLED, MODPROBE_HELPER):
                settings[key] = Setting(value, f"{path}:{number}")
    return settings
