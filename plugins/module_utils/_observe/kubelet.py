# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that contains the kubelet, if it has another name than that."""

from typing import Optional

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files

KUBELET = "kubelet"
# MicroK8s runs all of Kubernetes in one process. k3s starts its own program again under the name k3s-server or
# k3s-agent (cmd/k3s/main.go: stageAndRun), which the kernel then shows in comm (fs/exec.c: begin_new_exec()).
OTHER_NAMES = ("kubelite", "k3s", "k3s-server", "k3s-agent")
# Bounds the time that this takes.
MAX_PROCESSES = 5000


def find_unusual_kubelet(files: Files) -> Optional[str]:
    """Return the name of the process that contains the kubelet; None if it is "kubelet", or if there is none."""
    found = set()
    # The kubelet is older than the processes of pods, so their names are rarely read.
    processes = sorted((name for name in files.listdir("/proc") if name.isdecimal()), key=int)
    for process in processes[:MAX_PROCESSES]:
        path = f"/proc/{process}/comm"
        name = (files.read(path) or "").strip()
        # A process may end at any moment.
        files.unreadable.pop(path, None)
        if name == KUBELET:
            return None
        if name in OTHER_NAMES:
            found.add(name)
    return next((name for name in OTHER_NAMES if name in found), None)
