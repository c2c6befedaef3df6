# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter probe_comparison: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: probe_comparison
short_description: Compare what a probe proved with what was predicted
version_added: 0.2.0
description:
  - Counts the rule sets that Istio would program with the variant that the assessment forecasts, says what they prove, and
    leads each failure back to the requirements of the assessment. Where proof and prediction disagree, that is a finding.
positional: assessment
options:
  _input:
    description: What M(nodeprep.istio.interception_probe) returned.
    type: dict
    required: true
  assessment:
    description: What P(nodeprep.istio.readiness#filter) returned for the same node and selection.
    type: dict
    required: true
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Prove it
  nodeprep.istio.interception_probe:
  register: probe
  become: true

- name: What is proved, and why the rest is not
  ansible.builtin.debug:
    msg: "{{ probe | nodeprep.istio.probe_comparison(ansible_facts.istio_node | nodeprep.istio.readiness) }}"
"""

RETURN = r"""
_value:
  description: The conclusion.
  type: dict
  contains:
    predicted:
      description: The verdict of the assessment under the profile C(effective), which is about the rules.
      type: str
    proved:
      description:
        - V(proved) every rule set loaded and its traffic went where it should, V(failed) one did not, V(not_tested) none was
          tried, V(incomplete) what was tried worked and something could not be tried, or it is open which iptables Istio picks.
      type: str
    counts:
      description: How many rule sets have each status.
      type: dict
    causes:
      description:
        - Each cause of failure with C(message), the C(rule_sets) that fail for it, the modules and kernel C(options) that they are
          C(lacking), and the ids of the C(requirements) that ask for these.
      type: list
      elements: dict
    hint:
      description: What would let the rule sets be tested that were not; null where none was left out for a module that is not loaded.
      type: str
    findings:
      description: Disagreements between prediction and proof, with C(id), C(severity), C(message) and C(source).
      type: list
      elements: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.probe_comparison import conclude
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInput


def probe_comparison(probe: Any, assessment: Any) -> dict[str, Any]:
    """Return the conclusion as a dict; raises AnsibleFilterError for what is no result of a probe or no assessment."""
    try:
        return conclude(probe, assessment).as_dict()
    except InvalidInput as exc:
        raise AnsibleFilterError(f"nodeprep.istio.probe_comparison: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"probe_comparison": probe_comparison}
