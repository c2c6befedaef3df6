# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter preparation_plan: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preparation_plan
short_description: Plan what is to be done on a node
version_added: 0.1.0
description:
  - Gives what M(nodeprep.istio.kernel_modules) is to load and persist, or why nothing can be done.
  - Under profile V(combined) that is all that the page and the rules ask for and the kernel has. Legacy tables are left out where
    loading them would make Istio pick another iptables variant.
options:
  _input:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
    required: true
  load:
    description: Whether modules are to be loaded now.
    type: bool
    default: true
  persist:
    description: Whether modules are to be loaded at every boot.
    type: bool
    default: true
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: The plan
  ansible.builtin.debug:
    msg: "{{ ansible_facts.istio_node | nodeprep.istio.preparation_plan }}"
"""

RETURN = r"""
_value:
  description:
    - C(modules), of which C(optional) are not required, C(load), C(persist), whether there is a C(change), why the node is
      C(refused), and the C(forecast) of the iptables variant that Istio would pick afterwards.
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan import plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection import InvalidInput, Selection


def preparation_plan(facts: Any, load: bool = True, persist: bool = True, **options: Any) -> dict[str, Any]:
    """Return the plan as a dict; raises AnsibleFilterError for bad facts or options."""
    try:
        good = checked(facts)
        return plan(good, assess(good, Selection.from_options(options)), load=load, persist=persist).as_dict()
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.preparation_plan: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"preparation_plan": preparation_plan}
