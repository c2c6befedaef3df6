#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

DOCUMENTATION = r"""
module: record_node
short_description: Record a node that has no Python
version_added: 1.0.0
description:
  - Runs the recorder of this collection on a node, a script for any POSIX shell, and saves the recording as a
    C(tar.gz) file on the controller. The recording has what M(nodeprep.istio.node_facts) reads on the node.
  - The node needs neither Python nor further programs than a small system has. Nothing is changed on it. The script is
    removed when it ends.
  - A recording that is damaged is an error. An earlier recording of the node is then kept.
  - The name of the recorded node is that of the host in the inventory.
options:
  directory:
    description:
      - Directory on the controller. It is created if it does not exist. The file has the name of the host. Only its
        owner may read it.
    type: path
    required: true
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
    details: It also records in check mode, because it changes nothing on the node.
  diff_mode:
    support: N/A
    details: It changes nothing on the node.
seealso:
  - module: nodeprep.istio.node_facts
    description: Reads the recording, with O(nodeprep.istio.node_facts#module:root).
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Record the node
  nodeprep.istio.record_node:
    directory: recordings
  become: true
"""

RETURN = r"""
path:
  description: The file on the controller.
  returned: success
  type: str
  sample: recordings/worker-1.tar.gz
size:
  description: Its size in bytes.
  returned: success
  type: int
"""
