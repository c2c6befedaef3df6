# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The block of the boot file, and the lines around it."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import replace_block


@pytest.mark.parametrize(
    "others", ["", "# mine\nxt_mark\n", "xt_mark", "\ufeffxt_mark\r\nbridge\r\n", "\n\n", "caf\udce9\n"]
)
def test_removing_the_block_restores_the_text(others):
    with_block = replace_block(others, ["xt_owner"])
    assert "\nxt_owner\n" in with_block
    assert replace_block(with_block, ["xt_owner"]) == with_block
    assert replace_block(with_block, []) == others


def test_a_block_stays_where_it_is():
    text = "# a\n" + replace_block("# b\n", ["xt_owner"])
    assert replace_block(text, ["xt_mark"]) == "# a\n" + replace_block("# b\n", ["xt_mark"])


def test_names_in_the_block_and_outside_are_told_apart():
    text = replace_block("xt-mark\n# c\n", ["xt_owner", "nf_nat"])
    assert boot_block.list_block_names(text) == ["xt_owner", "nf_nat"]
    assert boot_block.list_other_names(text) == {"xt_mark"}


@pytest.mark.parametrize(
    "text, has_block",
    [
        ("xt_mark\n", False),
        (boot_block.BEGIN + "\n" + boot_block.END + "\n", True),
        (replace_block("", ["xt_owner"]), True),
    ],
    ids=["no block", "a block without names", "a block with a name"],
)
def test_a_block_may_have_no_names(text, has_block):
    assert boot_block.has_block(text) is has_block


@pytest.mark.parametrize(
    "text, line",
    [
        (boot_block.BEGIN + "\n", 1),
        (boot_block.END + "\n" + boot_block.BEGIN + "\n", 2),
        (boot_block.END, 1),
        (2 * (boot_block.BEGIN + "\n" + boot_block.END + "\n"), 4),
    ],
    ids=["no end", "end before begin", "no begin", "two blocks"],
)
@pytest.mark.parametrize(
    "function",
    [
        boot_block.list_block_names,
        boot_block.list_other_names,
        boot_block.has_block,
        boot_block.records_empty_file,
        lambda text: replace_block(text, ["xt_owner"]),
    ],
    ids=["list_block_names", "list_other_names", "has_block", "records_empty_file", "replace_block"],
)
def test_unbalanced_markers_are_an_error_with_file_and_line(text, line, function):
    message = "^/etc/modules-load.d/istio.conf:{}: unbalanced BEGIN/END markers".format(line)
    with pytest.raises(boot_block.BootFileError, match=message):
        function(text)


def test_the_block_records_that_the_file_was_empty():
    text = replace_block("", ["xt_owner"], file_existed=True)
    assert boot_block.records_empty_file(text)
    assert boot_block.list_block_names(text) == ["xt_owner"]
    assert boot_block.list_other_names(text) == set()
    changed = replace_block(text, ["xt_mark"], file_existed=True)
    assert boot_block.records_empty_file(changed)
    assert replace_block(changed, ["xt_owner"], file_existed=True) == text


@pytest.mark.parametrize("text, file_existed", [("", False), ("xt_mark\n", True)], ids=["no file", "a file with lines"])
def test_other_files_are_not_recorded_as_empty(text, file_existed):
    assert not boot_block.records_empty_file(replace_block(text, ["xt_owner"], file_existed))
