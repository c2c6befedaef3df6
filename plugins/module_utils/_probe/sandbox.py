# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run work in new network, mount and PID namespaces, with no more rights than Istio's containers have.

The namespaces have no name and no file: they end with the last process in them. The first process of the PID namespace
dies with its parent (PR_SET_PDEATHSIG), and the kernel then kills everything else in the namespace. So nothing is left,
not even if this process is killed. The first process does no work: a process that changes its user, as the work does,
outlives its parent, because the kernel then clears that signal (kernel/cred.c: commit_creds()).
"""

import json
import os
import select
import shutil
import signal
import subprocess
import time
from typing import Any, Callable, List, NoReturn, Optional, Tuple

from ansible_collections.nodeprep.istio.plugins.module_utils._probe import selinux_domain
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.namespaces import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    MS_NOSUID_NODEV,
    MS_REC_PRIVATE,
    SandboxError,
    die_with_parent,
    limit_programs,
    mount,
    unshare,
)

# Istio's containers do not see it either.
MODULES_TREE = "/lib/modules"
# Memory of the sandbox. iptables has its lock file there, in versions that know no other place.
PRIVATE_DIR = "/run"
# Seconds for one program.
COMMAND_TIMEOUT = 20
# Seconds that the kernel gets to end what was killed.
KILL_TIMEOUT = 5
# The exit code of timeout(1).
TIMEOUT_EXIT_CODE = 124

# Kinds of the messages from the sandbox.
RESULT, FINISHED, REFUSED, FAILED = "result", "finished", "refused", "failed"

Emit = Callable[[Any], None]
Work = Callable[[Emit], None]
_Send = Callable[[str, Any], None]


class UnfinishedError(Exception):
    """The work did not finish. The message has the reason.

    :ivar results: list of what the work emitted until then.
    """

    def __init__(self, message: str, results: List[Any]) -> None:
        super().__init__(message)
        self.results = results


def run_isolated(work: Work, timeout: float, file_label: Optional[str] = None) -> List[Any]:
    """Run work in a new sandbox, and return the list of what it emitted.

    :param work: function that takes a function C(emit), which sends one result that JSON can hold. It may call
        :func:`enter_new_network` and :func:`run_program`.
    :param timeout: seconds. Then the work and all processes that it started are killed.
    :param file_label: SELinux label of the sandbox's private files, or None for the default.

    Raises SandboxError if the node does not allow the sandbox, and UnfinishedError if the work does not finish.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    try:
        supervisor = os.fork()
    except OSError as exc:
        raise SandboxError(f"no process can be started (fork: {exc.strerror}); check the node's memory and limits")
    if supervisor == 0:
        os.close(reader)
        _supervise(work, writer, timeout, file_label, parent)
    os.close(writer)
    try:
        lines, in_time = _read_lines(reader, time.time() + timeout)
    finally:
        os.close(reader)
        _end(supervisor)
    return _collect_results(lines, "its processes were killed" if in_time else f"timeout after {timeout} seconds")


def _collect_results(lines: List[str], reason: str) -> List[Any]:
    """Return the results in the messages of the sandbox. Without the last message, I(reason) is the cause."""
    results = []
    failure = None
    is_finished = False
    for line in lines:
        kind, content = json.loads(line)
        if kind == REFUSED:
            raise SandboxError(content)
        if kind == RESULT:
            results.append(content)
        elif kind == FAILED:
            failure = failure or content
        elif kind == FINISHED:
            is_finished = True
    if not is_finished:
        raise UnfinishedError(failure or reason, results)
    return results


def _end(supervisor: int) -> None:
    """Let the supervisor kill everything, and wait for its end."""
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.time() + KILL_TIMEOUT
    while os.waitpid(supervisor, os.WNOHANG)[0] == 0:
        if time.time() > deadline:
            os.kill(supervisor, signal.SIGKILL)
            os.waitpid(supervisor, 0)
            return
        time.sleep(0.002)


def enter_new_network() -> None:
    """Leave the present network namespace for a new and empty one."""
    unshare(CLONE_NEWNET)


