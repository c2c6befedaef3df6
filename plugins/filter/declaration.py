# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter declaration: a thin adapter over plugin_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
name: declaration
short_description: Make a declaration that loads modules at boot
version_added: 1.0.0
description:
  - Makes the text that has a declaratively configured system load the modules of a selection at boot, such as a
    MachineConfig or user data of cloud-init. The input is the format.
  - With O(facts), the declaration lists the modules that the node of these facts has to load at boot, whatever lists
    them now. Without O(facts), it is made of the selection alone, for an image that does not exist yet. It then lists
    the modules that the selection requires on a kernel since 5.18.
options:
  _input:
    description:
      - The format. V(butane) is for Fedora CoreOS and V(butane_flatcar) for Flatcar. V(host_file) is for the host of
        a container, V(incus) is a profile of Incus or LXD, V(kubeadm_config) a KubeadmConfigTemplate of Cluster API,
        V(lbu) a script for Alpine in diskless mode, V(machine_config) a MachineConfig of OpenShift, V(modules_load)
        a file in C(/etc/modules-load.d), and V(startup_script) a script to run at each boot.
    type: str
    required: true
    choices:
      - bottlerocket
      - butane
      - butane_flatcar
      - cloud_init
      - host_file
      - ignition
      - incus
      - kubeadm_config
      - lbu
      - machine_config
      - modules_load
      - nixos
      - startup_script
      - talos
  facts:
    description: The node's facts, C(ansible_facts.istio_node) of M(nodeprep.istio.node_facts).
    type: dict
extends_documentation_fragment:
  - nodeprep.istio._selection
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Write user data of cloud-init for an image that does not exist yet
  ansible.builtin.copy:
    content: "{{ ('cloud_init' | nodeprep.istio.declaration(mode='ambient')).text }}"
    dest: user-data
    mode: "0644"

- name: Show the machine configuration of Talos for an observed node
  ansible.builtin.debug:
    msg: "{{ ('talos' | nodeprep.istio.declaration(facts=ansible_facts.istio_node)).text }}"
"""

RETURN = r"""
_value:
  description: The declaration, as C(declaration) of a plan.
  type: dict
  contains:
    kind:
      description: The name of the format to show.
      type: str
    format:
      description: The format.
      type: str
    modules:
      description: The modules that are loaded at boot.
      type: list
      elements: str
    kept:
      description:
        - Other names that C(/etc/modules-load.d/istio.conf) lists already. A format that replaces the whole file keeps
          them.
      type: list
      elements: str
    conflicts:
      description:
        - The lines that keep modules of the selection from loading, each with its file. These modules are not declared.
      type: list
      elements: str
    exact:
      description: Whether the declaration was made of the facts of a node.
      type: bool
    load_now:
      description: The command that loads the modules now. C(NODE) stands for the name of a node.
      type: str
    text:
      description: The text to copy.
      type: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._errors import InvalidInputError
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.make import (
    declare_for_node,
    declare_for_selection,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._values import check_option_names


def declaration(key: Any, /, facts: Any = None, **options: Any) -> dict[str, object]:
    """Return the declaration in a format as a dict. Raises AnsibleFilterError for invalid facts or options."""
    try:
        if not isinstance(key, str):
            raise InvalidInputError("the input is not text; give the format as the input, and the facts as facts=")
        check_option_names(options, Selection.__dataclass_fields__)
        selection = Selection.from_options(options)
        if facts is None:
            return declare_for_selection(selection, key).as_dict()
        return declare_for_node(parse_facts(facts), selection, key).as_dict()
    except InvalidInputError as exc:
        raise AnsibleFilterError(f"nodeprep.istio.declaration: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"declaration": declaration}
