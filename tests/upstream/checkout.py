# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the files of a release from a checkout of istio/istio, also a bare one. No work tree is needed."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

Version = tuple[int, int, int]

_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)(-[a-z]+\.\d+)?")
# The kinds of releases before the first patch of a minor release, in order.
_STAGES = ("alpha", "beta", "rc")


def parse_version(version: str) -> Version:
    """Return the parts of a version; 1.31 means 1.31.0."""
    major, minor, patch = (*version.split("."), "0")[:3]
    return int(major), int(minor), int(patch)


class UpstreamError(Exception):
    """The checkout cannot be compared: the message says why and what to do."""


@dataclass(frozen=True)
class Tag:
    """A tag of a release, for example 1.31.0-rc.0."""

    name: str
    version: Version
    stage: str = ""

    @classmethod
    def from_name(cls, name: str) -> Tag | None:
        """Return the tag of a release, or None for another tag."""
        match = _RELEASE.fullmatch(name)
        if match is None:
            return None
        major, minor, patch, stage = match.groups(default="")
        return cls(name, (int(major), int(minor), int(patch)), stage[1:])

    @property
    def is_final(self) -> bool:
        """Whether this is a release that people run, not an alpha, beta or release candidate."""
        return not self.stage

    @property
    def minor(self) -> str:
        """The minor release, for example 1.31."""
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def order(self) -> tuple[Version, int, int]:
        """Sort key: the stages of a version in order, then the version itself."""
        if self.is_final:
            return self.version, len(_STAGES), 0
        name, number = self.stage.split(".")
        return self.version, _STAGES.index(name) if name in _STAGES else -1, int(number)


@dataclass
class Checkout:
    """A git directory of istio/istio. Raises UpstreamError if it is none."""

    path: Path
    _blobs: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise UpstreamError(f"{self.path}: no such directory; give a checkout of istio/istio, which may be bare")
        try:
            self._run("rev-parse", "--git-dir")
        except UpstreamError as exc:
            raise UpstreamError(f"{exc}; give a checkout of istio/istio, which may be bare") from exc

    def list_tags(self) -> list[Tag]:
        """Return the tags of releases, the oldest first."""
        tags = [Tag.from_name(name) for name in self._run("tag", "--list").split()]
        return sorted((tag for tag in tags if tag is not None), key=lambda tag: tag.order)

    def list_files(self, tag: Tag, path: str) -> dict[str, str]:
        """Return the files of a release at or below a path: the path of each, and the name of its blob."""
        listed = self._run("ls-tree", "-r", "-z", f"refs/tags/{tag.name}^{{tree}}", "--", path)
        files = {}
        for entry in listed.split("\0"):
            if entry:
                properties, path = entry.split("\t", 1)
                files[path] = properties.split()[2]
        return files

    def read_blob(self, tag: Tag, path: str, blob: str) -> str:
        """Return the text of a file. Releases share most blobs, so each one is read once.

        Raises UpstreamError if the checkout does not contain it, as a partial clone may not.
        """
        if blob not in self._blobs:
            try:
                self._blobs[blob] = self._run("cat-file", "blob", blob)
            except UpstreamError as exc:
                message = f"{tag.name}: {path} is not in {self.path}; fetch it, since this clone is partial"
                raise UpstreamError(message) from exc
        return self._blobs[blob]

    def _run(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.path), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, check=True)
        except FileNotFoundError as exc:
            raise UpstreamError("git: command not found; install git") from exc
        except subprocess.CalledProcessError as exc:
            reason = " ".join(exc.stderr.decode("utf-8", "replace").split())
            raise UpstreamError(f"{self.path}: git {arguments[0]} failed: {reason}") from exc
        return done.stdout.decode("utf-8", "replace")
