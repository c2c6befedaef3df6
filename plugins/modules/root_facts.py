#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather the facts of a system that is not running: an unpacked image, or a recording of a node.

It is separate from node_facts, because Ansible sends a module with all that it imports to each node.
"""

DOCUMENTATION = r"""
module: root_facts
short_description: Gather the facts of an unpacked image or of a recording
version_added: 1.0.0
description:
  - M(nodeprep.istio.node_facts) runs this module if its option O(nodeprep.istio.node_facts#module:root) is set. Use
    that module in playbooks. The options and the facts are the same.
options:
  modules:
    description: See O(nodeprep.istio.node_facts#module:modules).
    type: list
    elements: str
  root:
    description: See O(nodeprep.istio.node_facts#module:root).
    type: path
    required: true
  kernel:
    description: See O(nodeprep.istio.node_facts#module:kernel).
    type: str
    default: running
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  action_group:
    description: Use C(group/nodeprep.istio.facts) in C(module_defaults) to set defaults for this module.
    support: full
    membership: [nodeprep.istio.facts]
  check_mode:
    description: Can run in C(check_mode) and return the same facts.
    support: full
  diff_mode:
    support: N/A
    details: It changes nothing.
  facts:
    description: Returns an C(ansible_facts) dictionary that sets host facts.
    support: full
seealso:
  - module: nodeprep.istio.node_facts
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Read an unpacked image, as nodeprep.istio.node_facts with the same options does
  nodeprep.istio.root_facts:
    root: /srv/images/worker
"""

RETURN = r"""
ansible_facts:
  description: See RV(nodeprep.istio.node_facts#module:ansible_facts).
  returned: always
  type: dict
"""

import os
from typing import Any, Dict, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import UnknownKernelError
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.options import (
    InvalidNameError,
    format_now,
    parse_names,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import RecordingError
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import is_recording, open_recording


def parse_root(module: AnsibleModule) -> str:
    """Return the root without a slash at its end; fails the module if it is not absolute."""
    requested: str = module.params["root"]
    if not requested.startswith("/"):
        module.fail_json(msg=f"root: '{requested}' is not an absolute path; give one")
    return "/" + requested.strip("/")


def gather_root_facts(module: AnsibleModule, root: str, names: Sequence[str]) -> Dict[str, Any]:
    """Return the facts of the system below a directory or in a recording; fails the module if there is none."""
    kernel = module.params["kernel"]
    try:
        if is_recording(root):
            recording = open_recording(root)
            return gather_facts(recording.files, names, recording.recorded_at, recording.run, kernel)
    except RecordingError as exc:
        module.fail_json(msg=f"root: {exc}")
    if not os.path.isdir(root):
        module.fail_json(
            msg=f"root: '{root}' is neither a directory nor a recording; give the absolute path of an existing one"
        )
    # The programs of another system must not be started.
    return gather_facts(Files(root), names, format_now(), None, kernel)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str"},
            "root": {"type": "path", "required": True},
            "kernel": {"type": "str", "default": "running"},
        },
        supports_check_mode=True,
    )
    root = parse_root(module)
    try:
        facts = gather_root_facts(module, root, parse_names(module.params["modules"]))
    except (InvalidNameError, UnknownKernelError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, ansible_facts={"istio_node": facts})


if __name__ == "__main__":
    main()
