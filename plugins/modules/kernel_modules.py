#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load kernel modules and have them loaded at boot, all in one trip."""

DOCUMENTATION = r"""
module: kernel_modules
short_description: Load kernel modules now and at every boot
version_added: 0.1.0
description:
  - Loads a list of kernel modules and lists them in a block of its own in C(/etc/modules-load.d/istio.conf).
  - Loads nothing that is there already, and looks at C(/proc/modules) afterwards, since the exit code of C(modprobe) proves
    nothing. When one module fails it goes on with the others, and fails at the end with the cause of each.
  - The boot file never lists a module that is built in, merged into another one, missing or blocked, nor one that another
    file already loads. Lines outside the block, and other files, are kept as they are.
  - A blacklisted module is not loaded. No module is ever unloaded.
  - Where the boot file cannot be written, for want of room or since it is read-only, nothing is loaded either. Check mode says so too.
options:
  modules:
    description: Names of the modules. A dash and an underscore are one. Needed unless O(state=absent).
    type: list
    elements: str
    default: []
  always:
    description: Names of modules that are loaded and persisted whatever O(load) and O(persist) say.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  boot_only:
    description: Names out of O(modules) that are persisted only, and not loaded now.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  state:
    description:
      - V(present) loads and persists the modules.
      - V(absent) takes the block out of the boot file, and removes the file when nothing else is in it.
    type: str
    choices: [present, absent]
    default: present
  load:
    description: Whether to load the modules now.
    type: bool
    default: true
  persist:
    description: Whether to list the modules in the boot file. With V(false) it is left as it is, unless O(always) names modules.
    type: bool
    default: true
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
- name: Load two modules, now and at every boot
  nodeprep.istio.kernel_modules:
    modules: [xt_owner, xt_REDIRECT]

- name: Take our block out of the boot file
  nodeprep.istio.kernel_modules:
    state: absent
"""

RETURN = r"""
loaded:
  description: Names of the modules that were loaded, or would be in check mode.
  returned: always
  type: list
  elements: str
failed_modules:
  description: Name and C(cause) of each module that could not be loaded.
  returned: always
  type: list
  elements: dict
persisted:
  description: Names in our block of the boot file.
  returned: always
  type: list
  elements: str
boot_file:
  description: Path of the boot file.
  returned: always
  type: str
  sample: /etc/modules-load.d/istio.conf
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils import _module_names
from ansible_collections.nodeprep.istio.plugins.module_utils._act import load as _act
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import proc
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import node_facts


def asked_names(module):
    """Return the canonical names that are to be there, each once; none with state absent."""
    for name in module.params["modules"] + module.params["always"] + module.params["boot_only"]:
        if not _module_names.is_valid(name):
            module.fail_json(msg="modules: '{0}' is no module name: letters, digits, '_' and '-' only".format(name))
    if module.params["state"] == "absent":
        return []
    if not module.params["modules"]:
        module.fail_json(msg="modules: name at least one module, or set state to absent")
    return list(
        dict.fromkeys(_module_names.canonical(name) for name in module.params["modules"] + module.params["always"])
    )


def listed(module, option, names):
    """Return those of the names that an option lists."""
    return [name for name in names if name in set(map(_module_names.canonical, module.params[option]))]


def load(module, names):
    """Load the modules, unless this is check mode; return the failures."""
    path = module.get_bin_path("modprobe", required=True, opt_dirs=["/usr/sbin", "/sbin"])
    if module.check_mode:
        return []
    return _act.load(
        names, lambda arguments: module.run_command([path] + arguments), lambda: proc.loaded_modules(Files()) or {}
    )


def act(module, names):
    """Do, or in check mode predict, all that was asked; return the result."""
    always = listed(module, "always", names)
    boot_only = listed(module, "boot_only", names)
    persist = module.params["persist"] or bool(always)
    nothing_of_ours = not names and boot_block.is_masked()
    before = boot_block.read() if persist and not nothing_of_ours else ""
    existed = os.path.exists(boot_block.PATH)
    outside_block = boot_block.names_outside_block(before)
    node = node_facts.read_node(Files(), names)

    wanted = names if module.params["load"] else always
    to_load, failures = _act.sort_out(node, [name for name in wanted if name not in boot_only])
    persisted = _act.persistable(node, names if module.params["persist"] else always, outside_block) if persist else []
    foreseen = boot_block.with_block(before, persisted, existed)
    if (to_load or foreseen != before) and os.geteuid() != 0:
        module.fail_json(msg="loading modules and writing {0} needs root: set become to true".format(boot_block.PATH))
    if foreseen != before:
        boot_block.see_nothing_hidden(Files(), foreseen)
        boot_block.see_writable(foreseen)
    if to_load:
        refused = load(module, to_load)
        failed = [failure["name"] for failure in refused]
        to_load = [name for name in to_load if name not in failed]
        failures = failures + refused
        persisted = [name for name in persisted if name not in failed]
    after = boot_block.with_block(before, persisted, existed)
    if after != before and not module.check_mode:
        boot_block.write(after, module.tmpdir, module.atomic_move, keep=boot_block.was_empty(before))

    result = {
        "changed": bool(to_load) or after != before,
        "loaded": to_load,
        "failed_modules": failures,
        "persisted": persisted,
        "boot_file": boot_block.PATH,
    }
    if module._diff:
        header = {"before_header": boot_block.PATH, "after_header": boot_block.PATH}
        loaded = {
            "before_header": "loaded modules",
            "after_header": "loaded modules",
            "before": "",
            "after": "".join(name + "\n" for name in to_load),
        }
        result["diff"] = [dict(header, before=boot_block.shown(before), after=boot_block.shown(after)), loaded]
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str", "default": []},
            "always": {"type": "list", "elements": "str", "default": []},
            "boot_only": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "load": {"type": "bool", "default": True},
            "persist": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C", "LANG": "C"}
    names = asked_names(module)
    try:
        with boot_block.locked(check_mode=module.check_mode):
            result = act(module, names)
    except boot_block.Refused as exc:
        module.fail_json(msg=str(exc))
    failures = result["failed_modules"]
    if failures:
        causes = "; ".join("{0}: {1}".format(failure["name"], failure["cause"]) for failure in failures)
        module.fail_json(
            msg="could not load {0} of {1} modules: {2}".format(len(failures), len(names), causes), **result
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
