# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that the roles and playbooks read, and variables that look like a misspelled one. Pure.

Ansible ignores a variable that is not used. So a misspelled one would silently have no effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import NODE_PREFIX

REPORT_PREFIX = "istio_report_"
DECLARATION_PREFIX = "istio_declaration_"
RECORDINGS = "istio_recordings"
PREFIXES = (NODE_PREFIX, REPORT_PREFIX, DECLARATION_PREFIX, f"{RECORDINGS}_")

# The options of each role; a test compares them with the argument specs.
OPTIONS = {
    NODE_PREFIX: (
        *Selection.__dataclass_fields__,
        *Consent.__dataclass_fields__,
        "probe",
        "probe_autoload",
        "probe_selinux_domain",
        "reboot_timeout",
        "target",
    ),
    REPORT_PREFIX: (
        "dir",
        "fail_on",
        "formats",
        "max_age_hours",
        "nodes",
        "previous",
        "sources",
        "templates",
        "time",
        "waivers",
    ),
}
# What only the playbooks read, and the result of the role.
OTHER_VARIABLES = (
    "istio_node_hosts",
    "istio_node_become",
    "istio_node_serial",
    "istio_node_max_fail_percentage",
    "istio_node_outcome",
    "istio_node_disruption",
    "istio_declaration_dir",
    "istio_declaration_formats",
    "istio_declaration_from",
    "istio_declaration_sources",
    RECORDINGS,
    f"{RECORDINGS}_dir",
)
KNOWN = frozenset((*(prefix + name for prefix, names in OPTIONS.items() for name in names), *OTHER_VARIABLES))

# Minimum similarity (difflib's ratio) of two names, without their prefixes, to count as a misspelling.
MIN_NAME_SIMILARITY = 0.75
# The same for prefixes: istio_nodes_ and istio_reprot_ are similar enough, istio_mode_ is not.
MIN_PREFIX_SIMILARITY = 0.88


def find_unknown_variables(names: Iterable[str]) -> dict[str, str]:
    """Return the names that look like a variable of the roles but are unknown, each with the intended one, or ""."""
    return {name: _find_intended(name) for name in sorted(names) if is_role_variable(name) and name not in KNOWN}


def is_role_variable(name: str) -> bool:
    """Return whether a variable has a role's prefix, or a similar prefix and a role's option (istio_nodes_mode).

    Other variables may begin with istio_, too.
    """
    return name in KNOWN or name.startswith(PREFIXES) or _correct_prefix(name) != ""


def _correct_prefix(name: str) -> str:
    """Return the known variable whose prefix, or whose only word, is misspelled in this name, or ""."""
    if not name.startswith("istio_"):
        return ""
    misspelled, _underscore, option = name.removeprefix("istio_").partition("_")
    for prefix in get_close_matches(f"istio_{misspelled}_", PREFIXES, 1, MIN_PREFIX_SIMILARITY):
        if f"{prefix}{option}" in KNOWN:
            return f"{prefix}{option}"
    return next(iter(get_close_matches(name, [RECORDINGS], 1, MIN_PREFIX_SIMILARITY)), "")


def _find_intended(name: str) -> str:
    """Return the known variable that an unknown one resembles, or ""."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return _correct_option(prefix, name.removeprefix(prefix))
    return _correct_prefix(name)


def _correct_option(prefix: str, option: str) -> str:
    known = [name.removeprefix(prefix) for name in sorted(KNOWN) if name.startswith(prefix)]
    for close in get_close_matches(option, known, 1, MIN_NAME_SIMILARITY):
        return f"{prefix}{close}"
    for name in known:
        # Only a part of the name, as cni of cni_plugin.
        if name.endswith(f"_{option}") or name.startswith(f"{option}_"):
            return f"{prefix}{name}"
    for other in PREFIXES:
        if f"{other}{option}" in KNOWN:
            return f"{other}{option}"
    return ""


def describe_misspelling(name: str, intended: str) -> str:
    """Return the error for a misspelled variable."""
    return f"unknown variable '{name}'; rename it to '{intended}', or give your own variable another prefix"


def describe_unknown_variable(name: str) -> str:
    """Return the warning for a variable that has the prefix but resembles no known one."""
    return f"unknown variable '{name}': nodeprep.istio ignores it"
