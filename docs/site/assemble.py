# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the start page and the pages in Markdown to what antsibull-docs wrote: ``assemble.py SOURCE``.

Pages in Markdown lie in SOURCE as in the repository. What antsibull-docs wrote is in SOURCE/collection.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import yaml

ROOT = Path(__file__).parents[2]
BLOB = "https://github.com/nodeprep/istio/blob/main"
GUIDES = PurePosixPath("docs/docsite/rst")
PICTURES = (".png", ".svg")
# The README is for the repository; the start page replaces it.
PAGES = ("docs/*.md", "roles/*/README.md", "[A-Z]*.md")
NO_PAGES = ("README.md",)
# What antsibull-docs writes, and what is different in this site. The theme shows the contents of a page in its margin.
CONTENTS = re.compile(r"^\.\. contents::\n(   :.*\n)+", re.MULTILINE)
# In the index: its title, the toctrees of the guides, which the start page has, and the long names in the other ones.
INDEX_TITLE = re.compile(r"^Nodeprep\.Istio\n=+$", re.MULTILINE)
TITLE = "Modules, filters and roles\n=========================="
GUIDES_OF_INDEX = re.compile(r"\.\. toctree::\n.*?(?=\.\. _plugin_index_for)", re.DOTALL)
INDEX_ENTRY = re.compile(r"^    (\w+)_(module|filter|role)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TOCTREES_MARK = ".. toctrees of the guides\n"
TOCTREE = """.. toctree::
   :caption: {title}
   :hidden:

{entries}

"""


def list_pages() -> list[PurePosixPath]:
    """Return the pages in Markdown, relative to the repository."""
    found = {path.relative_to(ROOT).as_posix() for pattern in PAGES for path in ROOT.glob(pattern)}
    return [PurePosixPath(name) for name in sorted(found.difference(NO_PAGES))]


def place_guide(path: PurePosixPath) -> PurePosixPath:
    """Return where antsibull-docs puts a guide, relative to the source of the site."""
    return PurePosixPath("collection/docsite") / path.name


def convert_link(link: str, page: PurePosixPath, pages: Iterable[PurePosixPath]) -> str:
    """Return a link of a page in Markdown as it is in the site.

    A link to a file of the repository that is not a page of the site becomes a link to GitHub.
    """
    path, mark, anchor = link.partition("#")
    if not path or "://" in path or path.startswith("mailto:"):
        return link
    target = PurePosixPath(os.path.normpath(page.parent / path))
    if target in pages or target.suffix in PICTURES:
        return link
    if target.parent == GUIDES:
        return os.path.relpath(place_guide(target), page.parent) + mark + anchor
    return f"{BLOB}/{target}{mark}{anchor}"


def write_markdown(source: Path) -> None:
    pages = list_pages()
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        target = source / page
        target.parent.mkdir(parents=True, exist_ok=True)
        new = LINK.sub(lambda found, page=page: f"]({convert_link(found[1], page, pages)})", text)
        target.write_text(new, encoding="utf-8")


def make_toctrees(sections: Iterable[dict]) -> Iterator[str]:
    """Yield the parts of the navigation for the sections of extra-docs.yml."""
    for section in sections:
        entries = [f"   collection/docsite/{name}" for name in section["toctree"]]
        yield TOCTREE.format(title=section["title"], entries="\n".join(entries))


def write_start_page(source: Path) -> None:
    sections = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    text = (ROOT / "docs/site/index.rst").read_text(encoding="utf-8")
    (source / "index.rst").write_text(text.replace(TOCTREES_MARK, "".join(make_toctrees(sections))), encoding="utf-8")


def tidy_collection(folder: Path) -> None:
    """Adapt the pages that antsibull-docs wrote."""
    for path in folder.glob("*.rst"):
        path.write_text(CONTENTS.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    index = folder / "index.rst"
    text = INDEX_TITLE.sub(TITLE, GUIDES_OF_INDEX.sub("", index.read_text(encoding="utf-8")))
    index.write_text(INDEX_ENTRY.sub(r"    \1 <\1_\2>", text), encoding="utf-8")
    (folder / "environment_variables.rst").unlink()


def copy_pictures(source: Path) -> None:
    """Copy the pictures to the pages that show them."""
    for folder, target in (
        (ROOT / GUIDES, source / "collection" / "docsite"),
        (ROOT / "docs/cost", source / "docs/cost"),
    ):
        target.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.suffix in PICTURES:
                shutil.copy(path, target)


def main(source: Path) -> None:
    """Complete the source of the site."""
    tidy_collection(source / "collection")
    write_markdown(source)
    write_start_page(source)
    copy_pictures(source)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
