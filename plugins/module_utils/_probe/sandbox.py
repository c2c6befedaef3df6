# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection.
"""Run work in network, mount and PID namespaces of its own, with no more rights than Istio's containers have.

The namespaces have no name and no file: they end with the last process in them. The first process of the PID namespace
dies with its parent (PR_SET_PDEATHSIG), and the kernel kills everything else in the namespace with it. So nothing stays,
not even when this process is killed. That first process does no work: one that changes its user, as the work does, outlives
its parent, since the kernel then takes the signal back (kernel/cred.c: commit_creds()).
"""

import ctypes
import errno
import json
import os
import select
import shutil
import signal
import subprocess
import time

from ansible_collections.nodeprep.istio.plugins.module_utils._probe import selinux_domain

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | 0x40000
MS_NOSUID_NODEV = 0x2 | 0x4
PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13

# What Istio's containers do not see either.
MODULES_TREE = "/lib/modules"
# Where the lock file of iptables is, for versions that know no other place; here it is private memory.
SPACE = "/run"
# Seconds for one program.
PATIENCE = 20
# Seconds that the kernel gets to end what was killed, before it is left alone with it.
GRACE = 5

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The node does not let this process make such namespaces; the message says why and what would help."""


class Ended(Exception):
    """The work came to no end; the message says how."""


def collect(work, timeout, label=None):
    """Run I(work) in a scratch, return the list of what it emitted.

    :param work: function that takes I(emit), a function for one result that JSON can hold. It may call
        :func:`new_network` and :func:`run`.
    :param timeout: seconds; the work and all that it started is killed then.
    :param label: SELinux label of the scratch's private files, or None for the default.
    :raises Refused: before the work began.
    :raises Ended: with the attribute C(results), what was emitted until then.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    try:
        supervisor = os.fork()
    except OSError as exc:
        raise Refused("no process can be started (fork: {0})".format(exc.strerror))
    if supervisor == 0:
        os.close(reader)
        _supervise(work, writer, timeout, label, parent)
    os.close(writer)
    try:
        lines, in_time = _read_lines(reader, time.time() + timeout)
    finally:
        os.close(reader)
        _end(supervisor)
    messages = [json.loads(line) for line in lines]
    refusal = next((message["refused"] for message in messages if "refused" in message), None)
    if refusal:
        raise Refused(refusal)
    results = [message["result"] for message in messages if "result" in message]
    if not any("end" in message for message in messages):
        error = next((message["error"] for message in messages if "error" in message), None)
        ended = Ended(
            error or ("its processes were killed" if in_time else "the time-out of {0} seconds is over".format(timeout))
        )
        ended.results = results
        raise ended
    return results


def _end(supervisor):
    """Have everything killed, and wait until it is gone."""
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.time() + GRACE
    while os.waitpid(supervisor, os.WNOHANG)[0] == 0:
        if time.time() > deadline:
            os.kill(supervisor, signal.SIGKILL)
            os.waitpid(supervisor, 0)
            return
        time.sleep(0.002)


def new_network():
    """Leave the present network namespace for a new and empty one."""
    _unshare(CLONE_NEWNET)


def run(arguments, stdin="", context=None):
    """Run a program in the scratch, return (exit code, what it printed on both outputs).

    :param context: SELinux context to run it in, or None for that of this process. The program is a copy then, which the
        policy lets a container start, and its input and output are files that the policy lets a container use.
    :raises Refused: where the policy does not let this process start a program in that context.
    """
    environment = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XTABLES_LOCKFILE": SPACE + "/xtables.lock"}
    with open(SPACE + "/input", "w") as handle:
        handle.write(stdin)
    try:
        if context:
            arguments = [_copy(arguments[0])] + arguments[1:]
            selinux_domain.enter_with_next_program(context)
        with (
            open(SPACE + "/input") as source,
            open(SPACE + "/output", "w+", encoding="utf-8", errors="replace") as output,
        ):
            # Here is a fork inside namespaces, out of reach of AnsibleModule.run_command.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                arguments, stdin=source, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd="/"
            )
            try:
                code = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return 124, "no answer in {0} seconds".format(PATIENCE)
            output.seek(0)
            text = output.read().strip()
    except OSError as exc:
        if context is None:
            raise
        words = (
            "SELinux does not let this process, which is {0}, start a program as {1}: {2}. Give another type, or none"
        )
        raise Refused(words.format(selinux_domain.present(), context, exc.strerror or exc))
    return code, text if code >= 0 else "killed by signal {0}. {1}".format(-code, text)


