# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text and owner of the lines that keep modules from loading."""

from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import conflicts

VENDOR = "/usr/lib/modprobe.d/hard.conf"
MINE = "/etc/modprobe.d/mine.conf"
TEXT = "# CIS 3.2\nblacklist xt_owner\noptions nf_conntrack hashsize=1\n"


def make_reason(code, where):
    return {"axis": "now", "code": code, "text": "", "where": where}


def observe(node, reasons, run=None):
    return conflicts.observe(Files(str(node.root)), reasons, run)


def test_only_lines_that_are_not_written_as_usual_are_reported(node):
    node.write(VENDOR, TEXT)
    node.write(MINE, "install xt_mark \\\n /bin/false\n")
    reasons = {
        "xt_owner": [make_reason("blacklist", VENDOR + ":2")],
        "xt_mark": [make_reason("install_override", MINE + ":1"), {"axis": "now", "code": "y", "text": ""}],
        "xt_set": [make_reason("x", "/proc/cmdline")],
    }
    assert observe(node, reasons) == {
        VENDOR: {"package": None, "comment": "CIS 3.2", "lines": {}},
        MINE: {"package": None, "comment": None, "lines": {"1": "install xt_mark /bin/false"}},
    }


def test_dpkg_owns_a_file_under_the_path_before_usr_was_merged(node):
    node.write(VENDOR, TEXT)
    node.write("/var/lib/dpkg/info/hardening:amd64.list", "/.\n/lib/modprobe.d/hard.conf\n")
    seen = observe(node, {"xt_owner": [make_reason("blacklist", VENDOR + ":2")]})
    assert seen[VENDOR]["package"] == "hardening"


def test_rpm_is_queried_if_it_has_a_database(node):
    started = []

    def run(arguments):
        started.append(arguments)
        return 0, "kernel-modules-extra\n"

    reasons = {"xt_owner": [make_reason("blacklist", VENDOR + ":2")]}
    node.write(VENDOR, TEXT)
    node.write("/usr/bin/rpm", "")
    assert observe(node, reasons, run)[VENDOR]["package"] is None
    assert started == []
    node.write("/var/lib/rpm/rpmdb.sqlite", "")
    assert observe(node, reasons, run)[VENDOR]["package"] == "kernel-modules-extra"
    assert [arguments[-1] for arguments in started] == [VENDOR]


def test_a_file_without_a_package_has_none(node):
    node.write(VENDOR, TEXT)
    node.write("/usr/bin/rpm", "")
    node.write("/var/lib/rpm/rpmdb.sqlite", "")
    seen = observe(node, {"xt_owner": [make_reason("blacklist", VENDOR + ":2")]}, lambda _arguments: (1, "not owned\n"))
    assert seen[VENDOR]["package"] is None


def test_without_conflicts_no_package_list_is_read(node, monkeypatch):
    files = Files(str(node.root))
    monkeypatch.setattr(files, "listdir", None)
    assert conflicts.observe(files, {"xt_owner": []}, None) == {}
