# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that probes at the same time do not affect each other, and that an interrupted probe leaves nothing.

A probe is interrupted while its program hangs: by SIGKILL, by SIGTERM, and by its timeout.
"""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import time

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import runner, sandbox, traffic
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.namespaces import SandboxError
from ansible_collections.nodeprep.istio.plugins.module_utils._probe.selection import RULE_SETS

# Shorter than the time that the sandbox allows a hanging program.
MAX_SECONDS_TO_END = sandbox.COMMAND_TIMEOUT / 2


def processes_in(namespace):
    """Return the ids of the processes in a network namespace, without those that ended and wait for their parent."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/net") == namespace:
                found.append(int(pid))
        except OSError:
            pass
    return found


def start_hanging_probe(timeout):
    """Start a probe whose program hangs; return its process id and its network namespace."""
    reader, writer = os.pipe()
    probe = os.fork()
    if probe == 0:

        def work(_emit):
            traffic.configure_loopback([], "ipv4")
            with traffic._socket("ipv4", traffic.socket.SOCK_STREAM, 1337):
                os.write(writer, os.readlink("/proc/self/ns/net").encode("ascii"))
                sandbox.run_program(["/bin/sleep", "600"])

        try:
            sandbox.run_isolated(work, timeout)
        except sandbox.UnfinishedError as exc:
            print(exc)
        except SandboxError as exc:
            os.write(writer, str(exc).encode("utf-8"))
        sys.stdout.flush()
        os._exit(0)
    os.close(writer)
    namespace = os.read(reader, 1000).decode("utf-8")
    if not processes_in(namespace):
        sys.exit("no probe was started: " + namespace)
    return probe, namespace


def wait_for_end(probe, namespace):
    """Wait for the end of the probe and of all of its processes; return the seconds in between."""
    os.waitpid(probe, 0)
    ended = time.time()
    while processes_in(namespace):
        if time.time() > ended + MAX_SECONDS_TO_END:
            sys.exit(f"the probe left the processes {processes_in(namespace)}")
        time.sleep(0.01)
    return time.time() - ended


def probe_some(_number):
    return runner.probe_node(Files(), RULE_SETS[::7], False, 600)


single = probe_some(0)
# Fork: it is not the default since Python 3.14, and the other start methods run this file again.
with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as pool:
    if list(pool.map(probe_some, range(3))) != [single] * 3:
        sys.exit("probes at the same time have other results than a single one")
print(f"three at the same time: {len(single.results)} rule sets with the results of a single probe")

killed = start_hanging_probe(600)
other = start_hanging_probe(600)
os.kill(killed[0], signal.SIGKILL)
print(f"killed: nothing is left after {wait_for_end(*killed):.2f} s")
if not processes_in(other[1]):
    sys.exit("the other probe ended too")
os.kill(other[0], signal.SIGTERM)
print(f"terminated: nothing is left after {wait_for_end(*other):.2f} s")
print(f"timed out: nothing is left after {wait_for_end(*start_hanging_probe(1)):.2f} s")
