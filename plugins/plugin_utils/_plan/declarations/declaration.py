# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration: modules in a format, with what stands in their way. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH as BOOT_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import is_valid_name
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.model import Facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.conflicts import Conflict, find_conflicts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration_format import (
    DeclarationFormat,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import (
    FORMATS_BY_KEY,
    find_format,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError

# The first comments of a declaration for an image that does not exist yet.
SELECTION_ALONE = (
    "Made of the selection alone, without a node. Check that the kernel of the image has each of these modules,",
    "and that no line in modprobe.d blacklists one. A kernel before 5.18 also needs nft_counter.",
)


@dataclass(frozen=True)
class Declaration:
    """What the owner declares instead of a change by Ansible.

    ``format`` is the key of its format. ``modules`` are loaded at boot; ``kept`` are other names that the boot file
    lists already, if the declaration replaces it. ``conflicts`` are the lines that the owner removes first, each with
    the modules that it keeps from loading. ``exact`` is whether it was made of the facts of a node.
    """

    format: str
    modules: tuple[str, ...]
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    exact: bool = True

    def __post_init__(self) -> None:
        if self.format not in FORMATS_BY_KEY:
            raise StructureError("is not a declaration format", ("format",))
        for field, names in (("modules", self.modules), ("kept", self.kept)):
            if not all(is_valid_name(name) for name in names):
                raise StructureError("contains an invalid module name", (field,))

    @property
    def kind(self) -> str:
        """The title of its format."""
        return self._format.title

    @property
    def text(self) -> str:
        """The text to copy. The comments at its start name the conflicts."""
        entry = self._format
        comments = "".join(f"{entry.comment}{line}\n" for line in self._list_comments() if entry.comment)
        names = list(dict.fromkeys((*self.kept, *self.modules)))
        return f"{entry.first_line}{comments}{entry.render(names)}"

    @property
    def load_now(self) -> str:
        """The command that loads the modules now; NODE stands for the name of a node."""
        return self.make_load_command(self.file)

    def make_load_command(self, file: str) -> str:
        """Return the same command for another name of the file."""
        arguments = (self._format.load_argument.format(name=name) for name in self.modules)
        return self._format.load.format(names=" ".join(arguments), file=file)

    @property
    def file(self) -> str:
        """The name of a file with the text."""
        return self._format.file

    @property
    def _format(self) -> DeclarationFormat:
        return FORMATS_BY_KEY[self.format]

    def _list_comments(self) -> list[str]:
        return list(self.conflicts) if self.exact else [*SELECTION_ALONE, *self.conflicts]

    def as_dict(self) -> dict[str, object]:
        """Return the declaration with the types of JSON."""
        return {
            "kind": self.kind,
            "format": self.format,
            "modules": list(self.modules),
            "kept": list(self.kept),
            "conflicts": list(self.conflicts),
            "exact": self.exact,
            "load_now": self.load_now,
            "text": self.text,
        }


def make_declaration(
    facts: Facts, modules: Iterable[str], required: Iterable[str] = (), chosen: DeclarationFormat | None = None
) -> Declaration | None:
    """Return the declaration that loads these modules at boot, or None if no format is known for this system.

    A declared file replaces the whole boot file, so it also lists the names that the file lists already. If the facts
    do not include all of these names, there is no declaration.

    :param required: the modules of the selection; lines that keep one of them from loading are the conflicts.
    :param chosen: the format; None for that of the system.
    """
    entry = chosen or find_format(facts)
    if entry is None:
        return None
    modules = tuple(modules)
    kept: tuple[str, ...] = ()
    if entry.is_file:
        if facts.managed.truncated:
            return None
        listed = dict.fromkeys((*facts.managed.other_modules, *facts.boot_files.get(BOOT_FILE, ())))
        kept = tuple(name for name in listed if is_valid_name(name))
    conflicts = find_conflicts(facts, required, on_demand=False)
    return Declaration(entry.key, modules, kept, tuple(_describe_conflict(conflict) for conflict in conflicts))


def _describe_conflict(conflict: Conflict) -> str:
    line = f" ({conflict.line})" if conflict.line else ""
    modules = ", ".join(conflict.modules)
    text = f"{conflict.where}{line} keeps {modules} from loading; remove the line, then make the declaration again"
    # The line and the path are those of a node: they must not end the comment.
    return "".join(character if character.isprintable() else "?" for character in text)
