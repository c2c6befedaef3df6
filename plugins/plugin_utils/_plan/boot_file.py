# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the way of our boot file, on the node's side and on its owner's. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations import formats
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.modules import BOOT_FILE, our_block
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.steps import Consent, Step

SERVICE = "systemd-modules-load.service"
# Only what is masked in there can be unmasked (systemctl(1)).
_UNMASKED_IN = "/etc/systemd/system/"


def obstacle(
    facts: Mapping[str, Any], kinds: set[str], consent: Consent, persist: Collection[str] | None
) -> str | None:
    """Return why what the role would write cannot be written; where it would write nothing, nothing is in the way.

    :param kinds: those of the role's steps.
    :param persist: what our block is to hold, None where the role leaves the boot file alone.
    """
    listing = "modules" in kinds and persist is not None
    writing = listing and list(persist or ()) != our_block(facts)
    # What loads at boot for the policy's sake is listed whatever persist says (_remediation_selinux.always).
    spared = consent.persist and consent.selinux != "policy"
    otherwise = ", or set istio_node_persist: false" if spared else ""
    only_now = "; with istio_node_persist: false the modules are only loaded now" if spared else ""
    if listing and (broken := _broken(facts)):
        return broken + otherwise
    managed = formats.managed(facts)
    if managed and (writing or kinds - {"modules"}):
        return f"{managed}. Nothing is written{only_now if kinds == {'modules'} else ''}"
    if writing and (facts.get("platform") or {}).get("systemd") is False:
        return f"{formats.NO_SYSTEMD}. Nothing is written{only_now}"
    hidden = (facts.get("managed") or {}).get("shadowed_file")
    if writing and persist and hidden:
        told = f"{BOOT_FILE} would hide {hidden}, which has the same name, and what that loads at boot"
        return f"{told}: copy it to {BOOT_FILE} first, where every line stays{otherwise}"
    return None


def _broken(facts: Mapping[str, Any]) -> str | None:
    ours = facts.get("managed") or {}
    if ours.get("masked"):
        return f"{BOOT_FILE} is a link to /dev/null: somebody has switched it off. Remove the link"
    if "boot_file" in ours and ours["boot_file"] is None:
        return f"{BOOT_FILE}: the marks of the nodeprep.istio block are not one pair; remove them and run again"
    return None


def unmask_step(facts: Mapping[str, Any], modules: Collection[str], persist: Collection[str]) -> Step | None:
    """Return what the owner is to do where modules are listed for the boot and nothing reads the lists, or None."""
    management = facts.get("platform") or {}
    listed = {*persist, *(name for names in facts["boot_files"].values() for name in names)}
    idle = [name for name in modules if name in listed]
    if management.get("boot_files_read") is not False or not idle:
        return None
    mask = str(management.get("boot_files_mask") or "")
    why = f"it is switched off ({mask}), so that nothing that is listed is loaded at boot: {', '.join(idle)}"
    if not mask.startswith("/"):
        return Step(
            "conflict",
            "take systemd.mask= of systemd-modules-load off the kernel command line",
            why,
            "owner",
            "/proc/cmdline",
            reboot=True,
        )
    if not mask.startswith(_UNMASKED_IN):
        return Step("conflict", f"bring {SERVICE} back: {mask} is empty or a link to /dev/null", why, "owner", mask)
    return Step("conflict", f"switch {SERVICE} on again", why, "owner", mask, ("systemctl", "unmask", SERVICE))
