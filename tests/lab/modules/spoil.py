# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: break it in many ways at once, since each task of its own takes such a machine long.

As JSON on standard input, all optional: C(files), path to content; C(links), path to target; C(directories), paths; C(removed),
C(damaged) and C(unsigned), patterns of paths, the last of modules whose signature is cut off; C(loaded), the path of a boot
file that is to list what is loaded now.
"""

import glob
import json
import lzma
import os
import sys

# scripts/sign-file.c: magic_number
SIGNATURE = b"~Module signature appended~\n"


def matched(patterns):
    return [path for pattern in patterns for path in glob.glob(pattern)]


def cut_off_signature(path):
    packed = path.endswith(".xz")
    with lzma.open(path) if packed else open(path, "rb") as signed:
        content = signed.read()
    assert content.endswith(SIGNATURE), path
    content = content[: -len(SIGNATURE)]
    with open(path, "wb") as unsigned:
        # The kernel knows no other check of xz than this one.
        unsigned.write(lzma.compress(content, check=lzma.CHECK_CRC32) if packed else content)


def main():
    asked = json.load(sys.stdin)
    for directory in asked.get("directories", ()):
        os.makedirs(directory, exist_ok=True)
    for path, content in asked.get("files", {}).items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", newline="") as written:
            written.write(content)
    for path, target in asked.get("links", {}).items():
        os.symlink(target, path)
    for path in matched(asked.get("removed", ())):
        os.unlink(path)
    for path in matched(asked.get("damaged", ())):
        with open(path, "w") as damaged:
            damaged.write("damaged\n")
    for path in matched(asked.get("unsigned", ())):
        cut_off_signature(path)
    if "loaded" in asked:
        with open("/proc/modules") as modules, open(asked["loaded"], "w") as listed:
            listed.writelines(line.split()[0] + "\n" for line in modules)


main()
