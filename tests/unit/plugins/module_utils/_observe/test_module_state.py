# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each situation of the corpus on all three axes with its reasons, and the real kmod's answers for the same tree."""

import os
import re

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _files, _module_names, _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.archive import read_archive
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.recording import parse_recording
from ansible_collections.nodeprep.istio.tests.unit.corpus import cases
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree, recording_factory
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

# What kmod does not know or does not report, by the code of the reason. Its answer then proves nothing.
UNKNOWN_TO_KMOD = {
    "kernel_modprobe": "modprobe is not the program that the kernel would start",
    "modules_disabled": "a dry run does not call the kernel",
    "modules_disabled_at_boot": "a dry run does not call the kernel",
    "module_blacklist": "the kernel rejects the module, but a dry run does not call it",
    "unsigned_module": "the kernel rejects the module, but a dry run does not call it",
    "invalid_module_file": "the kernel rejects the module, but a dry run does not call it",
    "module_file_missing": "kmod relies on modules.dep, and does not look at the file",
    "flat_tree": "kmod reports 'not found' for it",
    "container": "the kernel is the one of another system",
    "transient": "the state changes in a moment",
    "modules_tree_missing": "kmod reports 'not found' for it",
    "index_missing": "kmod reports 'not found' for it",
    "unreadable": "kmod reports 'not found' for it",
    "ipv6_disabled": "nothing makes the kernel request it",
    "initramfs_only": "modprobe does not read the boot list",
    "no_boot_reader": "modprobe does not read the boot list",
    "boot_file_volatile": "modprobe does not read the mount table",
}


class Kmod:
    """The real modprobe on the same tree with the same effective configuration."""

    def __init__(self, node, directory, directories=modprobe_conf.DIRECTORIES):
        self._base = ["modprobe", "-d", str(node.root), "-S", module_tree.RELEASE, "-C", str(directory)]
        files = _files.Files(str(node.root))
        for path in _files.find_conf_files(files, directories, modprobe_conf.SUFFIXES, directories_win=False).paths:
            content = b"" if files.is_masked(path) else files.read_bytes(path)
            (directory / os.path.basename(path)).write_bytes(content or b"")

    def list_inserted(self, name, *options):
        """Return the names of the modules that would be inserted, or None if a command would be run instead.

        --show-depends is --dry-run --verbose that also lists modules which this machine has loaded.
        """
        _code, output, _errors = module_tree.run_tool([*self._base, "--show-depends", *options, name])
        if re.search(r"^install (?!.*--ignore-install)", output, re.MULTILINE):
            return None
        names = []
        for path in re.findall(r"^insmod (\S+)", output, re.MULTILINE):
            names.append(os.path.basename(path).split(".ko")[0].replace("-", "_"))
        return names + re.findall(r"^install .*--ignore-install (\S+?);", output, re.MULTILINE)


@pytest.fixture(scope="module", params=cases.CASES, ids=[case.title + ": " + case.name for case in cases.CASES])
def situation(request, tmp_path_factory):
    """Return (case, node, kmod). No test changes the node."""
    node = RecordedNode(tmp_path_factory.mktemp("node"))
    request.param.setup(node)
    return request.param, node, Kmod(node, tmp_path_factory.mktemp("kmod.d"))


def join_codes(entry):
    """Return dict of axis to the codes of its reasons, joined by blanks."""
    codes = {}
    for reason in entry["reasons"]:
        codes.setdefault(reason["axis"], []).append(reason["code"])
    return {axis: " ".join(of_axis) for axis, of_axis in codes.items()}


def test_each_module_has_the_right_answers_and_reasons(situation):
    case, node, _kmod = situation
    entry = node.describe(case.name)
    assert (entry["state"], entry["autoload"], entry["boot"]) == case.expected
    assert join_codes(entry) == case.codes
    for key, value in case.more.items():
        assert entry.get(key, entry["reasons"] and entry["reasons"][0].get(key)) == value


def test_a_recording_of_the_node_gives_the_same_facts(situation):
    case, node, _kmod = situation
    recorded = " ".join(_module_names.KNOWN_MODULES + (case.name,))
    recording = parse_recording(read_archive(recording_factory.record_node(node.root, modules=recorded)))
    facts = gather_facts(recording.files, [case.name], "2026-01-01T00:00:00Z", recording.run)
    assert facts == node.facts([case.name])


