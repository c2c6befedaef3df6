# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest that records the nodes of a cluster. "make manifest" validates it against the schemas of Kubernetes."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
import yaml
from ansible_collections.nodeprep.istio.tests.unit.support.recorder import SCRIPT

FOLDER = SCRIPT.parent


@pytest.fixture
def pod():
    """The pod of the DaemonSet."""
    daemonset = yaml.safe_load((FOLDER / "daemonset.yml").read_text(encoding="utf-8"))
    return daemonset["spec"]["template"]["spec"]


def test_the_pod_sees_its_node_and_runs_on_each_one(pod):
    assert pod["hostPID"] is True
    assert pod["hostNetwork"] is True
    assert pod["tolerations"] == [{"operator": "Exists"}]


def test_the_pod_can_write_only_to_its_scratch_directory(pod):
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/tmp"]


def test_kustomize_adds_the_script_and_the_image(pod):
    kustomization = yaml.safe_load((FOLDER / "kustomization.yml").read_text(encoding="utf-8"))
    (config_map,) = kustomization["configMapGenerator"]
    (image,) = kustomization["images"]
    assert config_map["files"] == [SCRIPT.name]
    assert config_map["name"] in [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
    assert image["name"] == pod["containers"][0]["image"]


def test_the_container_waits_after_the_recording_and_ends_at_once(pod, tmp_path):
    shell, option, command = pod["containers"][0]["command"]
    (tmp_path / "record-node.sh").write_text('echo "recorded $*"\n')
    command = command.replace("/record/", f"{tmp_path}/").replace("/tmp/recorded", f"{tmp_path}/recorded")
    arguments = [shell, option, command]
    environment = {**os.environ, "NODE_NAME": "node1"}
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment, start_new_session=True)
    try:
        wait_for(tmp_path / "recorded")
        assert process.poll() is None
        begin = time.monotonic()
        process.terminate()
        assert process.wait(10) == 0
        assert time.monotonic() - begin < 5
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    output, _errors = process.communicate()
    assert output == b"recorded --root /host --base64 --name node1\n"


def wait_for(path):
    deadline = time.monotonic() + 10
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists()


def test_the_container_fails_if_the_recorder_fails(pod, tmp_path):
    shell, option, command = pod["containers"][0]["command"]
    (tmp_path / "record-node.sh").write_text("exit 3\n")
    command = command.replace("/record/", f"{tmp_path}/").replace("/tmp/recorded", f"{tmp_path}/recorded")
    done = subprocess.run([shell, option, command], env={**os.environ, "NODE_NAME": "x"}, check=False, timeout=10)
    assert done.returncode == 3
    assert not (tmp_path / "recorded").exists()
