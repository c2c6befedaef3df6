# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code blocks of the documentation: in the guides, in the Markdown pages and in the examples of plugins."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from docutils import nodes
from docutils.core import publish_doctree
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[3]
MARKDOWN = ("README.md", "docs/*.md", "roles/*/README.md")
# A word that separates two commands consists of these characters.
_SEPARATORS = frozenset("();<>|&")


@dataclass(frozen=True)
class Block:
    """A code block: its page, the line at which it is, its language ("" if it has none), and its text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """The page and the line."""
        return f"{self.page}:{self.line}"


def list_pages() -> list[Path]:
    """Return the pages that users read."""
    pages = [path for pattern in ("docs/docsite/rst/*.rst", *MARKDOWN) for path in ROOT.glob(pattern)]
    return sorted(pages)


def list_blocks() -> list[Block]:
    """Return the blocks of all pages, and the examples of all plugins."""
    return [*(block for path in list_pages() for block in read_page(path)), *read_plugins()]


def read_page(path: Path) -> list[Block]:
    """Return the code blocks of a page. Raises ValueError if a page has a directive that docutils does not know."""
    name = str(path.relative_to(ROOT))
    text = path.read_text(encoding="utf-8")
    return list(_read_rst(name, text) if path.suffix == ".rst" else _read_markdown(name, text))


def parse_rst(text: str) -> nodes.document:
    """Return the tree of a page. The roles of Sphinx are unknown to docutils, and left out."""
    settings = {"report_level": 5, "halt_level": 5, "syntax_highlight": "none", "file_insertion_enabled": False}
    return publish_doctree(text, settings_overrides=settings)


def _read_rst(name: str, text: str) -> Iterator[Block]:
    document = parse_rst(text)
    for message in [*document.findall(nodes.system_message), *document.parse_messages]:
        if "Unknown directive" in message.astext():
            raise ValueError(f"{name}: {message.astext()}")
    for node in document.findall(nodes.literal_block):
        languages = [one for one in node["classes"] if one != "code"]
        yield Block(name, node.line or 0, languages[0] if languages else "", node.astext() + "\n")


def _read_markdown(name: str, text: str) -> Iterator[Block]:
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            yield Block(name, token.map[0] + 1 if token.map else 0, token.info.strip(), token.content)


def read_plugins() -> Iterator[Block]:
    """Yield the examples of the modules and filters."""
    for path in sorted([*ROOT.glob("plugins/modules/*.py"), *ROOT.glob("plugins/filter/*.py")]):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EXAMPLES":
                text = ast.literal_eval(statement.value)
                yield Block(str(path.relative_to(ROOT)), statement.lineno, "yaml", text)
    for path in sorted(ROOT.glob("plugins/modules/*.yml")):
        text = yaml.safe_load(path.read_text(encoding="utf-8"))["EXAMPLES"]
        yield Block(str(path.relative_to(ROOT)), 1, "yaml", text)


def list_commands(text: str) -> list[str]:
    """Return the commands of a console session, without their prompts and without their output.

    A session without prompts consists of commands only.
    """
    lines = text.replace("\\\n", " ").splitlines()
    for prompt in ("$ ", "# "):
        marked = [line.removeprefix(prompt) for line in lines if line.startswith(prompt)]
        if marked:
            return marked
    return [line for line in lines if line.strip()]


def split_command(command: str) -> Iterator[list[str]]:
    """Yield the words of each simple command in a command, without its variables and without sudo."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not _SEPARATORS.issuperset(word):
            words.append(word)
            continue
        while words and (words[0] == "sudo" or "=" in words[0]):
            words.pop(0)
        if words:
            yield words
        words = []