def test_each_reason_has_a_text_that_names_each_place_once(situation):
    case, node, _kmod = situation
    for reason in node.describe(case.name)["reasons"]:
        assert reason["text"]
        text = _reasons.describe_reason(reason)
        for key in ("where", "listed_in"):
            if key in reason:
                assert text.count(reason[key]) == 1


def has_answer_of_kmod(case, node, entry, axis):
    # kmod reads the modules and the command line of this machine.
    if node.observe([case.name]).loaded or node.files.exists("/proc/cmdline"):
        return False
    code = next((reason["code"] for reason in entry["reasons"] if reason["axis"] in ("now", axis)), None)
    return code not in UNKNOWN_TO_KMOD


def test_kmod_inserts_a_loadable_module_and_no_other(situation):
    case, node, kmod = situation
    entry = node.describe(case.name)
    if not has_answer_of_kmod(case, node, entry, "now"):
        return
    inserted = kmod.list_inserted(case.name)
    if entry["state"] in ("loadable", "loaded"):
        assert case.name in inserted
    elif case.more.get("provider") and entry["reasons"][0]["code"] == "aliased":
        assert inserted == [] or case.more["provider"] in inserted
    else:
        assert inserted is None or case.name not in inserted


def test_kmod_inserts_a_module_for_the_requests_of_the_kernel(situation):
    case, node, kmod = situation
    entry = node.describe(case.name)
    if not has_answer_of_kmod(case, node, entry, "autoload"):
        return
    if entry["state"] not in ("loadable", "loaded", "blocked") or entry["autoload"] == "unknown":
        return
    requests = _module_names.AUTOLOAD_REQUESTS.get(case.name, ())
    for request in requests:
        answer = entry.get("requests", {}).get(request, entry["autoload"])
        assert (case.name in (kmod.list_inserted(request) or [])) == (answer == "yes"), request


def test_kmod_inserts_the_modules_of_the_boot_list(situation, tmp_path):
    case, node, _kmod = situation
    entry = node.describe(case.name)
    if not has_answer_of_kmod(case, node, entry, "boot") or entry["boot"] not in ("yes", "no", "ineffective"):
        return
    kmod = Kmod(node, tmp_path, [directory for directory in modprobe_conf.DIRECTORIES if "/run/" not in directory])
    inserted = []
    for line in node.observe([case.name]).boot_list.lines:
        flags = [] if line.ignores_blacklist else ["--use-blacklist"]
        inserted += kmod.list_inserted(line.name, *flags) or []
    assert (case.name in inserted) == (entry["boot"] == "yes")


def test_the_corpus_has_each_situation_that_kmod_does_not_know():
    codes = set()
    for case in cases.CASES:
        for of_axis in case.codes.values():
            codes.update(of_axis.split())
    assert set(UNKNOWN_TO_KMOD) <= codes


def test_a_tree_without_modules_lacks_its_package(node):
    node.write("/lib/modules/{}/modules.builtin".format(module_tree.RELEASE), "")
    entry = node.describe("xt_owner")
    assert entry["state"] == "missing"
    assert entry["reasons"][0]["code"] == "not_installed"


def test_only_busybox_reads_an_index_without_its_binary_form(node):
    node.tree()
    node.remove("/lib/modules/{}/modules.dep.bin".format(module_tree.RELEASE))
    entry = node.describe("xt_owner")
    assert entry["state"] == "unknown"
    assert entry["reasons"][0]["code"] == "index_missing"
    node.link("/sbin/modprobe", "/bin/busybox")
    entry = node.describe("xt_owner")
    assert (entry["state"], entry["autoload"], entry["boot"]) == ("loadable", "yes", "no")
    assert entry["reasons"] == []


@pytest.mark.parametrize(
    "name, is_present", [("xt_mark", True), ("nf_nat", True), ("xt_owner", False), ("xt_set", False)]
)
def test_a_loaded_or_builtin_module_is_present(node, name, is_present):
    node.tree(["xt_owner", "xt_mark", "x_tables"], builtin=["kernel/net/netfilter/nf_nat.ko"])
    node.write("/proc/modules", "xt_mark 16384 0 - Live 0x0\n")
    assert module_state.is_present(node.observe([name]), name) is is_present


def test_in_a_kernel_that_cannot_load_modules_every_module_counts_as_present(node):
    node.remove("/proc/modules")
    node.write("/boot/config-" + module_tree.RELEASE, "CONFIG_NF_NAT=y\n")
    assert module_state.is_present(node.observe(["xt_owner"]), "xt_owner")
