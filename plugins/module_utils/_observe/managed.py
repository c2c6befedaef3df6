# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of this collection on the node. Their marks identify them, and no record of them can be lost or outdated."""

import re
from typing import Any, Container, Dict, Iterable, List, Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._boot import modules_load
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files, is_volatile
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block, modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import Override
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import (
    POLICY_MODULE,
    abbreviate_policy,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import canonicalize, is_valid_name

# The policy store of libsemanage: /var/lib/selinux (its default, Debian, SUSE) or below /etc/selinux (Fedora, RHEL).
STORES = ("/var/lib/selinux", "/etc/selinux")
SEMODULE = ("/usr/sbin/semodule", "/sbin/semodule")
# These bound the facts.
MAX_NAMES = 200
MAX_PATH_CHARS = 300
# include/linux/moduleparam.h: MODULE_NAME_LEN
_MAX_NAME_CHARS = 56
# Of a module with several priorities the highest counts (semodule(8)); other directories hold none, such as "disabled".
_PRIORITY = re.compile(r"[1-9][0-9]{0,2}")


def observe_managed(files: Files, policy_type: Optional[str], reported: Container[str] = ()) -> Dict[str, Any]:
    """Return the C(managed) facts.

    C(boot_file) are the names in the block of the boot file, None if its markers are unbalanced; C(masked) is whether a
    link to /dev/null disables that file; C(overrides) and C(policy) are the overrides and the SELinux module, or None.
    These are present only if they apply: C(has_empty_block), True for a block without names; C(other_modules), names
    on other lines of the boot file that C(boot_files) of the facts does not list; C(truncated), True if names were left
    out; C(shadowed_file), see :func:`find_shadowed_file`.

    :param policy_type: SELINUXTYPE of the node, or None.
    :param reported: the module names that C(boot_files) is about.
    """
    text = files.read(boot_block.PATH) or ""
    block_names = _read_block_names(text)
    others = _list_other_names(text, block_names or [], reported)
    result: Dict[str, Any] = {
        "boot_file": block_names and block_names[:MAX_NAMES],
        "masked": bool(files.is_masked(boot_block.PATH)),
        "overrides": {path: _describe_override(files, one) for path, one in read_overrides(files).items()},
        "policy": _observe_policy(files, policy_type) if policy_type else None,
    }
    optional = {
        "has_empty_block": block_names == [] and boot_block.has_block(text),
        "other_modules": others[:MAX_NAMES],
        "truncated": max(len(others), len(block_names or [])) > MAX_NAMES,
        "shadowed_file": find_shadowed_file(files),
    }
    result.update({key: value for key, value in optional.items() if value})
    return result


def _read_block_names(text: str) -> Optional[List[str]]:
    try:
        names = boot_block.list_block_names(text)
    except boot_block.BootFileError:
        return None
    return list(dict.fromkeys(name[:_MAX_NAME_CHARS] for name in names))


def _list_other_names(text: str, block_names: List[str], reported: Container[str]) -> List[str]:
    names: Dict[str, None] = {}
    in_block = set(block_names)
    for _number, line in modules_load.parse_lines(text):
        name = canonicalize(line)
        if is_valid_name(line) and name not in in_block and name not in reported:
            names[name] = None
    return list(names)


def find_shadowed_file(files: Files) -> Optional[str]:
    """Return the path of a vendor's file that the boot file would hide because it has the same name, or None.

    Of files with one name only the one in /etc counts (modules-load.d(5)). If it exists, it hides nothing more.
    """
    if files.read_link(boot_block.PATH) is not None or files.exists(boot_block.PATH) is not False:
        return None
    boot_directory, _slash, name = boot_block.PATH.rpartition("/")
    for directory in modules_load.DIRECTORIES:
        if directory == boot_directory or is_volatile(directory):
            continue
        path = f"{directory}/{name}"
        if any(modules_load.parse_lines(files.read(path) or "")):
            return path
    return None


def read_exact(files: Files, path: str) -> Optional[str]:
    """Return the text of a file, or None if there is none. Bytes that are not UTF-8 survive being written again."""
    content = files.read_bytes(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def read_overrides(files: Files) -> Dict[str, Override]:
    """Return the overrides on the node by path."""
    found = {}
    for name in files.listdir(modprobe_overrides.DIRECTORY):
        path = f"{modprobe_overrides.DIRECTORY}/{name}"
        if modprobe_overrides.is_read_by_modprobe(name) and not files.is_dir(path):
            override = modprobe_overrides.parse_override(path, read_exact(files, path) or "")
            if override:
                found[path] = override
    return found


def render_for_node(files: Files, override: Override) -> str:
    """Return the content that an override should have on this node; empty if it has nothing to override any more."""
    if override.edited:
        return read_exact(files, override.path) or ""
    source_text = read_exact(files, override.source) if override.source else None
    return modprobe_overrides.render_override(override, source_text)


def _describe_override(files: Files, override: Override) -> Dict[str, Any]:
    return {
        "source": override.source and override.source[:MAX_PATH_CHARS],
        "lines": list(override.lines),
        "current": render_for_node(files, override) == read_exact(files, override.path),
        "edited": override.edited,
    }


def find_occupied_targets(files: Files, paths: Iterable[str]) -> List[str]:
    """Return the paths of overrides for lines of these files that hold something else: a directory, or another file."""
    sources = sorted(paths)
    if not sources:
        return []
    targets = [modprobe_overrides.INSTALL_OVERRIDE_FILE]
    for path in sources:
        if not path.startswith(modprobe_overrides.DIRECTORY + "/"):
            targets.append(modprobe_overrides.target_for(path))
    present = read_overrides(files)
    return [target for target in targets if target not in present and files.exists(target)]


def _observe_policy(files: Files, policy_type: str) -> Optional[Dict[str, Any]]:
    """Return what is known of the SELinux module of this collection, or None if it is not installed.

    C(priority) and C(cil), the text, are those of the module that counts; C(priorities) are all; C(semodule) is whether
    the program that removes it exists; C(disabled) is present, and True, if the module is disabled.
    """
    for store in STORES:
        directory = f"{store}/{policy_type}/active/modules"
        contents = _read_policy_modules(files, directory)
        if not contents:
            continue
        priorities = sorted(contents)
        policy = {
            "priority": priorities[-1],
            "cil": abbreviate_policy(_unpack(contents[priorities[-1]])),
            "priorities": priorities,
            "semodule": any(files.exists(path) for path in SEMODULE),
        }
        # semodule(8) -d creates this file for a disabled module (libsemanage: semanage_module_get_path()).
        if files.exists(f"{directory}/disabled/{POLICY_MODULE}"):
            policy["disabled"] = True
        return policy
    return None


def _read_policy_modules(files: Files, directory: str) -> Dict[int, bytes]:
    contents = {}
    for name in files.listdir(directory):
        if _PRIORITY.fullmatch(name):
            content = files.read_bytes(f"{directory}/{name}/{POLICY_MODULE}/cil")
            if content is not None:
                contents[int(name)] = content
    return contents


def _unpack(content: bytes) -> str:
    """Return the text of a module. libsemanage packs modules with bzip2 unless semanage.conf disables that."""
    try:
        import bz2  # not in every build of Python

        return bz2.decompress(content).decode("utf-8", "replace")
    except (ImportError, OSError, ValueError):
        return content.decode("utf-8", "replace")
