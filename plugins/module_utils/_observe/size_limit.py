# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the facts small: if there are too many, details are left out in steps.

What the verdict depends on goes last, and leaving it out can only make the verdict worse. The controller holds the
facts of all nodes of a fleet, 10,000 for example, at once, and a fact cache stores them.
"""

import json
from typing import Any, Callable, Dict, List, Set, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, CONFLICT_CODES, Code

# Bytes of JSON for the modules of the catalogue.
MAX_FACTS_BYTES = 16 * 1024
MAX_TEXT_BYTES = 200
MAX_DETAILS = 3
MAX_OVERRIDES = 10
OMITTED_TEXT = "this node has more of these reasons than the facts can show"
OTHER_FILES = "other files"


def limit_size(facts: Dict[str, Any], max_bytes: int = MAX_FACTS_BYTES) -> Dict[str, Any]:
    """Return the facts with at most so many bytes of JSON; C(truncated) then names what was left out, in that order.

    I(facts) is changed. The last steps are for manipulated nodes, such as one whose index names a module a thousand
    times.
    """
    truncated: List[str] = []
    size = _measure(facts)
    for name, shorten in _STEPS:
        if size + _measure_names(truncated) <= max_bytes:
            break
        shorten(facts)
        before, size = size, _measure(facts)
        if size < before:
            truncated.append(name)
    return dict(facts, truncated=truncated) if truncated else facts


def _measure(value: Any) -> int:
    return len(json.dumps(value))


def _measure_names(truncated: List[str]) -> int:
    """Return the bytes that the key C(truncated) adds to the facts."""
    return _measure({"truncated": truncated}) if truncated else 0


def _drop_other_kernels(facts: Dict[str, Any]) -> None:
    """They are alternatives for the owner. No verdict depends on them."""
    facts.pop("other_kernels", None)


def _drop_origins(facts: Dict[str, Any]) -> None:
    for entry in facts["modules"].values():
        entry.pop("origin", None)


def _shorten_unreadable(facts: Dict[str, Any]) -> None:
    facts["unreadable"] = dict(sorted(facts["unreadable"].items())[:MAX_DETAILS])


def _merge_boot_files(facts: Dict[str, Any]) -> None:
    """Which file lists a module matters only for the boot file of this collection."""
    merged: Dict[str, List[str]] = {}
    others: Dict[str, None] = {}
    for path, names in facts["boot_files"].items():
        if path == boot_block.PATH:
            merged[path] = names
        else:
            others.update(dict.fromkeys(names))
    if others:
        merged[OTHER_FILES] = list(others)
    facts["boot_files"] = merged


def _shorten_managed(facts: Dict[str, Any]) -> None:
    """The role reads all of it again when it acts."""
    managed = facts["managed"]
    # Those that need an action first.
    overrides = sorted(managed["overrides"].items(), key=_override_key)[:MAX_OVERRIDES]
    managed["overrides"] = {path: {key: one[key] for key in ("current", "edited")} for path, one in overrides}
    for key in ("boot_file", "other_modules"):
        names = managed.get(key) or ()
        known = [name for name in names if name in facts["modules"]]
        if len(names) > len(known) + MAX_DETAILS:
            managed[key] = known + [name for name in names if name not in known][:MAX_DETAILS]
            managed["truncated"] = True


def _override_key(item: Tuple[str, Dict[str, Any]]) -> Tuple[bool, str]:
    path, override = item
    return override["current"] and not override["edited"], path


def _drop_places(facts: Dict[str, Any]) -> None:
    """Without its line a conflict cannot be overridden: its owner has to act. Only the kernel command line is kept."""
    texts: Dict[Tuple[str, str], Set[str]] = {}
    for group in facts["reasons"]:
        texts.setdefault((group["axis"], group["code"]), set()).add(group["text"])
    groups: Dict[Any, Dict[str, Any]] = {}
    for group in facts["reasons"]:
        short = {key: group[key] for key in ("axis", "code", "dependency", "includes_dependents") if key in group}
        has_few_texts = len(texts[group["axis"], group["code"]]) <= MAX_DETAILS
        short["text"] = group["text"] if has_few_texts else OMITTED_TEXT
        if group.get("where") == COMMAND_LINE:
            short["where"] = COMMAND_LINE
        rest = [None] if "where" in short else []
        modules = groups.setdefault(tuple(sorted(short.items())), dict(short, modules={}))["modules"]
        modules.update(dict.fromkeys(group["modules"], rest))
    facts["reasons"] = list(groups.values())
    facts["conflicts"] = {}


def _drop_other_reasons(facts: Dict[str, Any]) -> None:
    """Keep the reason that decides an axis, and one conflict of each module: the plan follows from these.

    A module that can be loaded also keeps one blacklist, because that keeps the role from loading it. The blacklist of
    a dependency decides no axis, and each module has its own reason for it (group_reasons()).
    """
    decided: Set[Tuple[str, str]] = set()
    for group in facts["reasons"]:
        is_blacklist = group["code"] == Code.BLACKLIST
        kept = {}
        for name, rest in group["modules"].items():
            keys = set()
            if not is_blacklist or "dependency" not in group:
                keys.add((name, group["axis"]))
            if group["code"] in CONFLICT_CODES:
                keys.add((name, "conflict"))
            if is_blacklist and facts["modules"][name]["state"] != "blocked":
                keys.add((name, Code.BLACKLIST))
            if not keys <= decided:
                kept[name] = rest
            decided |= keys
        group["modules"] = kept
        if is_blacklist:
            group.pop("includes_dependents", None)
    groups: Dict[Any, Dict[str, Any]] = {}
    for group in facts["reasons"]:
        if group["modules"]:
            key = tuple((name, group[name]) for name in sorted(group) if name != "modules")
            groups.setdefault(key, dict(group, modules={}))["modules"].update(group["modules"])
    facts["reasons"] = list(groups.values())


def _shorten_texts(facts: Dict[str, Any]) -> None:
    for key in facts:
        if key not in ("modules", "managed"):
            facts[key] = _shorten_value(facts[key])


def _shorten_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {_shorten_value(key): _shorten_value(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_shorten_value(entry) for entry in value]
    while isinstance(value, str) and _measure(value) > MAX_TEXT_BYTES:
        value = value[: min(len(value) - 1, MAX_TEXT_BYTES)]
    return value


def _drop_providers(facts: Dict[str, Any]) -> None:
    """Drop modules outside the catalogue, to which aliases lead. The names of these aliases become unknown."""
    modules = facts["modules"]
    for name in [name for name in modules if name not in KNOWN_MODULES]:
        del modules[name]
    for name, entry in modules.items():
        if entry.get("provider", name) not in modules:
            modules[name] = {"state": "unknown", "autoload": "unknown", "boot": "unknown"}
    for group in facts["reasons"]:
        group["modules"] = {name: rest for name, rest in group["modules"].items() if name in modules}


def _drop_depends(facts: Dict[str, Any]) -> None:
    """This can make a verdict worse, never better."""
    for entry in facts["modules"].values():
        entry.pop("depends", None)


def _drop_requests(facts: Dict[str, Any]) -> None:
    """The worst answer to any request then holds for all of them."""
    for entry in facts["modules"].values():
        for answers in (entry, entry.get("next_boot", {})):
            if "never" in answers.pop("requests", {}).values():
                answers["autoload"] = "never"


_STEPS: Tuple[Tuple[str, Callable[[Dict[str, Any]], None]], ...] = (
    ("other_kernels", _drop_other_kernels),
    ("origin", _drop_origins),
    ("unreadable", _shorten_unreadable),
    ("boot_files", _merge_boot_files),
    ("managed", _shorten_managed),
    ("reasons", _drop_places),
    ("texts", _shorten_texts),
    ("other_reasons", _drop_other_reasons),
    ("providers", _drop_providers),
    ("depends", _drop_depends),
    ("requests", _drop_requests),
)
