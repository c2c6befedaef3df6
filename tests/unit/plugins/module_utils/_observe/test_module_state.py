# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every situation of the cases on all three axes with its reasons, and kmod's own answers to the same trees."""

import os
import re

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _files, _module_names, _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf
from ansible_collections.nodeprep.istio.tests.unit.corpus import cases
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

# What kmod does not see, and does not say, by the code of the reason: its exit code and its output are then no judge.
NODE_WIDE = {
    "kernel_modprobe": "modprobe is not the one that the kernel would start",
    "modules_disabled": "a dry run never asks the kernel",
    "modules_disabled_at_boot": "a dry run never asks the kernel",
    "module_blacklist": "the kernel refuses, and a dry run never asks it",
    "unsigned_module": "the kernel refuses, and a dry run never asks it",
    "invalid_module_file": "the kernel refuses, and a dry run never asks it",
    "module_file_missing": "modules.dep is believed, and the file is not looked at",
    "container": "the kernel belongs to somebody else",
    "transient": "it will be something else in a moment",
    "modules_tree_missing": "it is called 'not found', which is another thing",
    "index_missing": "it is called 'not found', which is another thing",
    "unreadable": "it is called 'not found', which is another thing",
    "ipv6_disabled": "it is a request that nothing makes the kernel make",
    "initramfs_only": "modprobe reads no boot list",
    "no_systemd": "modprobe reads no boot list",
}


class Kmod:
    """The real modprobe on the same tree and the same effective configuration."""

    def __init__(self, node, directory, directories=modprobe_conf.DIRECTORIES):
        self._base = ["modprobe", "-d", str(node.root), "-S", module_tree.RELEASE, "-C", str(directory)]
        files = _files.Files(str(node.root))
        for path in _files.conf_files(files, directories, modprobe_conf.SUFFIXES, directories_win=False)[0]:
            (directory / os.path.basename(path)).write_bytes(
                b"" if files.is_masked(path) else files.read_bytes(path) or b""
            )

    def loads(self, name, *options):
        """Return the names of the modules that would be inserted, or None where a command would be run in their place.

        --show-depends is --dry-run --verbose that does not leave out what this machine has loaded itself.
        """
        _code, out, _errors = module_tree.run([*self._base, "--show-depends", *options, name])
        if re.search(r"^install (?!.*--ignore-install)", out, re.MULTILINE):
            return None
        wrapped = re.findall(r"^install .*--ignore-install (\S+?);", out, re.MULTILINE)
        return [
            os.path.basename(path).split(".ko")[0].replace("-", "_")
            for path in re.findall(r"^insmod (\S+)", out, re.MULTILINE)
        ] + wrapped


@pytest.fixture(scope="module", params=cases.CASES, ids=[case.title + ": " + case.name for case in cases.CASES])
def situation(request, tmp_path_factory):
    """Return (case, node, kmod): one node a case, which no test changes."""
    node = RecordedNode(tmp_path_factory.mktemp("node"))
    request.param.setup(node)
    return request.param, node, Kmod(node, tmp_path_factory.mktemp("kmod.d"))


def codes(entry):
    """Return dict of axis to its codes, joined by blanks."""
    return {
        axis: " ".join(reason["code"] for reason in entry["reasons"] if reason["axis"] == axis)
        for axis in {one["axis"] for one in entry["reasons"]}
    }


def test_the_right_answer(situation):
    case, node, _kmod = situation
    entry = node.describe(case.name)
    assert ((entry["state"], entry["autoload"], entry["boot"]), codes(entry)) == (case.expected, case.codes)
    for key, value in case.more.items():
        assert entry.get(key, entry["reasons"] and entry["reasons"][0].get(key)) == value
    for reason in entry["reasons"]:
        assert reason["text"]
        # Each place is told once.
        told = _reasons.sentence(reason)
        assert all(told.count(reason[place]) == 1 for place in ("where", "listed_in") if place in reason)


def judged_by_kmod(case, node, entry, axis):
    # It reads what this machine has loaded, and this machine's command line.
    if node.observe([case.name]).loaded or node.files.exists("/proc/cmdline"):
        return False
    code = next((reason["code"] for reason in entry["reasons"] if reason["axis"] in ("now", axis)), None)
    return code not in NODE_WIDE


def test_kmod_loads_the_same(situation):
    case, node, kmod = situation
    entry = node.describe(case.name)
    if judged_by_kmod(case, node, entry, "now"):
        loads = kmod.loads(case.name)
        if entry["state"] in ("loadable", "loaded"):
            assert case.name in loads
        elif case.more.get("provider") and entry["reasons"][0]["code"] == "aliased":
            assert loads == [] or case.more["provider"] in loads
        else:
            assert loads is None or case.name not in loads


def test_kmod_answers_the_kernels_requests_the_same(situation):
    case, node, kmod = situation
    entry = node.describe(case.name)
    if (
        judged_by_kmod(case, node, entry, "autoload")
        and entry["state"] in ("loadable", "loaded", "blocked")
        and entry["autoload"] != "unknown"
    ):
        answers = [
            case.name in (kmod.loads(request) or []) for request in _module_names.AUTOLOAD_REQUESTS.get(case.name, ())
        ]
        known = [answer for answer in answers if answer] if entry["autoload"] == "yes" else answers
        assert (bool(known) and all(known)) == (entry["autoload"] == "yes")


def test_kmod_loads_the_boot_list_the_same(situation, tmp_path):
    case, node, _kmod = situation
    kmod = Kmod(
        node, tmp_path, [directory for directory in modprobe_conf.DIRECTORIES if not directory.startswith("/run/")]
    )
    entry = node.describe(case.name)
    if judged_by_kmod(case, node, entry, "boot") and entry["boot"] in ("yes", "no", "ineffective"):
        listed = node.observe([case.name]).boot.lines
        loaded = [name for line in listed for name in kmod.loads(line.name, "--use-blacklist") or []]
        assert (case.name in loaded) == (entry["boot"] == "yes")


def test_each_lie_of_kmods_is_met_in_the_corpus():
    met = {code for case in cases.CASES for codes in case.codes.values() for code in codes.split()}
    assert set(NODE_WIDE) <= met
