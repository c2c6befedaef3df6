# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot file: why the role must not write it, and what its owner does if nothing reads it. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, MODULES_LOAD_UNIT
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import write_block_reason
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import ModulePlan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Step, StepKind

# systemctl(1): only units that are masked in this directory can be unmasked.
UNMASKABLE_IN = "/etc/systemd/system/"
NO_SYSTEMD = (
    "systemd does not run on this node, and nothing else reads /etc/modules-load.d; "
    "list the modules in a file that the init system reads, for example /etc/modules"
)
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
        remedy = "declare the changes in the system's configuration"
        if set(kinds) == {"modules"}:
            remedy += only_load
        return f"nothing is written to this node: {block}; {remedy}"
    if writes_boot_file and facts.platform.systemd is False:
        return f"{BOOT_FILE} is not written: {NO_SYSTEMD}{only_load}"
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


def make_unmask_step(facts: Facts, modules: ModulePlan) -> Step | None:
    """Return what the owner does if nothing reads the boot files that list modules, or None."""
    listed = set(modules.persist)
    for names in facts.boot_files.values():
        listed.update(names)
    idle = [name for name in modules.modules if name in listed]
    if not modules.writes_boot_file or facts.platform.boot_files_read is not False or not idle:
        return None
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
