# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter readiness: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: readiness
short_description: Judge whether a node is ready for Istio
version_added: 0.1.0
description:
  - Gives each requirement of the selection a grade now and one after a reboot, with a reason, and the node a verdict.
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
- name: The verdict
  ansible.builtin.debug:
    msg: "{{ (ansible_facts.istio_node | nodeprep.istio.readiness(backend='nftables')).verdict }}"
"""

RETURN = r"""
_value:
  description: The assessment.
  type: dict
  contains:
    selection:
      description: What was asked, with all defaults.
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
      description:
        - Each requirement of the profile with C(id), C(name), C(kind), C(wording), C(level) (V(must), V(should)), the C(profiles)
          that ask for it, C(state), its grades C(now) and C(after_reboot) (V(present), V(on_demand), V(unmet), V(unknown),
          V(not_needed)), C(reason), C(source) and, where there are any, C(remedy) and C(any_of), modules of which any one will do.
      type: list
      elements: dict
    findings:
      description: What else there is to know of the node, with C(id), C(severity) (V(info), V(warning), V(error)), C(message), C(source).
      type: list
      elements: dict
    disagreements:
      description:
        - What only the page or only the rules ask for and what is not there on this node, with C(id), C(name), C(asked_by)
          (V(documented), V(effective)), C(state), C(now), C(after_reboot), C(message).
      type: list
      elements: dict
    forecast:
      description:
        - The C(variant) of iptables that Istio would pick (V(nft), V(legacy), V(mixed), V(unknown)), the C(reason), and the variant for each of
          the C(modes); null for backend V(nftables). C(after_reboot) tells the same where it will be another one then, and is null elsewhere.
      type: dict
    catalogue:
      description: The release C(asked) for, the one C(used), a C(note) where they differ, and whether Istio will C(reconcile) its rules.
      type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.assessment import assess
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import checked
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection


def readiness(facts: Any, **options: Any) -> dict[str, Any]:
    """Return the assessment as a dict; raises AnsibleFilterError for bad facts or options."""
    try:
        return assess(checked(facts), Selection.from_options(options)).as_dict()
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.readiness: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"readiness": readiness}
