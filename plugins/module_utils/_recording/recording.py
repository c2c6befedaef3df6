# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording of a node: a directory or an archive with these members.

recording        lines "key=value"; the first is "nodeprep-recording=1", the last "complete=yes". The value of "modules"
                 is the names of the modules that the recorder looked for.
files/PATH       the node's file /PATH
unreadable       lines "PATH<TAB>error text", for files that exist and could not be read
commands/NUMBER  what a program printed: a line "exit=CODE", a line with its arguments between tabs, the output.
                 Without this directory no program could be started.
selinux/DOMAIN   a request to /sys/fs/selinux/access, and on the second line the answer, or "invalid"
"""

import re
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import (
    ArchiveError,
    Members,
    check_path,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recorded_files import RecordedFiles

MANIFEST = "recording"
FORMAT_KEY = "nodeprep-recording"
FORMAT = "1"
REMEDY = "record the node again"
FILES = "files"
COMMANDS = "commands"
SELINUX = "selinux/"
MAX_ERRORS = 5000
# A shell returns this code for a program that does not exist.
NOT_FOUND = 127

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,252}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_EXIT = re.compile(rb"exit=(\d{1,3})")


class RecordingError(ValueError):
    """A file or a directory that cannot be used as a recording; the message names it."""


class Recording(NamedTuple):
    """A recorded node, ready to observe.

    :ivar name: of the node.
    :ivar recorded_at: ISO 8601, UTC.
    :ivar run: returns what a program printed when the node was recorded; None if none could be started.
    """

    name: str
    recorded_at: str
    files: RecordedFiles
    run: Optional[Callable[[List[str]], Tuple[int, str]]]


def parse_recording(members: Members) -> Recording:
    """Return the recording with these members. Raises ArchiveError."""
    members = _strip_directory(members)
    manifest = _parse_manifest(members)
    name, recorded_at = manifest.get("name", ""), manifest.get("recorded_at", "")
    if not _NAME.fullmatch(name):
        raise ArchiveError(f"its manifest has no valid name of a node ({name[:100]!r})")
    if not _TIME.fullmatch(recorded_at):
        raise ArchiveError(f"its manifest has no valid time of recording ({recorded_at[:100]!r})")
    recorded = {}
    for member in members.values():
        if member.name == FILES or member.name.startswith(FILES + "/"):
            recorded[member.name[len(FILES) :]] = member
    # A recorder of another release may look for other modules.
    modules = frozenset(manifest["modules"].split() if "modules" in manifest else KNOWN_MODULES)
    files = RecordedFiles(recorded, _parse_errors(members), modules, _parse_selinux(members))
    return Recording(name, recorded_at, files, _make_runner(members))


def _strip_directory(members: Members) -> Members:
    """Return the members below the one directory that has all of them, if somebody packed an unpacked recording so."""
    tops = {name.partition("/")[0] for name in members}
    if MANIFEST in members or len(tops) != 1:
        return members
    prefix = tops.pop() + "/"
    below = [member._replace(name=name[len(prefix) :]) for name, member in members.items() if name.startswith(prefix)]
    return {member.name: member for member in below}


def _parse_manifest(members: Members) -> Dict[str, str]:
    lines = _read_text(members, MANIFEST).splitlines()
    manifest = dict(_split(line, "=") for line in lines)
    if not lines or FORMAT_KEY not in manifest or _split(lines[0], "=")[0] != FORMAT_KEY:
        raise ArchiveError("it is not a recording: it has no manifest")
    if manifest[FORMAT_KEY] != FORMAT:
        raise ArchiveError(
            f"it has format {manifest[FORMAT_KEY][:20]!r}; this version of the collection reads format 1"
        )
    if lines[-1] != "complete=yes":
        raise ArchiveError("its manifest is incomplete")
    return manifest


def _parse_errors(members: Members) -> Dict[str, str]:
    lines = _read_text(members, "unreadable").split("\n", MAX_ERRORS)
    if len(lines) > MAX_ERRORS:
        raise ArchiveError(f"it has more than {MAX_ERRORS} unreadable files")
    errors = dict(_split(line, "\t") for line in lines if line)
    for path in errors:
        check_path(path)
    return errors


def _parse_selinux(members: Members) -> Dict[bytes, bytes]:
    answers = {}
    for name, member in members.items():
        if name.startswith(SELINUX):
            lines = member.content.splitlines()
            if len(lines) == len(("request", "answer")):
                answers[lines[0]] = lines[1]
    return answers


def _make_runner(members: Members) -> Optional[Callable[[List[str]], Tuple[int, str]]]:
    answers: Dict[Tuple[str, ...], Tuple[int, str]] = {}
    can_run = COMMANDS in members
    for name, member in members.items():
        if name.startswith(COMMANDS + "/"):
            can_run = True
            code, arguments, output = _parse_command(name, member.content)
            answers[arguments] = (code, output)

    def run(arguments: List[str]) -> Tuple[int, str]:
        return answers.get(tuple(arguments), (NOT_FOUND, ""))

    return run if can_run else None


def _parse_command(name: str, content: bytes) -> Tuple[int, Tuple[str, ...], str]:
    """Return exit code, arguments and output."""
    first, _feed, rest = content.partition(b"\n")
    match = _EXIT.fullmatch(first)
    if not match:
        raise ArchiveError(f"its member {name!r} has no exit code")
    arguments, _feed, output = rest.partition(b"\n")
    return int(match.group(1)), tuple(_decode(arguments).split("\t")), output.decode("utf-8", "replace")


def _read_text(members: Members, name: str) -> str:
    return _decode(members[name].content) if name in members else ""


def _decode(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _split(line: str, separator: str) -> Tuple[str, str]:
    key, _separator, value = line.partition(separator)
    return key, value
