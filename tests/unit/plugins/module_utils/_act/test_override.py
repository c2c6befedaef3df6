# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that keep modules from loading are overridden, and the overrides follow what happens to their sources."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._act.override import (
    Change,
    Line,
    OverrideError,
    plan_changes,
    plan_overrides,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.conf_lines import split_raw_lines
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import INSTALL_OVERRIDE_FILE
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.managed import read_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import reconstruct_line

VENDOR = "/usr/lib/modprobe.d/hard.conf"
COPY = "/etc/modprobe.d/hard.conf"
TEXT = "# CIS 3.2\nblacklist xt_owner\noptions nf_conntrack \\\n  hashsize=1\nblacklist dccp\n"
END = b"#- end of the overridden lines\n"


@pytest.fixture
def apply(node):
    """Do what the module modprobe_overrides does."""

    def run(*requested, **options):
        changes, _edited = plan_changes(Files(str(node.root)), options.get("state", "present"), list(requested))
        for path, change in changes.items():
            if change.after:
                node.write(path, change.after.encode("utf-8", "surrogateescape"))
            else:
                node.remove(path)

    return run


def read(node, path):
    return node.path(path).read_text()


def test_a_vendors_blacklist_is_overridden_by_a_copy_without_it(node, apply):
    node.tree(["xt_owner", "x_tables"])
    node.write(VENDOR, TEXT)
    assert node.describe("xt_owner")["autoload"] == "denied"
    apply(Line(VENDOR, "blacklist xt_owner"))
    assert read(node, COPY).endswith("# CIS 3.2\noptions nf_conntrack \\\n  hashsize=1\nblacklist dccp\n")
    assert node.describe("xt_owner")["autoload"] == "yes"
    assert read(node, VENDOR) == TEXT


def test_an_install_line_is_overridden_by_an_earlier_one(node, apply):
    node.tree(["xt_owner", "x_tables"])
    node.write(COPY, "install xt-owner /bin/false\n")
    assert node.describe("xt_owner")["state"] == "blocked"
    apply(Line(COPY, "install xt-owner /bin/false"))
    assert node.describe("xt_owner")["state"] == "loadable"
    line = "install xt_owner /sbin/modprobe --ignore-install xt_owner $CMDLINE_OPTS\n"
    assert line in read(node, INSTALL_OVERRIDE_FILE)


def test_a_second_run_changes_nothing(node, apply):
    node.write(VENDOR, TEXT)
    apply(Line(VENDOR, "blacklist xt_owner"))
    assert plan_changes(Files(str(node.root)), "present", []) == ({}, [])


def test_a_copy_follows_its_source(node, apply):
    node.write(VENDOR, TEXT)
    apply(Line(VENDOR, "blacklist xt_owner"))
    node.write(VENDOR, TEXT + "blacklist sctp\n")
    apply(Line(COPY, "blacklist dccp"))
    copied = read(node, COPY)
    assert "\nblacklist xt_owner" not in copied
    assert "\nblacklist dccp" not in copied
    assert copied.endswith("blacklist sctp\n")
    node.write(VENDOR, "# nothing\n")
    apply()
    assert not node.path(COPY).exists()


def test_state_absent_removes_the_overrides(node, apply):
    node.write(VENDOR, "install xt_mark /bin/false\n" + TEXT)
    apply(Line(VENDOR, "blacklist xt_owner"), Line(VENDOR, "install xt_mark /bin/false"))
    assert sorted(read_overrides(Files(str(node.root)))) == sorted([INSTALL_OVERRIDE_FILE, COPY])
    apply(state="absent")
    assert read_overrides(Files(str(node.root))) == {}
    assert not node.path(COPY).exists()


@pytest.mark.parametrize(
    "path, line, message",
    [
        (COPY, "blacklist xt_owner", "no file takes precedence over this one"),
        (VENDOR, "blacklist xt_mark", "has no line 'blacklist xt_mark' any more"),
        ("/etc/modprobe.d/00-a.conf", "install xt_owner /bin/true", "modprobe reads this file before any override"),
        ("/etc/modprobe.d/zz.conf", "install xt_* /bin/true", "names more than one module"),
        (VENDOR, "blacklist xt_owner", COPY + ": exists and does not belong to this collection"),
    ],
    ids=["below /etc", "no such line", "read before the override", "a pattern", "a file in its place"],
)
def test_what_cannot_be_overridden_is_an_error(node, path, line, message):
    node.write(VENDOR, "blacklist xt_owner\n")
    node.write(COPY, "blacklist xt_owner\n")
    node.write("/etc/modprobe.d/00-a.conf", "install xt_owner /bin/true\n")
    node.write("/etc/modprobe.d/zz.conf", "install xt_* /bin/true\n")
    with pytest.raises(OverrideError, match=message):
        plan_overrides(Files(str(node.root)), {}, [Line(path, line)])


