# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx extension: names of files of the repository, and references to Ansible's own documentation, become links."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from assemble import BLOB, GUIDES, ROOT, place_guide
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
# Labels of Ansible's documentation that antsibull-docs and the guides refer to.
ANSIBLE_LABELS = {
    "action_plugins": "plugins/action.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
BUILTIN = re.compile(r"ansible_collections\.(ansible\.builtin)\.(\w+)_(module|filter|lookup)(?:__|$)")


def link_file_names(app: Sphinx, doctree: nodes.document) -> None:
    """Make each literal that is the path of a file in the repository a link to its page or to the file."""
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if "/" not in name or isinstance(literal.parent, nodes.reference | pending_xref) or not is_file(name):
            continue
        link = make_link(app.env, name)
        literal.replace_self(link)
        link += literal


def is_file(name: str) -> bool:
    return not name.startswith(("/", ".")) and ".." not in name and (ROOT / name).is_file()


def make_link(env: BuildEnvironment, name: str) -> nodes.Element:
    path = PurePosixPath(name)
    page = (place_guide(path) if path.parent == GUIDES else path).with_suffix("").as_posix()
    if page not in env.found_docs or path.suffix not in (".md", ".rst"):
        return nodes.reference("", "", refuri=f"{BLOB}/{name}")
    target = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{page}", "refexplicit": False, "refwarn": True}
    return pending_xref("", **target)


def link_ansible(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Return a link to Ansible's documentation for a reference that nothing here resolves."""
    target = node["reftarget"]
    found = BUILTIN.match(target)
    if found:
        page = f"collections/{found[1].replace('.', '/')}/{found[2]}_{found[3]}.html"
    elif target in ANSIBLE_LABELS:
        page = ANSIBLE_LABELS[target]
    else:
        return None
    return nodes.reference("", "", content, refuri=f"{ANSIBLE}/{page}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both."""
    app.connect("doctree-read", link_file_names)
    app.connect("missing-reference", link_ansible)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
