# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration format is, and parts of texts that several formats share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import is_container

# --all and --use-blacklist of kmod, tools/modprobe.c. BusyBox, modutils/modprobe.c, has them only as -a and -b.
# A blacklisted name is not loaded, as by systemd-modules-load.
MODPROBE = ("modprobe", "-a", "-b")
MODPROBE_COMMAND = f"{' '.join(MODPROBE)} {{names}}"
# kubernetes/kubectl, pkg/cmd/debug/profiles.go, sysadminProfile.Apply, since 1.30: the container is privileged, and the
# root of the node is its /host. generateNodeDebugPod does not set stdinOnce, so a command never sees the end of its
# standard input: the command must not read a file from there.
POD = "kubectl debug node/NODE --stdin --tty --profile=sysadmin --image=busybox -- chroot /host"
POD_COMMAND = f"{POD} {MODPROBE_COMMAND}"


@dataclass(frozen=True)
class DeclarationFormat:
    """A way to declare modules.

    ``key`` is its name in options, ``title`` the name that texts show, ``render`` returns the text for a list of
    modules. ``load`` is the command that loads the modules now, with {names} for the modules and {file} for the file
    with the text; NODE stands for the name of a node. ``load_argument`` is what {names} has for each module.

    It is the format of the systems with one of these ``ids``, ID of os-release(5), of those with one of ``names`` in
    their PRETTY_NAME, and of those with one of ``platforms``: values of platform.etc, or "container". Without any of
    them, it is used only if the owner chooses it. ``is_file`` is whether it replaces the whole boot file.

    Comments of the text begin with ``comment``; the format has none if that is empty. They follow ``first_line``.
    ``suffix`` is that of a file with the text.
    """

    key: str
    title: str
    render: Callable[[Sequence[str]], str]
    load: str
    suffix: str
    load_argument: str = "{name}"
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    is_file: bool = False
    comment: str = "# "
    first_line: str = ""

    @property
    def file(self) -> str:
        """The name of a file with the text."""
        return f"istio-modules-{self.key}{self.suffix}"

    def fits(self, facts: Facts) -> bool:
        """Return whether the node is one of the systems that the format is for."""
        if not (self.ids or self.names or self.platforms):
            return False
        system = facts.os.name or ""
        is_system = facts.os.id in self.ids or any(name in system for name in self.names)
        if (self.ids or self.names) and not is_system:
            return False
        kind = "container" if is_container(facts.platform) else facts.platform.etc
        return not self.platforms or kind in self.platforms


def list_lines(names: Sequence[str], indent: int = 0) -> str:
    """Return one line for each module, as the boot file has them."""
    return "".join(f"{' ' * indent}{name}\n" for name in names)
