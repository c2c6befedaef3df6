# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration formats: what the owner declares on systems to which Ansible must not write. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations import (
    bottlerocket,
    butane,
    cloud_init,
    ignition,
    incus,
    kubeadm_config,
    machine_config,
    modules_load,
    nixos,
    scripts,
    talos,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    DeclarationFormat,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import check_choice

# The first that fits a node counts. The startup script fits every system that keeps /etc in memory, so it is after the
# formats of such systems.
FORMATS = (
    modules_load.HOST_FORMAT,
    machine_config.FORMAT,
    butane.FCOS_FORMAT,
    butane.FLATCAR_FORMAT,
    talos.FORMAT,
    nixos.FORMAT,
    bottlerocket.FORMAT,
    cloud_init.FORMAT,
    scripts.LBU_FORMAT,
    scripts.STARTUP_FORMAT,
    ignition.FORMAT,
    kubeadm_config.FORMAT,
    incus.FORMAT,
    modules_load.FORMAT,
)
FORMATS_BY_KEY: Mapping[str, DeclarationFormat] = {entry.key: entry for entry in FORMATS}


def find_format(facts: Facts) -> DeclarationFormat | None:
    """Return the format of a node's system, or None if none is known."""
    return next((entry for entry in FORMATS if entry.fits(facts)), None)


def get_format(key: str) -> DeclarationFormat:
    """Return the format of this name. Raises InvalidInputError if there is none."""
    check_choice("format", key, sorted(FORMATS_BY_KEY))
    return FORMATS_BY_KEY[key]
