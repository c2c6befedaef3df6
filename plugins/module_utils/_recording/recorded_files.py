# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a recorded node, in memory: the same view as that of a live node, with the same errors."""

import errno
import os
import stat
from typing import Dict, FrozenSet, List, Mapping, Optional, Set

from ansible_collections.nodeprep.istio.plugins.module_utils._files import NULL_DEVICE, Files
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import (
    MAX_MEMBERS,
    ArchiveError,
    Member,
)

INVALID = b"invalid"


class RecordedFiles(Files):
    """Files of a recording.

    A path in I(errors) without a member is unreadable with all that is below it, as in a directory that may not be
    searched. With a member, only its content or its list of names is unreadable. An empty file /dev/null stands for the
    device.

    Raises ArchiveError if the members imply too many directories.

    :param members: dict of path on the node to what is recorded there; directories above these are implied.
    :param errors: dict of path to the error text of each file that could not be read.
    :param modules: the modules that the recorder looked for.
    :param answers: dict of a request to the policy of SELinux to its answer; see :meth:`transact`.
    """

    def __init__(
        self,
        members: Mapping[str, Member],
        errors: Mapping[str, str],
        modules: FrozenSet[str],
        answers: Mapping[bytes, bytes],
    ) -> None:
        super().__init__()
        self.covered_modules = modules
        self.is_live = False
        self._members = members
        self._answers = answers
        self._names: Dict[str, Set[str]] = {"": set()}
        for path in members:
            self._add_to_parents(path)
        self._errors = {self.resolve(path): text for path, text in errors.items()}

    def transact(self, path: str, request: bytes) -> Optional[bytes]:
        """Return the recorded answer to a request, or None if it was not recorded.

        Raises OSError if the kernel rejected the request (EINVAL).
        """
        answer = self._answers.get(request)
        if answer is None:
            self.get_mode(path)  # notes why there is none
        if answer == INVALID:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return answer

    def _add_to_parents(self, path: str) -> None:
        while path:
            parent, _slash, name = path.rpartition("/")
            names = self._names.setdefault(parent, set())
            if name in names:
                return
            if len(self._names) > MAX_MEMBERS:
                raise ArchiveError(f"it has more than {MAX_MEMBERS} directories")
            names.add(name)
            path = parent

    def _read_content(self, location: str, tail: Optional[int]) -> bytes:
        mode = self._stat_mode(location)
        self._check_readable(location)
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        content = self._members[location].content
        return content if tail is None else content[max(0, len(content) - tail) :]

    def _stat_mode(self, location: str) -> int:
        if "\0" in location:
            raise ValueError("embedded null byte")
        member = self._members.get(location)
        if member is None and location not in self._names:
            self._check_searchable(location)
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        if member is None:
            return stat.S_IFDIR | 0o755
        if stat.S_ISLNK(member.mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return stat.S_IFCHR | 0o666 if location == NULL_DEVICE else member.mode

    def _list_names(self, location: str) -> List[str]:
        if not stat.S_ISDIR(self._stat_mode(location)):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        self._check_readable(location)
        return list(self._names.get(location, ()))

    def _read_target(self, location: str) -> Optional[str]:
        member = self._members.get(location)
        return member.target if member is not None and stat.S_ISLNK(member.mode) else None

    def _check_readable(self, location: str) -> None:
        if location in self._errors:
            raise OSError(errno.EACCES, self._errors[location])

    def _check_searchable(self, location: str) -> None:
        """Raise OSError if this path, or a directory above it that is not recorded, is unreadable."""
        while location and location not in self._names and location not in self._members:
            self._check_readable(location)
            location = location.rpartition("/")[0]