def run_program(arguments: List[str], stdin: str = "", context: Optional[str] = None) -> Tuple[int, str]:
    """Run a program in the sandbox, and return its exit code and what it printed on both outputs.

    :param context: SELinux context of the program, or None for that of this process. With a context, the program is
        a copy that the policy lets a container start, and its input and output are files that a container may use.

    Raises OSError if the program cannot be started, and SandboxError if the policy does not allow this process to
    start a program in that context.
    """
    with open(PRIVATE_DIR + "/input", "w") as handle:
        handle.write(stdin)
    try:
        if context:
            arguments = [_copy_program(arguments[0])] + arguments[1:]
            selinux_domain.enter_with_next_program(context)
        return _run_with_files(arguments)
    except OSError as exc:
        if context is None:
            raise
        raise SandboxError(
            f"selinux_domain: SELinux does not let this process, which is {selinux_domain.current_context()}, "
            f"start a program as {context}: {exc.strerror or exc}; set another type, or omit the option"
        )


def _run_with_files(arguments: List[str]) -> Tuple[int, str]:
    environment = {
        "LC_ALL": "C",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "XTABLES_LOCKFILE": PRIVATE_DIR + "/xtables.lock",
    }
    with open(PRIVATE_DIR + "/input") as source:
        with open(PRIVATE_DIR + "/output", "w+", encoding="utf-8", errors="replace") as output:
            # This is a fork inside namespaces, which AnsibleModule.run_command cannot reach.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                arguments, stdin=source, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd="/"
            )
            try:
                code = process.wait(COMMAND_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return TIMEOUT_EXIT_CODE, f"no answer in {COMMAND_TIMEOUT} seconds"
            output.seek(0)
            text = output.read().strip()
    return code, text if code >= 0 else f"killed by signal {-code}. {text}"


def _copy_program(program: str) -> str:
    copy = f"{PRIVATE_DIR}/{os.path.basename(program)}"
    if not os.path.exists(copy):
        shutil.copyfile(program, copy)
        os.chmod(copy, 0o755)
    return copy


def _read_lines(reader: int, deadline: float) -> Tuple[List[str], bool]:
    """Return the complete lines, and whether the end came before the deadline."""
    content = b""
    while select.select([reader], [], [], max(0, deadline - time.time()))[0]:
        chunk = os.read(reader, 65536)
        if not chunk:
            return content.decode("utf-8").splitlines(), True
        content += chunk
    return content.decode("utf-8").rpartition("\n")[0].splitlines(), False


def _supervise(work: Work, writer: int, timeout: float, file_label: Optional[str], parent: int) -> NoReturn:
    """Make the namespaces, start the first process of the PID namespace, and wait until all in it have ended."""

    def send(kind: str, content: Any) -> None:
        os.write(writer, (json.dumps([kind, content]) + "\n").encode("utf-8"))

    try:
        die_with_parent()
        # If it is another one, the parent ended a moment before.
        if os.getppid() == parent:
            unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)
            # No mount of the sandbox may reach the host.
            mount("none", "/", None, MS_REC_PRIVATE, None)
            first = os.fork()
            if first == 0:
                _hold_namespace(work, send, timeout, file_label)
            signal.signal(signal.SIGTERM, lambda _number, _frame: os.kill(first, signal.SIGKILL))
            os.waitpid(first, 0)
    except SandboxError as exc:
        send(REFUSED, str(exc))
    except Exception as exc:  # any error: this process ends here, and nothing else would report it
        send(FAILED, _describe_error(exc))
    finally:
        os._exit(0)


def _hold_namespace(work: Work, send: _Send, timeout: float, file_label: Optional[str]) -> NoReturn:
    """Be the first process of the PID namespace, on which all others depend, until the work has ended."""
    try:
        die_with_parent()
        # The parent is not visible from here. If it ended a moment before, this process must end without it. The
        # signal reaches the first process of a namespace only if it has a handler.
        signal.signal(signal.SIGALRM, lambda _number, _frame: os._exit(0))
        signal.alarm(int(timeout) + KILL_TIMEOUT)
        worker = os.fork()
        if worker == 0:
            _work_and_exit(work, send, file_label)
        os.waitpid(worker, 0)
    except Exception as exc:  # see _supervise()
        send(FAILED, _describe_error(exc))
    finally:
        os._exit(0)


def _work_and_exit(work: Work, send: _Send, file_label: Optional[str]) -> NoReturn:
    try:
        options = "size=16m,mode=0755"
        if file_label:
            options += ",context=" + file_label
        for path in (MODULES_TREE, PRIVATE_DIR):
            if os.path.isdir(path):
                mount("tmpfs", path, "tmpfs", MS_NOSUID_NODEV, options)
        limit_programs()
        work(lambda result: send(RESULT, result))
        send(FINISHED, None)
    except SandboxError as exc:
        send(REFUSED, str(exc))
    except Exception as exc:  # see _supervise()
        send(FAILED, _describe_error(exc))
    finally:
        os._exit(0)


def _describe_error(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"
