# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter readiness: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: readiness
short_description: Assess whether a node is ready for Istio
version_added: 1.0.0
description:
  - Grades each requirement of the selection, now and after a reboot, and explains the grades. Determines the verdict
    of the node from these grades.
options:
  _input:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
    required: true
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ (ansible_facts.istio_node | nodeprep.istio.readiness(backend='nftables')).verdict }}"
"""

RETURN = r"""
_value:
  description: The assessment.
  type: dict
  contains:
    selection:
      description: The selection, with all defaults.
      type: dict
    profile:
      description: The profile that decides the verdict.
      type: str
    verdict:
      description: V(ready), V(on_demand), V(at_risk), V(not_ready) or V(unknown).
      type: str
    verdicts:
      description: The verdict under each profile, C(documented), C(effective) and C(combined).
      type: dict
    requirements:
      description: The requirements of the profile.
      type: list
      elements: dict
      contains:
        id:
          description: Unique id.
          type: str
        name:
          description: Name of the module, tool or option.
          type: str
        kind:
          description: The kind of requirement, such as V(module) or V(tool).
          type: str
        wording:
          description: The requirement in words.
          type: str
        level:
          description: V(must) or V(should).
          type: str
        profiles:
          description: The profiles that include this requirement.
          type: list
          elements: str
        state:
          description: The state of the module or tool now.
          type: str
        now:
          description: The current grade, V(present), V(on_demand), V(unmet), V(unknown) or V(not_needed).
          type: str
        after_reboot:
          description: The grade after a reboot.
          type: str
        reason:
          description: The reason for the grades.
          type: str
        source:
          description: The source of the requirement.
          type: str
        remedy:
          description: What to do.
          returned: if there is a remedy
          type: str
        any_of:
          description: Interchangeable modules. One of them is enough.
          returned: if there are any
          type: list
          elements: str
    findings:
      description:
        - Further facts that the owner should know, with C(id), C(severity) (V(info), V(warning), V(error)),
          C(message) and C(source).
      type: list
      elements: dict
    disagreements:
      description:
        - Requirements that only the page or only the rules contain, and that are not present on this node.
      type: list
      elements: dict
      contains:
        id:
          description: Id of the requirement.
          type: str
        name:
          description: Name of the requirement.
          type: str
        required_by:
          description: V(documented) for the page, V(effective) for the rules.
          type: str
        state:
          description: The current state.
          type: str
        now:
          description: The current grade.
          type: str
        after_reboot:
          description: The grade after a reboot.
          type: str
        message:
          description: The disagreement in words.
          type: str
    forecast:
      description: The iptables variant that Istio would pick; null for backend V(nftables).
      type: dict
      contains:
        variant:
          description: V(nft), V(legacy), V(mixed) or V(unknown).
          type: str
        reason:
          description: The reason.
          type: str
        modes:
          description: The variant for each mode.
          type: dict
        after_reboot:
          description: The forecast after a reboot, if it differs; otherwise null.
          type: dict
    catalogue:
      description: The catalogue that the assessment used.
      type: dict
      contains:
        requested:
          description: The requested Istio release.
          type: str
        used:
          description: The Istio release whose catalogue was used.
          type: str
        note:
          description: Why another release was used; null if it is the requested one.
          type: str
        dns_capture:
          description: Whether Istio intercepts DNS; null if it does so in ambient mode only, by default.
          type: bool
        ambient_ipv6:
          description: Whether ambient mode of this release writes IPv6 rules.
          type: bool
        reconcile:
          description: Whether Istio replaces its rules in running pods.
          type: bool
        rules:
          description:
            - How the rules of this release differ from those of the newest one, for
              O(nodeprep.istio.interception_probe#module:release_rules).
          type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def readiness(facts: Any, **options: Any) -> dict[str, object]:
    """Return the assessment as a dict. Raises AnsibleFilterError for invalid facts or options."""
    try:
        return assess(parse_facts(facts), Selection.from_options(options)).as_dict()
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.readiness: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"readiness": readiness}
