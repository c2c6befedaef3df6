# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record a node that has no Python, and save the recording on the controller.

Two tasks, one that runs the recorder and one that saves its output, would keep the recordings of all nodes in memory.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import ArchiveError, read_archive
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import REMEDY, parse_recording
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import find_blocks
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.other_system import (
    describe_skip,
    find_other_system,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._report.text import to_one_line

ARGUMENTS = {"directory": {"type": "path", "required": True}}
RECORDER = Path(__file__).parents[2] / "playbooks" / "files" / "record" / "record-node.sh"
MAX_PROBLEM_CHARS = 500
# The recorder ends with this code and this line on a node without Linux.
NOT_LINUX = 3
NOT_LINUX_PREFIX = "record-node: not a Linux node: "
_INVALID = re.compile(r"[^A-Za-z0-9._:@-]")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        variables = task_vars or {}
        name = str(variables["inventory_hostname"])
        network_os = self._templar.template(variables.get("ansible_network_os"))
        shell = self._connection._shell.SHELL_FAMILY
        system = find_other_system(self._connection.transport, shell, str(network_os or ""))
        if system:
            return {**result, **describe_skip(system)}
        output = self._run_recorder(name, variables)
        if output.get("rc") == NOT_LINUX:
            return {**result, **describe_skip(_describe_failure(output).removeprefix(NOT_LINUX_PREFIX))}
        if output.get("failed") or output.get("skipped"):
            return {**result, "failed": True, "msg": f"{name}: the recorder failed ({_describe_failure(output)})"}
        try:
            archive = _extract(str(output.get("stdout", "")), _make_valid(name))
            path = _save(archive, arguments["directory"], _make_valid(name))
        except ArchiveError as exc:
            return {**result, "failed": True, "msg": f"{name}: the recording cannot be used: {exc}; {REMEDY}"}
        except OSError as exc:
            return {**result, "failed": True, "msg": f"{name}: the recording cannot be saved ({exc})"}
        return {**result, "changed": False, "path": path, "size": len(archive)}

    def _run_recorder(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the result of the recorder on the node, also in check mode: it changes nothing."""
        task = self._task.copy()
        task.check_mode = False
        command = [str(RECORDER), "--base64", "--name", _make_valid(name)]
        task.args = {"_raw_params": shlex.join(command), "executable": "/bin/sh"}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.script",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        output: dict[str, Any] = action.run(task_vars=variables)
        return output


def _make_valid(name: str) -> str:
    """Return the name of a host as a recording may have it; the recorder does not change it."""
    valid = _INVALID.sub("-", name)
    return valid if valid[0].isalnum() else f"node{valid}"


def _describe_failure(output: dict[str, Any]) -> str:
    for key in ("stderr", "stdout", "msg"):
        lines = str(output.get(key) or "").strip().splitlines()
        if lines:
            return to_one_line(lines[-1], MAX_PROBLEM_CHARS)
    return "it printed nothing"


def _extract(text: str, name: str) -> bytes:
    """Return the archive in the output of the recorder.

    Raises ArchiveError if it is not a complete recording of the node with this name: a node must not speak for others.
    """
    block = next(find_blocks(text.encode("utf-8", "replace").splitlines()), None)
    if block is None:
        raise ArchiveError("the recorder printed none")
    archive = block.decode()
    recording = parse_recording(read_archive(archive))
    if recording.name != name:
        raise ArchiveError(f"it is one of {recording.name}")
    return archive


def _save(archive: bytes, directory: str, name: str) -> str:
    """Write a recording that only its owner may read; return its path.

    :param name: a valid one, so that the file is neither hidden nor in another directory.
    """
    path = os.path.join(directory, f"{name}.tar.gz")
    os.makedirs(directory, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(archive)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    return path
