# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's file shows: its format, its kernel release, its signature."""

import gzip
import json
import lzma
import os
import subprocess
import sys

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _files
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import module_file, modules_tree
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE, SIGNATURE


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_an_intact_file_has_no_format_error(node, suffix):
    node.write("/m.ko" + suffix, module_tree.pack(module_tree.build_module("m"), suffix))
    assert module_file.find_format_error(node.files, "/m.ko" + suffix, RELEASE) is None


@pytest.mark.parametrize(
    "suffix, kind", [("", "ELF"), (".gz", "gz"), (".xz", "xz"), (".zst", "zst")], ids=["plain", "gzip", "xz", "zstd"]
)
def test_a_damaged_file_has_a_format_error(node, suffix, kind):
    node.write("/m.ko" + suffix, "x")
    cause = module_file.find_format_error(node.files, "/m.ko" + suffix, RELEASE)
    assert (cause.code, cause.where) == (Code.INVALID_MODULE_FILE, "/m.ko" + suffix)
    assert cause.text == "its file is damaged: not a valid {} file".format(kind)


@pytest.mark.parametrize(
    "vermagic, error",
    [("6.1.0-other SMP ", True), ("6.1.0-other SMP modversions ", False), (RELEASE + " SMP ", False), ("", False)],
    ids=["other release", "symbol versions", "same release", "no vermagic"],
)
def test_a_file_for_another_release_needs_symbol_versions(node, vermagic, error):
    node.write("/m.ko", module_tree.build_module("m", vermagic=vermagic))
    cause = module_file.find_format_error(node.files, "/m.ko", RELEASE)
    assert (cause is not None) is error
    assert not error or cause.text == "its file was built for kernel 6.1.0-other"


def test_the_format_of_an_absent_file_is_not_judged(node):
    assert module_file.find_format_error(node.files, "/absent.ko", RELEASE) is None


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_a_signature_is_found_in_a_packed_file(node, suffix):
    content = module_tree.build_module("m")
    node.write("/signed.ko" + suffix, module_tree.pack(content + SIGNATURE, suffix))
    node.write("/unsigned.ko" + suffix, module_tree.pack(content, suffix))
    assert module_file.is_signed(node.files, "/signed.ko" + suffix) is True
    assert module_file.is_signed(node.files, "/unsigned.ko" + suffix) is False


@pytest.mark.parametrize("path", ["/m.ko.zst", "/damaged.ko.gz", "/damaged.ko.xz", "/absent.ko", "/absent.ko.gz"])
def test_an_unknown_signature_is_none(node, path):
    if "absent" not in path:
        node.write(path, module_tree.pack(module_tree.build_module("m"), ".zst") if path.endswith(".zst") else "x")
    assert module_file.is_signed(node.files, path) is None


@pytest.mark.parametrize("suffix, pack", [(".gz", gzip.compress), (".xz", lzma.compress)], ids=["gzip", "xz"])
def test_the_signature_of_a_file_that_unpacks_to_too_much_is_unknown(node, monkeypatch, suffix, pack):
    monkeypatch.setattr(_files, "MAX_FILE_BYTES", 1 << 20)
    monkeypatch.setattr(module_file, "MAX_FILE_BYTES", 1 << 20)
    node.write("/m.ko" + suffix, pack(bytes(3 << 20)))
    assert module_file.is_signed(node.files, "/m.ko" + suffix) is None


def test_signatures_that_python_cannot_unpack_are_found_by_one_call(node):
    node.tree(suffix=".zst")
    files = Files(str(node.root))
    tree = modules_tree.read_tree(files, RELEASE, ())
    signed = tree.find_file("xt_owner")
    calls = []

    def find_signed(paths):
        calls.append(paths)
        return {signed}

    check = module_file.SignatureCheck(files, tree, find_signed)
    assert check.is_signed(signed) is True
    assert check.is_signed(tree.find_file("xt_mark")) is False
    assert len(calls) == 1
    assert signed in calls[0]
    assert module_file.SignatureCheck(files, tree).is_signed(signed) is None


def test_without_lzma_the_signature_of_an_xz_file_is_unknown(node):
    node.tree(suffix=".xz")
    node.write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    package = "ansible_collections.nodeprep.istio.plugins.module_utils"
    script = (
        "import json, sys\n"
        "sys.modules['lzma'] = None\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from {0} import _files\n"
        "from {0}._kmod import module_file\n"
        "files = _files.Files(sys.argv[1])\n"
        "print(json.dumps([module_file.HAS_LZMA, module_file.is_signed(files, sys.argv[3])]))\n"
    ).format(package)
    root = os.path.abspath(_files.__file__).split("/ansible_collections/")[0]
    path = "/lib/modules/{}/{}/xt_owner.ko.xz".format(RELEASE, module_tree.NETFILTER)
    done = subprocess.run(
        [sys.executable, "-c", script, str(node.root), root, path], stdout=subprocess.PIPE, check=True
    )
    assert json.loads(done.stdout.decode()) == [False, None]
