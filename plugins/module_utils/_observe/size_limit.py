# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Keep the facts small: where there is too much to tell, details go first. What the verdict rests on goes last, and can only make it worse.

Of a fleet of 10,000 nodes the controller holds all facts at once, and a fact cache keeps them.
"""

import json

from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe_conf import COMMAND_LINE
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import REFUSALS

# Bytes of JSON for the modules of the catalogue.
MOST_BYTES = 16 * 1024
MOST_OF_A_TEXT = 200
FEW = 3
MOST_OVERRIDES = 20
SHORT = "more of these are on the node than the facts can tell"
OTHER_FILES = "other files"


def shortened(facts, most_bytes=MOST_BYTES):
    """Return the facts, which it changes, with no more bytes than these; C(shortened) then names what was cut, in the order in which it was.

    The last steps are for nodes that nobody has by mistake, such as an index that names a module a thousand times.
    """
    cut = []
    for name, shorten in _STEPS:
        before = _size(facts)
        if before + _SIZE_OF_NAMES <= most_bytes:
            break
        shorten(facts)
        if _size(facts) < before:
            cut.append(name)
    return dict(facts, truncated=cut) if cut else facts


def _size(value):
    return len(json.dumps(value))


def _origin(facts):
    for entry in facts["modules"].values():
        entry.pop("origin", None)


def _unreadable(facts):
    facts["unreadable"] = dict(sorted(facts["unreadable"].items())[:FEW])


def _boot_files(facts):
    """Whose lines they are matters for our own file alone."""
    files = facts["boot_files"]
    others = [name for path, names in files.items() if path != boot_block.PATH for name in names]
    facts["boot_files"] = {path: files[path] for path in files if path == boot_block.PATH}
    if others:
        facts["boot_files"][OTHER_FILES] = list(dict.fromkeys(others))


def _ours(facts):
    """The role looks at all of it again when it acts."""
    ours = facts["managed"]
    # Those that ask for something come first.
    by_need = sorted(
        ours["overrides"].items(), key=lambda pair: (pair[1]["current"] and not pair[1]["edited"], pair[0])
    )
    ours["overrides"] = {
        path: {"current": told["current"], "edited": told["edited"]} for path, told in by_need[:MOST_OVERRIDES]
    }
    for key in ("boot_file", "other_modules"):
        names = ours.get(key) or ()
        known = [name for name in names if name in facts["modules"]]
        if len(names) > len(known) + FEW:
            ours[key] = known + [name for name in names if name not in known][:FEW]
            ours["truncated"] = True


def _reasons(facts):
    """Without its line nobody can take a reason back: such modules are left to their owner. The kernel command line is one for all."""
    texts, groups = {}, {}
    for group in facts["reasons"]:
        texts.setdefault((group["axis"], group["code"]), set()).add(group["text"])
    for group in facts["reasons"]:
        short = {key: group[key] for key in ("axis", "code", "dependency", "includes_dependents") if key in group}
        short["text"] = group["text"] if len(texts[group["axis"], group["code"]]) <= FEW else SHORT
        if group.get("where") == COMMAND_LINE:
            short["where"] = COMMAND_LINE
        modules = groups.setdefault(tuple(sorted(short.items())), dict(short, modules={}))["modules"]
        modules.update(dict.fromkeys(group["modules"], [None] if "where" in short else []))
    facts["reasons"] = list(groups.values())
    facts["conflicts"] = {}


def _further_reasons(facts):
    """What decides an axis stays, and that somebody's line keeps the module from loading: what is done on the node follows from these."""
    decided, refused = set(), set()
    for group in facts["reasons"]:
        refusal = group["code"] in REFUSALS
        kept = {
            name: rest
            for name, rest in group["modules"].items()
            if (name, group["axis"]) not in decided or (refusal and name not in refused)
        }
        decided.update((name, group["axis"]) for name in kept)
        refused.update(kept if refusal else ())
        group["modules"] = kept
    facts["reasons"] = [group for group in facts["reasons"] if group["modules"]]


def _texts(facts):
    facts.update({key: _cut(value) for key, value in facts.items() if key not in ("modules", "managed")})


def _cut(value):
    if isinstance(value, dict):
        return {_cut(key): _cut(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_cut(entry) for entry in value]
    while isinstance(value, str) and _size(value) > MOST_OF_A_TEXT:
        value = value[: min(len(value) - 1, MOST_OF_A_TEXT)]
    return value


def _providers(facts):
    """What an alias of somebody's own leads to is of no module of ours: nothing is said of a module that it takes away."""
    modules = facts["modules"]
    for name in [name for name in modules if name not in KNOWN_MODULES]:
        del modules[name]
    for name, entry in modules.items():
        if entry.get("provider", name) not in modules:
            modules[name] = dict.fromkeys(("state", "autoload", "boot"), "unknown")
    for group in facts["reasons"]:
        group["modules"] = {name: rest for name, rest in group["modules"].items() if name in modules}


def _depends(facts):
    """A verdict may get worse by this, never better."""
    for entry in facts["modules"].values():
        entry.pop("depends", None)


_STEPS = (
    ("origin", _origin),
    ("unreadable", _unreadable),
    ("boot_files", _boot_files),
    ("managed", _ours),
    ("reasons", _reasons),
    ("texts", _texts),
    ("other_reasons", _further_reasons),
    ("providers", _providers),
    ("depends", _depends),
)
_SIZE_OF_NAMES = _size({"truncated": [name for name, _shorten in _STEPS]})
