#!/usr/bin/python
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load kernel modules and list them in the boot file, in one task."""

DOCUMENTATION = r"""
module: kernel_modules
short_description: Load kernel modules now and at every boot
version_added: 1.0.0
description:
  - Loads a list of kernel modules and lists them in its own block in C(/etc/modules-load.d/istio.conf).
  - Does not load a module that is already present. Checks C(/proc/modules) afterwards, because the exit code of
    C(modprobe) is not reliable. If a module fails, the others are still loaded, and the task fails at the end with
    the cause of each failure.
  - The boot file never lists a module that is built in, merged into another one, missing or blocked, nor a module
    that another file already loads. Lines outside the block, and other files, are not changed.
  - A blacklisted module is neither loaded nor listed, nor is a module that needs a blacklisted one that is not loaded,
    because C(modprobe) would load both. No module is ever unloaded.
  - If the boot file cannot be written, for example because the disk is full or the file is read-only, no module is
    loaded either. Check mode also reports this.
options:
  modules:
    description: Names of the modules. Dashes and underscores are equivalent. Required unless O(state=absent).
    type: list
    elements: str
    default: []
  always:
    description: Names of the modules that are loaded and persisted regardless of O(load) and O(persist).
    type: list
    elements: str
    default: []
  boot_only:
    description: Names of those O(modules) that are persisted but not loaded now.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) loads and persists the modules.
      - V(absent) removes the block from the boot file, and removes the file if it contains nothing else.
    type: str
    choices: [present, absent]
    default: present
  load:
    description: Whether to load the modules now.
    type: bool
    default: true
  persist:
    description:
      - Whether to list the modules in the boot file. With V(false) the file is not changed, unless O(always)
        lists modules.
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

- name: Remove the block from the boot file
  nodeprep.istio.kernel_modules:
    state: absent
"""

RETURN = r"""
loaded:
  description: Names of the modules that were loaded, or that would be in check mode.
  returned: always
  type: list
  elements: str
failed_modules:
  description: C(name) and C(cause) of each module that could not be loaded.
  returned: always
  type: list
  elements: dict
persisted:
  description: Names of the modules in the block of the boot file.
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
from typing import Any, Dict, List, NamedTuple, Optional, Set

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nodeprep.istio.plugins.module_utils._act import boot_file, load, safe_write
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import read_loaded_modules
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize, is_valid_name
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import Node, read_node


class Request(NamedTuple):
    """The requested modules, canonical names, each once.

    :ivar names: all of them; none with state absent.
    :ivar load: those to load now.
    :ivar persist: those to list in the boot file; None if that file stays as it is.
    """

    names: List[str]
    load: List[str]
    persist: Optional[List[str]]


def parse_request(module: AnsibleModule) -> Request:
    """Return what the options request; fails the module if they are not valid."""
    params = module.params
    for option in ("modules", "always", "boot_only"):
        for name in params[option]:
            if not is_valid_name(name):
                module.fail_json(
                    msg=f"{option}: '{name}' is not a valid module name; use letters, digits, '_' and '-' only"
                )
    names = []
    if params["state"] == "present":
        if not params["modules"]:
            module.fail_json(msg="modules: the list is empty; name at least one module, or set state: absent")
        names = list(dict.fromkeys(canonicalize(name) for name in params["modules"] + params["always"]))
    always = select_listed(names, params["always"])
    boot_only = select_listed(names, params["boot_only"])
    load_names = [name for name in (names if params["load"] else always) if name not in boot_only]
    if params["persist"]:
        return Request(names, load_names, names)
    return Request(names, load_names, always or None)


def select_listed(names: List[str], listed: List[str]) -> List[str]:
    """Return those of the names that an option lists."""
    canonical = {canonicalize(name) for name in listed}
    return [name for name in names if name in canonical]


def list_names_outside_block(node: Node, text: str) -> Set[str]:
    """Return the module names that the boot file lists outside the block, as systemd or as the node reads its lines.

    Raises BootFileError.
    """
    in_block = set(boot_block.list_block_names(text))
    listed = set(node.boot_list.names_by_file.get(boot_block.PATH, ())) - in_block
    return listed | boot_block.list_other_names(text)


def load_modules(module: AnsibleModule, names: List[str]) -> List[load.Failure]:
    """Load the modules, unless in check mode; return the failures."""
    if not names:
        return []
    path = module.get_bin_path("modprobe", required=True, opt_dirs=["/usr/sbin", "/sbin"])
    if module.check_mode:
        return []
    return load.load_modules(
        names,
        lambda arguments: module.run_command([path] + arguments),
        lambda: read_loaded_modules(Files()) or {},
    )


def apply_request(module: AnsibleModule, request: Request) -> Dict[str, Any]:
    """Do, or in check mode predict, all that is requested; return the result.

    Raises BootFileError or FileAccessError, before anything is changed, if the boot file cannot be changed.
    """
    before = boot_file.BootFile("", False)
    if request.persist is not None:
        before = boot_file.read_boot_file(is_required=bool(request.names))
    node = read_node(Files(), request.names)
    loadable = load.split_loadable(node, request.load)
    persisted = load.select_persistable(node, request.persist or [], list_names_outside_block(node, before.text))
    planned = boot_block.replace_block(before.text, persisted, before.exists)
    if (loadable.names or planned != before.text) and os.geteuid() != 0:
        module.fail_json(msg=f"become: loading modules and writing {boot_block.PATH} needs root; set become: true")
    if planned != before.text:
        boot_file.ensure_changeable(Files(), planned)

    failures = load_modules(module, loadable.names)
    failed = [failure["name"] for failure in failures]
    loaded = [name for name in loadable.names if name not in failed]
    persisted = [name for name in persisted if name not in failed]
    after = boot_block.replace_block(before.text, persisted, before.exists)
    if after != before.text and not module.check_mode:
        keep_empty = boot_block.records_empty_file(before.text)
        safe_write.write_text(boot_block.PATH, after, module.tmpdir, module.atomic_move, keep_empty)

    result = {
        "changed": bool(loaded) or after != before.text,
        "loaded": loaded,
        "failed_modules": loadable.failures + failures,
        "persisted": persisted,
        "boot_file": boot_block.PATH,
    }
    if module._diff:
        result["diff"] = build_diff(before.text, after, loaded)
    return result


def build_diff(before: str, after: str, loaded: List[str]) -> List[Dict[str, str]]:
    return [
        {
            "before_header": boot_block.PATH,
            "after_header": boot_block.PATH,
            "before": safe_write.make_printable(before),
            "after": safe_write.make_printable(after),
        },
        {
            "before_header": "loaded modules",
            "after_header": "loaded modules",
            "before": "",
            "after": "".join(name + "\n" for name in loaded),
        },
    ]


def main() -> None:
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
    request = parse_request(module)
    try:
        with safe_write.lock_directory_of(boot_block.PATH, module.check_mode):
            result = apply_request(module, request)
    except (boot_block.BootFileError, safe_write.FileAccessError) as exc:
        module.fail_json(msg=str(exc))
    failures = result["failed_modules"]
    if failures:
        causes = "; ".join(f"{failure['name']}: {failure['cause']}" for failure in failures)
        module.fail_json(msg=f"could not load {len(failures)} of {len(request.names)} modules: {causes}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
