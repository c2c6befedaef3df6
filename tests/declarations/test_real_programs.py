# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations, read by the programs for which they are made.

``make declarations-test`` installs the programs. Debian has no program that checks the formats of Talos, Bottlerocket,
OpenShift, Cluster API, Incus and Butane: the unit tests check the syntax of all formats.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import Declaration
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.make import declare_for_selection
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection

BOOT_FILE = "etc/modules-load.d/istio.conf"
# The directory into which the Debian package was unpacked.
CLOUD_INIT = Path(os.environ["NODEPREP_CLOUD_INIT"])
# The packages of cloud-init's dependencies are those of Debian's Python.
PYTHON = "/usr/bin/python3"
IGNITION = "/usr/lib/dracut/modules.d/30ignition/ignition"
SELECTION = Selection.from_options({"mode": ["sidecar", "ambient"], "ip_family": "dual"})

KINDS = {
    "of a node": lambda key: Declaration(
        key, ("xt_owner", "nft-compat"), ("wireguard",), ("/etc/a.conf:1 (blacklist 'x': y) keeps xt_x from loading",)
    ),
    "of the selection": lambda key: declare_for_selection(SELECTION, key),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def declare(request):
    return request.param


def write(tmp_path: Path, declaration: Declaration) -> Path:
    path = tmp_path / declaration.file
    path.write_text(declaration.text)
    return path


def run(arguments: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(argument) for argument in arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def check_cloud_init(path: Path) -> subprocess.CompletedProcess[str]:
    packages = str(CLOUD_INIT / "usr/lib/python3/dist-packages")
    return run([PYTHON, CLOUD_INIT / "usr/bin/cloud-init", "schema", "--config-file", path], PYTHONPATH=packages)


def test_cloud_init_accepts_the_user_data(tmp_path, declare):
    done = check_cloud_init(write(tmp_path, declare("cloud_init")))
    assert done.returncode == 0, done.stdout
    assert "Valid" in done.stdout


def test_cloud_init_rejects_other_user_data(tmp_path):
    path = write(tmp_path, KINDS["of a node"]("cloud_init"))
    path.write_text(path.read_text().replace("permissions", "permission"))
    assert check_cloud_init(path).returncode != 0


def test_ignition_accepts_the_configuration(tmp_path, declare):
    done = run(["ignition-validate", write(tmp_path, declare("ignition"))])
    assert done.returncode == 0, done.stdout


def test_ignition_accepts_the_configuration_in_a_machine_config(tmp_path, declare):
    config = yaml.safe_load(declare("machine_config").text)["spec"]["config"]
    path = tmp_path / "config.ign"
    path.write_text(json.dumps(config))
    done = run(["ignition-validate", path])
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="Ignition runs as root only")
def test_ignition_writes_the_boot_file(tmp_path, declare):
    declaration = declare("ignition")
    root = tmp_path / "root"
    # Debian's Ignition always labels what it wrote for SELinux. Without a policy there is nothing to do.
    (root / "etc/selinux").mkdir(parents=True)
    (root / "etc/selinux/config").write_text("SELINUX=disabled\nSELINUXTYPE=none\n")
    (tmp_path / "setfiles").symlink_to("/bin/true")
    for stage in ("fetch", "files"):
        done = run(
            [
                *(IGNITION, "-platform", "file", "-stage", stage, "-root", root, "-log-to-stdout"),
                *("-config-cache", tmp_path / "cache", "-state-file", tmp_path / "state", "-neednet", tmp_path / "net"),
            ],
            IGNITION_CONFIG_FILE=str(write(tmp_path, declaration)),
            PATH=f"{tmp_path}:{os.environ['PATH']}",
        )
        assert done.returncode == 0, done.stdout
    file = root / BOOT_FILE
    assert file.read_text().splitlines() == [*declaration.kept, *declaration.modules]
    assert file.stat().st_mode & 0o777 == 0o644


def test_nix_parses_the_configuration(tmp_path, declare):
    done = run(["nix-instantiate", "--parse", write(tmp_path, declare("nixos"))])
    assert done.returncode == 0, done.stdout
    assert "boot" in done.stdout


@pytest.mark.parametrize("key", ["lbu", "startup_script"])
def test_a_shell_parses_the_scripts(tmp_path, declare, key):
    done = run(["sh", "-n", write(tmp_path, declare(key))])
    assert done.returncode == 0, done.stdout
