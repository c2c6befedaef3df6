# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that the roles and playbooks know, and those that look like one and are none. Pure.

Ansible ignores a variable that nobody reads, so that a misspelt one would silently be its default.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# The roles' options, with their prefix before them; a test holds them equal to the argument specs.
OPTIONS = {
    "istio_node_": (
        "ambient_ipv6 backend cni_plugin dns_capture extra_checks install_packages interception invalid_drop ip_family iptables_variant istio_version load mode"
        " override_conflicts persist probe probe_autoload probe_selinux_domain profile reboot reconcile selinux selinux_boolean selinux_domains selinux_priority state"
    ),
    "istio_report_": "dir fail_on formats max_age_hours nodes previous sources templates time waivers",
}
# What the playbooks read beside them, and what the role leaves behind.
FURTHER = (
    "istio_node_hosts",
    "istio_node_become",
    "istio_node_serial",
    "istio_node_max_fail_percentage",
    "istio_node_outcome",
)
PREFIXES = tuple(OPTIONS)
KNOWN = frozenset((*(prefix + name for prefix, names in OPTIONS.items() for name in names.split()), *FURTHER))

# How alike two names must be, without their prefixes, to be taken for one another (difflib's ratio).
_ALIKE = 0.75
# The same for prefixes: istio_nodes_ and istio_reprot_ are, istio_mode_ is not.
_ALIKE_PREFIX = 0.88


def unknown(names: Iterable[str]) -> dict[str, str]:
    """Return those of the names that look like a role's variable and are none, each with the one that was meant, or ""."""
    return {name: _meant(name) for name in sorted(names) if is_ours(name) and name not in KNOWN}


def is_ours(name: str) -> bool:
    """Whether a variable has a role's prefix, or one like it before a role's option (istio_nodes_mode). Others' may begin with istio_ too."""
    return name.startswith(PREFIXES) or (name.startswith("istio_") and bool(_with_prefix_like(name)))


def _with_prefix_like(name: str) -> str:
    prefix, option = (name.removeprefix("istio_").split("_", 1) + [""])[:2]
    close = get_close_matches(f"istio_{prefix}_", PREFIXES, 1, _ALIKE_PREFIX)
    return f"{close[0]}{option}" if close and f"{close[0]}{option}" in KNOWN else ""


def _meant(name: str) -> str:
    if not name.startswith(PREFIXES):
        return _with_prefix_like(name)
    prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
    rest = name.removeprefix(prefix)
    here = [known.removeprefix(prefix) for known in sorted(KNOWN) if known.startswith(prefix)]
    close = get_close_matches(rest, here, 1, _ALIKE)
    close += [known for known in here if known.endswith(f"_{rest}")]
    return f"{prefix}{close[0]}" if close else next((other + rest for other in PREFIXES if other + rest in KNOWN), "")


def misspelt(name: str, meant: str) -> str:
    """Return the error on a misspelt variable."""
    return f"there is no variable '{name}'; '{meant}' is meant, or give it a name that does not begin like those of the role"


def unread(name: str) -> str:
    """Return the warning on a variable that has the prefix and is like none."""
    return f"nodeprep.istio reads no variable '{name}'"