def _copy(program):
    copy = "{0}/{1}".format(SPACE, os.path.basename(program))
    if not os.path.exists(copy):
        shutil.copyfile(program, copy)
        os.chmod(copy, 0o755)
    return copy


def _read_lines(reader, deadline):
    """Return (lines, whether the end came in time)."""
    content = b""
    while True:
        if not select.select([reader], [], [], max(0, deadline - time.time()))[0]:
            break
        chunk = os.read(reader, 65536)
        if not chunk:
            return content.decode("utf-8").splitlines(), True
        content += chunk
    return content.decode("utf-8").rpartition("\n")[0].splitlines(), False


def _supervise(work, writer, timeout, label, parent):
    """Make the namespaces, start the first process of the PID namespace, and wait until all in it are gone. Never returns."""

    def say(**message):
        os.write(writer, (json.dumps(message) + "\n").encode("utf-8"))

    try:
        _die_with_parent()
        if os.getppid() != parent:
            return  # it died a moment before
        _unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)
        # Not one mount made below may reach the host.
        _mount("none", "/", None, MS_REC_PRIVATE, None)
        first = os.fork()
        if first == 0:
            _stand(work, say, timeout, label)
        signal.signal(signal.SIGTERM, lambda _number, _frame: os.kill(first, signal.SIGKILL))
        os.waitpid(first, 0)
    except Refused as exc:
        say(refused=str(exc))
    except Exception as exc:  # whatever it is: this process ends here, and nothing else would tell
        say(error="{0}: {1}".format(type(exc).__name__, exc))
    finally:
        os._exit(0)


def _stand(work, say, timeout, label):
    """Be the first process of the PID namespace, on which all others depend, until the work is done. Never returns."""
    try:
        _die_with_parent()
        # Should the parent, unseen from here, have died a moment before: end by oneself. Only with a handler does the signal reach a first process.
        signal.signal(signal.SIGALRM, lambda _number, _frame: os._exit(0))
        signal.alarm(int(timeout) + GRACE)
        worker = os.fork()
        if worker == 0:
            _work(work, say, label)
        os.waitpid(worker, 0)
    except Exception as exc:  # see _supervise()
        say(error="{0}: {1}".format(type(exc).__name__, exc))
    finally:
        os._exit(0)


def _work(work, say, label):
    try:
        label = ",context=" + label if label else ""
        for path in (MODULES_TREE, SPACE):
            if os.path.isdir(path):
                _mount("tmpfs", path, "tmpfs", MS_NOSUID_NODEV, "size=16m,mode=0755" + label)
        limit_programs()
        work(lambda result: say(result=result))
        say(end=True)
    except Refused as exc:
        say(refused=str(exc))
    except Exception as exc:
        say(error="{0}: {1}".format(type(exc).__name__, exc))
    finally:
        os._exit(0)


def limit_programs():
    """Let programs that are started from here on have two capabilities and no other: those that istio-init has.

    So a program can load no module itself (CAP_SYS_MODULE); the kernel still can on its behalf.
    """
    # The kernel knows fewer; where /proc is restricted (subset=pid) it does not say how many.
    for capability in range(64):
        if capability not in (CAP_NET_ADMIN, CAP_NET_RAW) and _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            number = ctypes.get_errno()
            if number == errno.EINVAL:
                break
            raise Refused("a capability cannot be given up (prctl: {0})".format(os.strerror(number)))


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


_REFUSALS = {
    errno.EPERM: "root with CAP_SYS_ADMIN is needed; in a container, or under its seccomp filter, it is not given. Run the probe on the host itself",
    errno.ENOSPC: "the limit user.max_net_namespaces, user.max_pid_namespaces or user.max_mnt_namespaces is reached",
    errno.EINVAL: "this kernel has no network or PID namespaces",
    errno.ENOSYS: "this kernel has no namespaces, or a seccomp filter hides them",
}


def _unshare(flags):
    if _libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise Refused(
            "no namespace can be made (unshare: {0}): {1}".format(
                os.strerror(number), _REFUSALS.get(number, "see the kernel's log")
            )
        )


def _mount(source, target, kind, flags, data):
    encoded = [None if text is None else text.encode("utf-8") for text in (source, target, kind, data)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]) != 0:
        number = ctypes.get_errno()
        remedy = _REFUSALS[errno.EPERM] if number in (errno.EPERM, errno.EACCES) else "see the kernel's log"
        raise Refused(
            "{0} cannot be mounted over in a mount namespace (mount: {1}): {2}".format(
                target, os.strerror(number), remedy
            )
        )
