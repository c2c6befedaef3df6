#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take back, by files of our own, what keeps kernel modules from loading."""

DOCUMENTATION = r"""
module: modprobe_overrides
short_description: Take back lines of modprobe.d that keep kernel modules from loading
version_added: 0.2.0
description:
  - Takes back C(blacklist) and C(install) lines by files of its own in C(/etc/modprobe.d). Nobody else's file is edited.
  - A C(blacklist) line in a file outside C(/etc) is taken back by a copy of that file without it, under the same name in
    C(/etc/modprobe.d), which then counts in its stead.
  - An C(install) line, wherever it is, is taken back by one that loads the module, in a file that is read before it.
  - A C(blacklist) line in a file under C(/etc) is refused, since no other file can take it back.
  - Copies follow their originals. Where an original is gone, or has the lines no more, the copy goes too.
  - A file of its own that somebody else has changed since is left alone, also with O(state=absent), and what would change it is refused.
options:
  state:
    description: V(present) takes back O(lines) and keeps what was taken back before, V(absent) removes all files of this module's making.
    type: str
    choices: [present, absent]
    default: present
  lines:
    description: The lines to take back, as they are in effect now.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file that has the line.
        type: path
        required: true
      line:
        description:
          - The line, words joined by one blank. It must begin with C(blacklist) or C(install). Its first 200 characters count, and bytes that
            are no UTF-8 count as U+FFFD.
        type: str
        required: true
extends_documentation_fragment:
  - nodeprep.istio._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author:
  - nodeprep.istio contributors (@nodeprep)
"""

EXAMPLES = r"""
- name: Let xt_owner load, whatever a vendor's file says
  nodeprep.istio.modprobe_overrides:
    lines:
      - path: /usr/lib/modprobe.d/hardening.conf
        line: blacklist xt_owner

- name: Undo it
  nodeprep.istio.modprobe_overrides:
    state: absent
"""

RETURN = r"""
files:
  description: Paths of the files that were written or removed, or would be in check mode.
  returned: success
  type: list
  elements: str
left:
  description: Paths of the files that are left as they are, since somebody else has changed them.
  returned: success
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block, modprobe_overrides


def texts(state, lines):
    """Return dict of path to (text now, text to be) of each file of ours, and the paths of those that somebody else changed. Raises Refused."""
    files = Files()
    present = modprobe_overrides.existing(files)
    edited = [path for path, override in sorted(present.items()) if override.edited]
    wanted = {} if state == "absent" else modprobe_overrides.wanted(files, present, lines)
    after = {path: override.text(files) for path, override in wanted.items()}
    paths = sorted((set(present) | set(wanted)) - set(edited))
    return {path: (boot_block.read(path) if path in present else "", after.get(path, "")) for path in paths}, edited


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "lines": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"path": {"type": "path", "required": True}, "line": {"type": "str", "required": True}},
            },
        },
        supports_check_mode=True,
    )
    lines = [(entry["path"], modprobe_overrides.normal(entry["line"])) for entry in module.params["lines"]]
    for path, line in lines:
        if line.split()[:1] not in (["blacklist"], ["install"]) or len(line.split()) < 2:
            module.fail_json(msg="lines: '{0}' ({1}) is no blacklist or install line".format(line, path))
    try:
        with boot_block.locked(modprobe_overrides.BEATING, module.check_mode):
            found, edited = texts(module.params["state"], lines)
            changes = {path: pair for path, pair in found.items() if pair[0] != pair[1]}
            if changes and os.geteuid() != 0:
                module.fail_json(
                    msg="writing to {0} needs root: set become to true".format(modprobe_overrides.DIRECTORY)
                )
            for path, (_before, after) in changes.items():
                boot_block.see_writable(after, path)
            for path, (_before, after) in changes.items():
                if not module.check_mode:
                    boot_block.write(after, module.tmpdir, module.atomic_move, path)
    except (modprobe_overrides.Refused, boot_block.Refused) as exc:
        module.fail_json(msg=str(exc))
    result = {"changed": bool(changes), "files": list(changes), "left": edited}
    if module._diff:
        shown = boot_block.shown
        result["diff"] = [
            {"before_header": path, "after_header": path, "before": shown(before), "after": shown(after)}
            for path, (before, after) in changes.items()
        ]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
