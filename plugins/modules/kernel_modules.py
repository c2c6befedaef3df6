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
options:
  modules:
    description: Names of the modules. A dash and an underscore are one. Needed unless O(state=absent).
    type: list
    elements: str
    default: []
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
    description: Whether to list the modules in the boot file. With V(false) the boot file is left as it is.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Returns details on what has changed, or would change, in diff mode.
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
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils import _boot_file, _module_names, _module_states, _observe, _proc, _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

THERE = ("loaded", "builtin", "merged")


def sort_out(node, names):
    """Return (names to load, failures): what is not there yet, and the cause for each that cannot be loaded."""
    to_load = []
    failures = []
    for name in names:
        entry = _module_states.describe(node, name)
        if entry["state"] in THERE:
            continue
        cause = node.conf.autoload_refusal(name)
        if entry["state"] == "loadable" and cause is None:
            to_load.append(name)
        else:
            failures.append({"name": name, "cause": cause.text if cause else _reasons.texts(entry["reasons"]) or entry["state"]})
    return to_load, failures


def persistable(node, names, failures, own_names):
    """Return the names that belong into our block: real modules that work and that no other line loads."""
    failed = {failure["name"] for failure in failures}
    chosen = []
    for name in names:
        elsewhere = [where for where in node.boot.entries.get(name, ()) if not where.startswith(_boot_file.PATH + ":")]
        works = _module_states.describe(node, name)["state"] in ("loaded", "loadable") and name not in failed
        if works and not elsewhere and name not in own_names and node.conf.autoload_refusal(name) is None:
            chosen.append(name)
    return chosen


def load(module, names):
    """Load the modules and return (loaded, failures), judged by /proc/modules alone."""
    modprobe = module.get_bin_path("modprobe", required=True, opt_dirs=["/usr/sbin", "/sbin"])
    module.run_command([modprobe, "-a"] + names)
    failures = []
    for name in [name for name in names if name not in _loaded()]:
        # Together they gave one list of messages; asked alone, the module gives its own.
        code, out, err = module.run_command([modprobe, name])
        if name not in _loaded():
            message = (err or out).strip() or "modprobe ended with {0}, and the module is not in /proc/modules".format(code)
            failures.append({"name": name, "cause": message})
    return [name for name in names if name in _loaded()], failures


def _loaded():
    return _proc.loaded_modules(Files()) or {}


def write_boot_file(module, text):
    """Write the boot file whole or not at all; a file left without content is removed."""
    path = os.path.realpath(_boot_file.PATH)
    if not text:
        os.unlink(path)
        return
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o755)
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    new = not os.path.exists(path)
    module.atomic_move(temporary, path)
    if new:
        module.set_mode_if_different(path, "0644", True)


def main():
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "load": {"type": "bool", "default": True},
            "persist": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    for name in module.params["modules"]:
        if not _module_names.is_valid(name):
            module.fail_json(msg="modules: '{0}' is no module name: letters, digits, '_' and '-' only".format(name))
    present = module.params["state"] == "present"
    names = list(dict.fromkeys(_module_names.canonical(name) for name in module.params["modules"])) if present else []
    if present and not names:
        module.fail_json(msg="modules: name at least one module, or set state to absent")
    module.run_command_environ_update = {"LC_ALL": "C", "LANG": "C"}

    files = Files()
    if files.is_masked(_boot_file.PATH) and module.params["persist"]:
        module.fail_json(msg="{0} is a link to /dev/null: somebody has switched it off. Remove the link or set persist to false".format(_boot_file.PATH))
    before = files.read(_boot_file.PATH)
    if _boot_file.PATH in files.unreadable:
        module.fail_json(msg="{0} cannot be read: {1}".format(_boot_file.PATH, files.unreadable[_boot_file.PATH]))
    try:
        own_names = _boot_file.names_outside_block(before or "")
        node = _observe.read_node(files, names)
        to_load, failures = sort_out(node, names)
        loaded = to_load if present and module.params["load"] else []
        if not module.params["load"]:
            failures = []
        after = before or ""
        changed_file = False

        root_needed = bool(loaded)
        if loaded and not module.check_mode and os.geteuid() == 0:
            loaded, new_failures = load(module, loaded)
            failures = failures + new_failures
        persisted = persistable(node, names, failures, own_names) if present else []
        if module.params["persist"]:
            after = _boot_file.with_block(before or "", persisted)
            changed_file = after != (before or "")
    except _boot_file.BrokenBlock as exc:
        module.fail_json(msg=str(exc))
    if (root_needed or changed_file) and os.geteuid() != 0:
        module.fail_json(msg="loading modules and writing {0} needs root: set become to true".format(_boot_file.PATH))
    if changed_file and not module.check_mode:
        write_boot_file(module, after)

    result = {
        "changed": bool(loaded) or changed_file,
        "loaded": loaded,
        "failed_modules": failures,
        "persisted": persisted if module.params["persist"] else [],
        "boot_file": _boot_file.PATH,
    }
    if module._diff:
        result["diff"] = [
            {"before_header": _boot_file.PATH, "after_header": _boot_file.PATH, "before": before or "", "after": after},
            {"before_header": "loaded modules", "after_header": "loaded modules", "before": "", "after": "".join(name + "\n" for name in loaded)},
        ]
    if failures:
        causes = "; ".join("{0}: {1}".format(failure["name"], failure["cause"]) for failure in failures)
        module.fail_json(msg="could not load {0} of {1} modules: {2}".format(len(failures), len(names), causes), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
