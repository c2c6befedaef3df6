# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the recorder script, and traces what an observation reads."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import Recording
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import open_recording

SCRIPT = Path(__file__).parents[3] / "playbooks" / "files" / "record" / "record-node.sh"


def run_recorder(*arguments: str, shell: Sequence[str] = ("dash",), **options) -> subprocess.CompletedProcess:
    """Return the finished recorder.

    :param options: those of subprocess.run.
    """
    return subprocess.run([*shell, str(SCRIPT), *arguments], capture_output=True, check=False, **options)


def record(path: Path, *arguments: str, shell: Sequence[str] = ("dash",), **options) -> Recording:
    """Return the recording that the recorder wrote to a file."""
    done = run_recorder("--output", str(path), *arguments, shell=shell, **options)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return open_recording(str(path))


class TracingFiles(Files):
    """Files that note which paths are read, tested or listed.

    :ivar asked: the paths whose content, names or existence were asked for.
    :ivar links: the paths that were read as links.
    :ivar directories: those of I(asked) that were listed, or that count only if they are directories.
    """

    def __init__(self, root: str = "/") -> None:
        super().__init__(root)
        self.asked: set[str] = set()
        self.links: set[str] = set()
        self.directories: set[str] = set()

    def read_bytes(self, path, tail=None):
        self.asked.add(path)
        return super().read_bytes(path, tail)

    def get_mode(self, path):
        self.asked.add(path)
        return super().get_mode(path)

    def is_dir(self, path):
        self.directories.add(path)
        return super().is_dir(path)

    def read_link(self, path):
        self.links.add(path)
        return super().read_link(path)

    def real_path(self, path):
        self.asked.add(path)
        return super().real_path(path)

    def listdir(self, path):
        self.asked.add(path)
        self.directories.add(path)
        return super().listdir(path)

    def transact(self, path, request):
        self.asked.add(path)
        return super().transact(path, request)

    def has(self, path: str) -> bool:
        """Return whether the node has this path."""
        return os.path.lexists(self.resolve(path)) or super().read_link(path) is not None
