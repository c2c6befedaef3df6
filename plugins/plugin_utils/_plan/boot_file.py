# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot file: why the role must not write it, and what its owner does if nothing reads it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, MODULES_LOAD_UNIT
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.write_blocks import (
    CONTAINER_BLOCK,
    PERSISTENCE_BLOCKS,
    write_block_reason,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import ModulePlan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Step, StepKind

# systemctl(1): only units that are masked in this directory can be unmasked.
UNMASKABLE_IN = "/etc/systemd/system/"
# What starts a service at boot, by the init system.
ENABLE_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "openrc": ("rc-update", "add", "{service}", "{runlevel}"),
    "runit": ("update-rc.d", "{service}", "defaults"),
    "sysvinit": ("update-rc.d", "{service}", "defaults"),
}
BROKEN_BLOCK = f"{BOOT_FILE}: unbalanced BEGIN/END markers; remove them and run again"


def find_write_refusal(facts: Facts, kinds: Collection[StepKind], modules: ModulePlan, consent: Consent) -> str | None:
    """Return why the role cannot write the files of its steps; None if it can, or if it writes nothing.

    :param kinds: those of the role's steps.
    """
    owns_boot_file = "modules" in kinds and modules.writes_boot_file
    writes_boot_file = owns_boot_file and modules.block_changes
    # With the SELinux policy some modules are listed in any case; see selinux.list_always_loaded().
    can_skip_boot_file = consent.persist and consent.selinux != "policy"
    alternative = ", or set istio_node_persist: false" if can_skip_boot_file else ""
    only_load = f"{alternative} to only load the modules" if alternative else ""

    unusable = _describe_unusable(facts)
    if owns_boot_file and unusable:
        return unusable + alternative
    block = write_block_reason(facts)
    if block and (writes_boot_file or set(kinds) - {"modules"}):
        is_container = block == CONTAINER_BLOCK
        remedy = "prepare its host" if is_container else "declare the changes in the system's configuration"
        if set(kinds) == {"modules"}:
            remedy += only_load
        return f"nothing is written to this node: {block}; {remedy}"
    useless = describe_useless_file(facts)
    if writes_boot_file and useless:
        return f"{BOOT_FILE} is not written: {useless}{only_load}"
    shadowed = facts.managed.shadowed_file
    if writes_boot_file and modules.persist and shadowed:
        return (
            f"{BOOT_FILE}: would hide {shadowed}, which has the same name and lists modules; "
            f"copy {shadowed} to {BOOT_FILE} first; the role keeps its lines{alternative}"
        )
    return None


def _describe_unusable(facts: Facts) -> str | None:
    if facts.managed.masked:
        return f"{BOOT_FILE}: masked by a link to /dev/null; remove the link"
    if facts.managed.boot_file is None:
        return BROKEN_BLOCK
    return None


def describe_useless_file(facts: Facts) -> str | None:
    """Return why the boot file would have no effect on this node though the role may write it, or None.

    With systemd there is always a program that reads it; see make_unmask_step().
    """
    if write_block_reason(facts):
        return None
    if facts.platform.etc in PERSISTENCE_BLOCKS:
        return PERSISTENCE_BLOCKS[facts.platform.etc]
    if facts.platform.systemd is False and not facts.platform.boot_files_read:
        init = facts.platform.init or "the init system"
        script = facts.platform.boot_files_mask
        if script:
            return f"{script} would read {BOOT_FILE}, but no runlevel of {init} starts it"
        if facts.platform.boot_files_read is False:
            return f"no script that {init} starts reads {BOOT_FILE}"
        return f"whether {init} reads {BOOT_FILE} cannot be determined"
    return None


def make_declare_step(facts: Facts, names: Sequence[str], declaration: Declaration | None) -> Step | None:
    """Return what the owner does to load modules at boot that the role does not list; None if there are none.

    :param names: the modules.
    """
    reason = describe_useless_file(facts)
    if not names or reason is None:
        return None
    why = f"{reason}; these modules are loaded now and not after a reboot: {', '.join(names)}"
    what = "have the init system load the modules at each boot"
    command: tuple[str, ...] = ()
    script = facts.platform.boot_files_mask
    if declaration is not None:
        what = f"declare the modules in the system's configuration ({declaration.kind})"
    elif script and facts.platform.etc not in PERSISTENCE_BLOCKS:
        service = script.rpartition("/")[2]
        what = f"enable {script} and run again; the role then lists the modules"
        template = ENABLE_COMMANDS.get(facts.platform.init or "", ())
        # Debian's OpenRC does not start the runlevel boot.
        runlevel = "sysinit" if service == "kmod" else "boot"
        command = tuple(word.format(service=service, runlevel=runlevel) for word in template)
    return Step("declare", what, why, "owner", script or BOOT_FILE, command=command)


def make_unmask_step(facts: Facts, modules: ModulePlan) -> Step | None:
    """Return what the owner does if nothing reads the boot files that list modules, or None."""
    listed = set(modules.persist)
    for names in facts.boot_files.values():
        listed.update(names)
    idle = [name for name in modules.modules if name in listed]
    if not modules.writes_boot_file or facts.platform.boot_files_read is not False or not idle:
        return None
    if facts.platform.systemd is False:
        return None  # see make_declare_step()
    mask = facts.platform.boot_files_mask or ""
    why = f"it is masked ({mask}), so these modules are listed but not loaded at boot: {', '.join(idle)}"
    if not mask.startswith("/"):
        what = "remove systemd.mask= of systemd-modules-load from the kernel command line"
        return Step("conflict", what, why, "owner", COMMAND_LINE, reboot=True)
    if not mask.startswith(UNMASKABLE_IN):
        what = f"restore {MODULES_LOAD_UNIT}: {mask} is empty or a link to /dev/null"
        return Step("conflict", what, why, "owner", mask)
    command = ("systemctl", "unmask", MODULES_LOAD_UNIT)
    return Step("conflict", f"unmask {MODULES_LOAD_UNIT}", why, "owner", mask, command=command)
