# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that are still to be prepared, one name per line, for --limit @FILE of ansible-playbook. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.model import GOOD_VERDICTS, Document, Node

# This pattern matches no host. Ansible would read an empty file as if there were no limit.
NO_HOST = "!all"


def render(document: Document) -> Iterator[str]:
    """Yield the name of each node without a good verdict, and of each on which the run or the probe failed.

    A host that is not a Linux node is left out, and so is a node that the run did not select: with --limit,
    the file lists only nodes of that run. If no node remains, the only line is a pattern that matches no host.
    """
    names = [node.name for node in document.nodes if _is_remaining(node)]
    for name in names or [NO_HOST]:
        yield f"{name}\n"


def _is_remaining(node: Node) -> bool:
    return node.is_selected and not node.is_skipped and (node.verdict not in GOOD_VERDICTS or bool(node.failures))
