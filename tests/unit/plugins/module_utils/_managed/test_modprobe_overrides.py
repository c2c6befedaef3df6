# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The format of overrides: what is written is read again, and edits are noticed."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    Override,
    normalize_line,
    parse_override,
    render_override,
)

VENDOR = "/usr/lib/modprobe.d/hard.conf"
COPY = "/etc/modprobe.d/hard.conf"
TEXT = "# CIS 3.2\nblacklist xt_owner\noptions nf_conntrack \\\n  hashsize=1\nblacklist dccp\n"
BLACKLIST = Override(COPY, VENDOR, ("blacklist xt_owner",))


def test_a_copy_has_all_other_lines_of_its_source():
    text = render_override(BLACKLIST, TEXT)
    assert text.endswith("\n# CIS 3.2\noptions nf_conntrack \\\n  hashsize=1\nblacklist dccp\n")
    assert parse_override(COPY, text) == BLACKLIST


def test_a_copy_keeps_each_byte_of_the_other_lines():
    source_text = b"# caf\xe9\r\nblacklist xt_owner\r\n".decode("utf-8", "surrogateescape")
    text = render_override(BLACKLIST, source_text)
    assert text.encode("utf-8", "surrogateescape").endswith(b"\n# caf\xe9\r\n")


@pytest.mark.parametrize("source_text", [None, "", "blacklist dccp\n"], ids=["no file", "no lines", "other lines"])
def test_a_copy_is_empty_if_its_source_lacks_the_overridden_lines(source_text):
    assert render_override(BLACKLIST, source_text) == ""


def test_install_lines_are_overridden_by_one_line_for_each_module():
    lines = ("install xt-owner /bin/false", "install xt_mark /bin/true", "install xt_owner /bin/true")
    override = Override(modprobe_overrides.INSTALL_OVERRIDE_FILE, None, lines)
    text = render_override(override, None)
    assert text.splitlines()[-2:] == [
        "install xt_mark /sbin/modprobe --ignore-install xt_mark $CMDLINE_OPTS",
        "install xt_owner /sbin/modprobe --ignore-install xt_owner $CMDLINE_OPTS",
    ]
    assert parse_override(override.path, text) == override


@pytest.mark.parametrize(
    "text", ["", "\n", TEXT, "# " + modprobe_overrides.MARK], ids=["empty", "blank", "a vendor's", "mark within a line"]
)
def test_a_file_without_the_mark_is_not_an_override(text):
    assert parse_override(COPY, text) is None


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text + "options nf_conntrack hashsize=131072\n",
        lambda text: text.replace("dccp", "sctp"),
        lambda text: text[:90],
        lambda _text: modprobe_overrides.MARK,
    ],
    ids=["added", "changed", "cut off", "only the mark"],
)
def test_an_edited_override_is_noticed(edit):
    assert parse_override(COPY, edit(render_override(BLACKLIST, TEXT))).edited


def test_a_source_may_have_lines_like_those_of_an_override():
    source_text = "#- blacklist dccp\n#- end of the overridden lines\nblacklist xt_owner\n"
    text = render_override(BLACKLIST, source_text)
    assert parse_override(COPY, text) == BLACKLIST
    assert text.endswith("\n#- blacklist dccp\n#- end of the overridden lines\n")


@pytest.mark.parametrize(
    "raw, line",
    [
        ("  blacklist \t xt_owner\n", "blacklist xt_owner"),
        ("install xt_owner \\\n  /bin/false\n", "install xt_owner /bin/false"),
        ("blacklist xt_owner # d\udce9sactiv\udce9\n", "blacklist xt_owner # d\ufffdsactiv\ufffd"),
        ("blacklist xt_owner #" + " because" * 40, ("blacklist xt_owner #" + " because" * 40)[:200].rstrip()),
    ],
    ids=["blanks", "continuation", "not UTF-8", "long"],
)
def test_a_line_is_normalized(raw, line):
    assert normalize_line(raw) == line
    assert normalize_line(line) == line


def test_a_copy_has_the_name_of_its_source():
    assert modprobe_overrides.target_for(VENDOR) == COPY


@pytest.mark.parametrize("name, is_read", [("a.conf", True), ("a.alias", True), ("a.conf.rpmsave", False)])
def test_modprobe_reads_files_by_their_suffix(name, is_read):
    assert modprobe_overrides.is_read_by_modprobe(name) is is_read
