# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: break it in several ways at once, because each Ansible task takes such a machine long.

Reads JSON from standard input. All keys are optional:
files: dict of path to content. links: dict of path to target. directories: paths.
removed, damaged, unsigned: patterns of paths; of unsigned modules the signature is removed.
loaded: the path of a boot file that then lists the modules that are loaded now.
"""

import glob
import json
import lzma
import os
import sys

# scripts/sign-file.c: magic_number
SIGNATURE = b"~Module signature appended~\n"


def find_paths(patterns):
    return [path for pattern in patterns for path in glob.glob(pattern)]


def remove_signature(path):
    is_packed = path.endswith(".xz")
    with lzma.open(path) if is_packed else open(path, "rb") as signed:
        content = signed.read()
    assert content.endswith(SIGNATURE), path
    content = content[: -len(SIGNATURE)]
    if is_packed:
        # The only checksum of xz that the kernel supports.
        content = lzma.compress(content, check=lzma.CHECK_CRC32)
    with open(path, "wb") as unsigned:
        unsigned.write(content)


def main():
    changes = json.load(sys.stdin)
    for directory in changes.get("directories", ()):
        os.makedirs(directory, exist_ok=True)
    for path, content in changes.get("files", {}).items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", newline="") as written:
            written.write(content)
    for path, target in changes.get("links", {}).items():
        os.symlink(target, path)
    for path in find_paths(changes.get("removed", ())):
        os.unlink(path)
    for path in find_paths(changes.get("damaged", ())):
        with open(path, "w") as damaged:
            damaged.write("damaged\n")
    for path in find_paths(changes.get("unsigned", ())):
        remove_signature(path)
    if "loaded" in changes:
        with open("/proc/modules") as modules, open(changes["loaded"], "w") as listed:
            listed.writelines(line.split()[0] + "\n" for line in modules)


main()
