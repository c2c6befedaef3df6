# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a lab machine: break it in many ways at once, since each task of its own takes such a machine long.

As JSON on standard input: C(files), path to content; C(links), path to target; C(directories), paths; C(removed) and
C(damaged), patterns of paths; C(loaded), the path of a boot file that is to list what is loaded now.
"""

import glob
import json
import os
import sys


def main():
    asked = json.load(sys.stdin)
    with open("/proc/modules") as modules, open(asked["loaded"], "w") as listed:
        listed.writelines(line.split()[0] + "\n" for line in modules)
    for directory in asked["directories"]:
        os.makedirs(directory, exist_ok=True)
    for path, content in asked["files"].items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", newline="") as written:
            written.write(content)
    for path, target in asked["links"].items():
        os.symlink(target, path)
    for pattern in asked["removed"]:
        for path in glob.glob(pattern):
            os.unlink(path)
    for pattern in asked["damaged"]:
        for path in glob.glob(pattern):
            with open(path, "w") as damaged:
                damaged.write("damaged\n")


main()
