# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot file is read, and checked before it is changed."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._act import boot_file, safe_write
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.boot_block import PATH, BootFileError


@pytest.fixture
def below_root(node, monkeypatch):
    """Have safe_write find the boot file below the root of the recorded node."""
    path = node.path(PATH)
    for name in ("is_masked", "read_text"):
        function = getattr(safe_write, name)
        monkeypatch.setattr(safe_write, name, lambda _path, function=function: function(str(path)))
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.usefixtures("below_root")
def test_an_absent_boot_file_is_empty():
    assert boot_file.read_boot_file(is_required=True) == ("", False)


def test_an_existing_boot_file_has_its_text(below_root):
    below_root.write_text("xt_mark\n")
    assert boot_file.read_boot_file(is_required=True) == ("xt_mark\n", True)


def test_a_disabled_boot_file_is_an_error_only_if_it_is_required(below_root):
    below_root.symlink_to("/dev/null")
    assert boot_file.read_boot_file(is_required=False) == ("", True)
    with pytest.raises(BootFileError, match="^/etc/modules-load.d/istio.conf: a link to /dev/null disables this file"):
        boot_file.read_boot_file(is_required=True)


def test_a_boot_file_that_would_hide_a_vendors_file_is_an_error(node, monkeypatch):
    checked = []
    monkeypatch.setattr(safe_write, "ensure_writable", lambda *arguments: checked.append(arguments))
    node.write("/usr/lib/modules-load.d/istio.conf", "wireguard\n")
    files = Files(str(node.root))
    with pytest.raises(BootFileError, match="would hide /usr/lib/modules-load.d/istio.conf"):
        boot_file.ensure_changeable(files, "xt_owner\n")
    assert checked == []
    boot_file.ensure_changeable(files, "")
    assert checked == [(PATH, "")]
