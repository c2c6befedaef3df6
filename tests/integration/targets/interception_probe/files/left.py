# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See that probes do not meet, and that nothing is left of one that is killed while its program hangs, nor of one whose time is over."""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import time

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._probe import rule_sets, runner, sandbox, traffic

# Shorter than what a program that hangs may take by itself.
AT_MOST = sandbox.PATIENCE / 2


def those_in(namespace):
    """Return the ids of the processes in a network namespace, those not counted that have ended and are only to be collected."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/net") == namespace:
                found.append(int(pid))
        except OSError:
            pass
    return found


def begin(timeout):
    """Begin a probe whose program hangs; return its process id and its network namespace."""
    reader, writer = os.pipe()
    probe = os.fork()
    if probe == 0:

        def work(_emit):
            traffic.set_up([], "ipv4")
            with traffic._socket("ipv4", traffic.socket.SOCK_STREAM, 1337):
                os.write(writer, os.readlink("/proc/self/ns/net").encode("ascii"))
                sandbox.run(["/bin/sleep", "600"])

        try:
            sandbox.collect(work, timeout)
        except sandbox.Ended as exc:
            print(exc)
        except sandbox.Refused as exc:
            os.write(writer, str(exc).encode("utf-8"))
        sys.stdout.flush()
        os._exit(0)
    os.close(writer)
    namespace = os.read(reader, 1000).decode("utf-8")
    if not those_in(namespace):
        sys.exit("no probe has begun: " + namespace)
    return probe, namespace


def end(probe, namespace):
    """Wait for the end of the probe and of all that it made; return the seconds between."""
    os.waitpid(probe, 0)
    ended = time.time()
    while those_in(namespace):
        if time.time() > ended + AT_MOST:
            sys.exit(f"of the probe are left the processes {those_in(namespace)}")
        time.sleep(0.01)
    return time.time() - ended


def probe_some(_number):
    return runner.examine(Files(), rule_sets.RULE_SETS[::7], False, 600)


alone = probe_some(0)
# By forking: since Python 3.14 that is not the default, and the other ways begin this file anew.
with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as pool:
    if list(pool.map(probe_some, range(3))) != [alone] * 3:
        sys.exit("probes at once give other results than one alone")
print(f"three at once: {len(alone[0])} rule sets as one alone")

killed = begin(600)
other = begin(600)
os.kill(killed[0], signal.SIGKILL)
print(f"killed: nothing is left after {end(*killed):.2f} s")
# Each goes its own way.
if not those_in(other[1]):
    sys.exit("the other probe ended too")
os.kill(other[0], signal.SIGTERM)
print(f"ended: nothing is left after {end(*other):.2f} s")
print(f"out of time: nothing is left after {end(*begin(1)):.2f} s")
