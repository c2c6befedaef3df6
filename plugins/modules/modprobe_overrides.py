#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Override lines of modprobe.d that block kernel modules, with files of this collection."""

DOCUMENTATION = r"""
module: modprobe_overrides
short_description: Override lines of modprobe.d that block kernel modules
version_added: 1.0.0
description:
  - Overrides C(blacklist) and C(install) lines with files in C(/etc/modprobe.d). It writes only these files and
    never edits other files.
  - To override a C(blacklist) line in a file outside C(/etc/modprobe.d), it writes a copy of that file without the
    line. The copy has the same name in C(/etc/modprobe.d), so it replaces the original.
  - To override an C(install) line, it writes an C(install) line that loads the module to
    C(/etc/modprobe.d/00-nodeprep-istio.conf). The original can be in any file with a name that sorts after this one,
    also in C(/etc/modprobe.d).
  - A C(blacklist) line in a file in C(/etc/modprobe.d) is an error, because no other file can override it.
  - Copies are kept in sync with their originals. A copy is removed if the original is gone or no longer
    contains the overridden lines.
  - If a file of this module was edited, the module does not change it, not even with O(state=absent). A line that
    requires a change to that file is an error.
options:
  state:
    description:
      - V(present) overrides O(lines) and keeps earlier overrides. V(absent) removes all files that this module
        wrote.
    type: str
    choices: [present, absent]
    default: present
  lines:
    description: The lines to override, as they are in effect now.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file that contains the line.
        type: path
        required: true
      line:
        description:
          - The line, with its words joined by one space. It must begin with C(blacklist) or C(install). Only its
            first 200 characters are compared. Bytes that are not valid UTF-8 are read as U+FFFD.
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
- name: Let xt_owner load although a vendor's file blacklists it
  nodeprep.istio.modprobe_overrides:
    lines:
      - path: /usr/lib/modprobe.d/hardening.conf
        line: blacklist xt_owner

- name: Remove all overrides
  nodeprep.istio.modprobe_overrides:
    state: absent
"""

RETURN = r"""
files:
  description: Paths of the files that were written or removed, or that would be in check mode.
  returned: success
  type: list
  elements: str
edited_files:
  description: Paths of this module's files that were left unchanged because they were edited.
  returned: success
  type: list
  elements: str
"""

import os
from typing import Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._act import override, safe_write
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    DIRECTORY,
    INSTALL_OVERRIDE_FILE,
    normalize_line,
)

KEYWORDS = ("blacklist", "install")


def parse_lines(module: AnsibleModule) -> List[override.Line]:
    """Return the requested lines; fails the module if one of them cannot be a blacklist or install line."""
    lines = []
    for entry in module.params["lines"]:
        line = normalize_line(entry["line"])
        keyword, _blank, arguments = line.partition(" ")
        if keyword not in KEYWORDS or not arguments:
            module.fail_json(
                msg=f"lines: '{line}' of {entry['path']} is not a blacklist or install line; "
                "give a line that begins with blacklist or install and a module name"
            )
        lines.append(override.Line(entry["path"], line))
    return lines


def apply_changes(module: AnsibleModule, changes: Dict[str, override.Change]) -> None:
    """Write the overrides, or in check mode only check that they can be written. Raises FileAccessError."""
    if changes and os.geteuid() != 0:
        module.fail_json(msg=f"become: writing to {DIRECTORY} needs root; set become: true")
    for path, change in changes.items():
        safe_write.ensure_writable(path, change.after)
    if module.check_mode:
        return
    for path, change in changes.items():
        safe_write.write_text(path, change.after, module.tmpdir, module.atomic_move)


def build_diff(changes: Dict[str, override.Change]) -> List[Dict[str, str]]:
    return [
        {
            "before_header": path,
            "after_header": path,
            "before": safe_write.make_printable(change.before),
            "after": safe_write.make_printable(change.after),
        }
        for path, change in changes.items()
    ]


def main() -> None:
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
    lines = parse_lines(module)
    try:
        with safe_write.lock_directory_of(INSTALL_OVERRIDE_FILE, module.check_mode):
            changes, edited = override.plan_changes(Files(), module.params["state"], lines)
            apply_changes(module, changes)
    except (override.OverrideError, safe_write.FileAccessError) as exc:
        module.fail_json(msg=str(exc))
    result = {"changed": bool(changes), "files": list(changes), "edited_files": edited}
    if module._diff:
        result["diff"] = build_diff(changes)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