@pytest.mark.parametrize(
    "path, content",
    [
        (VENDOR, b"#- Hardening\n#- see wiki\nblacklist xt_owner\n"),
        (VENDOR, b"#- blacklist dccp\nblacklist dccp\nblacklist xt_owner\n"),
        (VENDOR, b"blacklist xt_owner\n" + END + b"#- blacklist dccp\n"),
        (VENDOR, b"blacklist xt_owner # d\xe9sactiv\xe9\n"),
        (VENDOR, b"blacklist xt_owner # " + b"because " * 40 + b"\nblacklist dccp\n"),
        (VENDOR, b"# of two\\\\\nblacklist xt_owner \\\n # joined\nblacklist dccp\n"),
        (VENDOR, b"# \x0c form feed, \xe2\x80\xa8 line separator\nblacklist xt_owner\n"),
        (VENDOR, b"blacklist dccp\nblacklist xt_owner \\"),
        ("/usr/lib/modprobe.d/hard.alias", b"blacklist xt_owner\noptions nf_conntrack hashsize=1\n"),
        ("/etc/modprobe.d/mine.conf", b"install xt_owner /bin/sh -c 'logger " + b"x" * 300 + b"; exit 1'\n"),
    ],
    ids=[
        "bullets",
        "a bullet like an overridden line",
        "a line like the end of the overridden lines",
        "a comment in Latin-1",
        "a long line",
        "continuations",
        "separators that end no line",
        "a continuation at the end of the file",
        "a file with another suffix",
        "a long install line",
    ],
)
def test_a_line_of_the_facts_is_overridden_and_nothing_else_is_lost(node, apply, path, content):
    node.tree(["xt_owner", "x_tables"])
    node.write(path, content)
    facts = node.facts(["xt_owner"])
    reasons = node.reasons(facts, "xt_owner")
    usual_lines = {reconstruct_line(reason, "xt_owner") for reason in reasons if "where" in reason}
    (line,) = facts["conflicts"][path]["lines"].values() or usual_lines
    apply(Line(path, line))
    codes = [reason["code"] for reason in node.describe("xt_owner")["reasons"]]
    assert codes in ([], ["custom_install"])
    overrides = read_overrides(Files(str(node.root)))
    assert len(overrides) == 1
    target, override = overrides.popitem()
    assert override.lines == (line,)
    assert override.source == (path if path.startswith("/usr") else None)
    assert not override.edited
    written = node.path(target).read_bytes()
    apply()
    assert node.path(target).read_bytes() == written
    if override.source:
        assert written.split(END, 1)[1] == list_other_lines(content)
    assert node.path(path).read_bytes() == content


def list_other_lines(content):
    """Return the lines of a file except those on xt_owner."""
    text = content.decode("utf-8", "surrogateescape")
    kept = [raw for _number, raw in split_raw_lines(text) if raw.split()[1:2] != ["xt_owner"]]
    return "".join(kept).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_edited_override_stays_as_it_is(node, apply, state):
    node.write(VENDOR, TEXT)
    apply(Line(VENDOR, "blacklist xt_owner"))
    edited = read(node, COPY) + "options nf_conntrack hashsize=131072\n"
    node.write(COPY, edited)
    node.write(VENDOR, TEXT + "blacklist sctp\n")
    assert plan_changes(Files(str(node.root)), state, []) == ({}, [COPY])


def test_an_edited_override_cannot_override_more(node, apply):
    node.write(VENDOR, TEXT)
    apply(Line(VENDOR, "blacklist xt_owner"))
    node.write(COPY, read(node, COPY) + "blacklist xt_mark\n")
    files = Files(str(node.root))
    message = "^/etc/modprobe.d/hard.conf: was changed after Ansible wrote it.* and remove /etc/modprobe.d/hard.conf$"
    with pytest.raises(OverrideError, match=message):
        plan_overrides(files, read_overrides(files), [Line(COPY, "blacklist xt_mark")])


def test_a_change_has_the_text_before_and_after(node):
    node.write(VENDOR, "blacklist xt_owner\n")
    changes, edited = plan_changes(Files(str(node.root)), "present", [Line(VENDOR, "blacklist xt_owner")])
    assert edited == []
    assert list(changes) == [COPY]
    assert changes[COPY].before == ""
    node.write(COPY, changes[COPY].after)
    changes, edited = plan_changes(Files(str(node.root)), "absent", [])
    assert changes == {COPY: Change(read(node, COPY), "")}
