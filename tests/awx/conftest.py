# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users have it: built, and installed into a separate directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
# Without PYTHONPATH, in which Ansible would find the checkout instead.
ENVIRONMENT = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}


def run_tool(name: str, *arguments: object) -> str:
    """Run a program of this environment and return what it prints."""
    command = [PROGRAMS / name, *map(str, arguments)]
    done = subprocess.run(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="session")
def collections(tmp_path_factory) -> Path:
    """Return a directory with the built and installed collection."""
    directory = tmp_path_factory.mktemp("awx")
    run_tool("ansible-galaxy", "collection", "build", "--output-path", directory, ROOT)
    (built,) = directory.glob("*.tar.gz")
    run_tool("ansible-galaxy", "collection", "install", "--no-deps", "--offline", "-p", directory, built)
    return directory
