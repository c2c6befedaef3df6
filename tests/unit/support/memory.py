# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose files are in memory: property-based tests make thousands of them."""

from __future__ import annotations

import gzip
import zlib

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files


class MemoryFiles(Files):
    """Files of which all are regular and readable.

    :param contents: dict of path to bytes.
    """

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__("/nowhere")
        self.contents = contents
        self.links: dict[str, str] = {}

    def read_bytes(self, path: str, tail: int | None = None) -> bytes | None:
        content = self.contents.get(path)
        if content is None or tail is None:
            return content
        return content[max(0, len(content) - tail) :]

    def read_gzip(self, path: str) -> str | None:
        try:
            return gzip.decompress(self.contents[path]).decode("utf-8", "replace")
        except (KeyError, OSError, EOFError, zlib.error):
            return None

    def get_mode(self, path: str) -> int | None:
        return 0o755 if path in self.contents or self.is_dir(path) else None

    def is_dir(self, path: str) -> bool:
        return any(name.startswith(path + "/") for name in self.contents)

    def listdir(self, path: str) -> list[str]:
        return sorted({name[len(path) + 1 :].split("/")[0] for name in self.contents if name.startswith(path + "/")})

    def read_link(self, path: str) -> str | None:
        return self.links.get(path)
