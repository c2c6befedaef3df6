# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter probe_comparison: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: probe_comparison
short_description: Compare the result of a probe with the prediction
version_added: 1.0.0
description:
  - Counts the rule sets that Istio would program with the forecast iptables variant, summarizes their results, and
    links each failure to the requirements of the assessment. If result and prediction disagree, it adds a finding.
positional: assessment
options:
  _input:
    description: The result of M(nodeprep.istio.interception_probe).
    type: dict
    required: true
  assessment:
    description: The result of P(nodeprep.istio.readiness#filter) for the same node and selection.
    type: dict
    required: true
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Run the interception probe
  nodeprep.istio.interception_probe:
  register: probe
  become: true

- name: Show the result, and why rule sets failed
  ansible.builtin.debug:
    msg: "{{ probe | nodeprep.istio.probe_comparison(ansible_facts.istio_node | nodeprep.istio.readiness) }}"
"""

RETURN = r"""
_value:
  description: The comparison.
  type: dict
  contains:
    predicted:
      description: The verdict of the assessment under profile V(effective), which covers Istio's rules.
      type: str
    result:
      description:
        - V(passed) means that every rule set loaded and its traffic was redirected correctly.
        - V(failed) means that at least one rule set failed.
        - V(incomplete) means that all tested rule sets passed, but some could not be tested, or that it is not
          known which iptables variant Istio picks.
        - V(not_tested) means that no rule set was tested.
      type: str
    counts:
      description: Number of rule sets for each status, V(passed), V(failed), V(not_tested) and V(not_testable).
      type: dict
    causes:
      description: The causes of failures.
      type: list
      elements: dict
      contains:
        message:
          description: The cause in words.
          type: str
        rule_sets:
          description: The rule sets that fail because of it.
          type: list
          elements: str
        missing:
          description: The missing modules, and the missing kernel options as C(CONFIG_NAME).
          type: list
          elements: str
        missing_options:
          description: The missing kernel options, without C(CONFIG_).
          type: list
          elements: str
        requirements:
          description: The ids of the requirements that include these modules and options.
          type: list
          elements: str
    hint:
      description:
        - How to test the rule sets that were skipped because a module is not loaded; null if there are none.
      type: str
    findings:
      description: Contradictions between prediction and result, with C(id), C(severity), C(message) and C(source).
      type: list
      elements: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._assess.probe_comparison import compare_with_probe
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError


def probe_comparison(probe: Any, assessment: Any) -> dict[str, object]:
    """Return the comparison as a dict. Raises AnsibleFilterError if an input is not a probe result or an assessment."""
    try:
        return compare_with_probe(probe, assessment).as_dict()
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.probe_comparison: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"probe_comparison": probe_comparison}
