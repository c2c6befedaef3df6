# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A killed run leaves a valid file: with the atomic_move of Ansible, so these tests need Ansible."""

import os
import pathlib
import subprocess
import sys
import time

WRITER = """
import json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {}}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from ansible_collections.nodeprep.istio.plugins.module_utils._act.safe_write import write_text
module = basic.AnsibleModule(argument_spec={})
path, temporary = sys.argv[1:]
for text in ("old\\n" * 50000, "new\\n" * 50000) * 100000:
    write_text(path, text, temporary, module.atomic_move)
    print("written", flush=True)
"""

# The writer is another process. It finds the collection in the folder of its parents, or else by PYTHONPATH.
ROOTS = [str(parent.parent) for parent in pathlib.Path(__file__).parents if parent.name == "ansible_collections"]


def test_a_killed_run_leaves_the_old_file_or_the_new_one(tmp_path):
    path = str(tmp_path / "istio.conf")
    seen = set()
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(ROOTS + [os.environ.get("PYTHONPATH", "")]))
    for attempt in range(12):
        # From a directory on another file system the content is copied before it replaces the file.
        temporary = "/dev/shm" if attempt % 2 and os.path.isdir("/dev/shm") else str(tmp_path)
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, temporary],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        assert process.stdout.readline() == b"written\n", process.stderr.read()
        time.sleep(0.003 * attempt)
        process.kill()
        process.communicate()
        with open(path, "rb") as stream:
            content = stream.read()
        assert content in (b"old\n" * 50000, b"new\n" * 50000)
        seen.add(content)
    assert len(seen) == 2
