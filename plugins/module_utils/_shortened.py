# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Keep the facts small on any node: where there is too much to tell, details go first, and never what the verdict rests on.

Of a fleet of 10,000 nodes the controller holds all facts at once, and a fact cache keeps them.
"""

import json

from ansible_collections.nodeprep.istio.plugins.module_utils import _boot_file

# Bytes of JSON for the modules of the catalogue.
MOST_BYTES = 16 * 1024
MOST_CHARACTERS = 200
MOST_OF_A_POLICY = 4000
FEW = 3
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
    return dict(facts, shortened=cut) if cut else facts


def _size(facts):
    return len(json.dumps(facts))


def _origin(facts):
    for entry in facts["modules"].values():
        entry.pop("origin", None)


def _unreadable(facts):
    facts["unreadable"] = dict(sorted(facts["unreadable"].items())[:FEW])


def _boot_files(facts):
    """Whose lines they are matters for our own file alone."""
    files = facts["boot_files"]
    others = [name for path, names in files.items() if path != _boot_file.PATH for name in names]
    facts["boot_files"] = {path: files[path] for path in files if path == _boot_file.PATH}
    if others:
        facts["boot_files"][OTHER_FILES] = list(dict.fromkeys(others))


def _ours(facts):
    """Names that no facts tell of are kept in the file all the same: C(beside) is for those who declare a file of their own."""
    ours = facts["ours"]
    for override in ours["overrides"].values():
        override["lines"] = []
    for key in ("boot_file", "beside"):
        if ours.get(key):
            known = [name for name in ours[key] if name in facts["modules"]]
            ours[key] = known + [name for name in ours[key] if name not in known][:FEW]
    if ours["policy"]:
        ours["policy"]["cil"] = ours["policy"]["cil"][:MOST_OF_A_POLICY]


def _reasons(facts):
    """Without its line nobody can take a reason back: such modules are left to their owner."""
    texts, groups = {}, {}
    for group in facts["reasons"]:
        texts.setdefault((group["axis"], group["code"]), set()).add(group["text"])
    for group in facts["reasons"]:
        axis, code = group["axis"], group["code"]
        text = group["text"] if len(texts[axis, code]) <= FEW else SHORT
        short = groups.setdefault((axis, code, text), {"axis": axis, "code": code, "text": text, "modules": {}})
        short["modules"].update(dict.fromkeys(group["modules"], []))
    facts["reasons"] = list(groups.values())
    facts["conflicts"] = {}


def _texts(facts):
    facts.update({key: _cut(value) for key, value in facts.items() if key != "ours"})


def _cut(value):
    if isinstance(value, dict):
        return {_cut(key): _cut(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_cut(entry) for entry in value]
    return value[:MOST_CHARACTERS] if isinstance(value, str) else value


def _depends(facts):
    """A verdict may get worse by this, never better."""
    for entry in facts["modules"].values():
        entry.pop("depends", None)


_STEPS = (
    ("origin", _origin),
    ("unreadable", _unreadable),
    ("boot_files", _boot_files),
    ("ours", _ours),
    ("reasons", _reasons),
    ("texts", _texts),
    ("depends", _depends),
)
_SIZE_OF_NAMES = _size({"shortened": [name for name, _shorten in _STEPS]})
