# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours that take back lines of others, whose these lines are, and how ours are found again."""

import bz2

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe_conf import raw_lines
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block, modprobe_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import conflicts, managed
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import usual_line

VENDOR = "/usr/lib/modprobe.d/hard.conf"
COPY = "/etc/modprobe.d/hard.conf"
TEXT = "# CIS 3.2\nblacklist xt_owner\noptions nf_conntrack \\\n  hashsize=1\nblacklist dccp\n"


@pytest.fixture
def apply(node):
    """Do what the module does: bring our files to what is asked."""

    def run(*asked):
        files = Files(str(node.root))
        for path, override in modprobe_overrides.wanted(files, modprobe_overrides.existing(files), list(asked)).items():
            text = override.text(files)
            if text:
                node.write(path, text)
            elif (node.root / path.lstrip("/")).exists():
                (node.root / path.lstrip("/")).unlink()

    return run


def read(node, path):
    return (node.root / path.lstrip("/")).read_text()


def test_a_blacklist_of_a_vendor_is_taken_back_by_a_copy_without_it(node, apply):
    node.tree(["xt_owner", "x_tables"])
    node.write(VENDOR, TEXT)
    assert node.describe("xt_owner")["autoload"] == "denied"
    apply((VENDOR, "blacklist xt_owner"))
    assert read(node, COPY).endswith("# CIS 3.2\noptions nf_conntrack \\\n  hashsize=1\nblacklist dccp\n")
    assert node.describe("xt_owner")["autoload"] == "yes"
    assert read(node, VENDOR) == TEXT


def test_an_install_line_is_taken_back_by_an_earlier_one(node, apply):
    node.tree(["xt_owner", "x_tables"])
    node.write("/etc/modprobe.d/hard.conf", "install xt-owner /bin/false\n")
    assert node.describe("xt_owner")["state"] == "blocked"
    apply(("/etc/modprobe.d/hard.conf", "install xt-owner /bin/false"))
    assert node.describe("xt_owner")["state"] == "loadable"
    assert "install xt_owner /sbin/modprobe --ignore-install xt_owner $CMDLINE_OPTS\n" in read(
        node, modprobe_overrides.BEATING
    )


def test_what_was_taken_back_stays_so_and_the_copy_follows_its_original(node, apply):
    node.write(VENDOR, TEXT)
    apply((VENDOR, "blacklist xt_owner"))
    first = read(node, COPY)
    apply()
    assert read(node, COPY) == first
    node.write(VENDOR, TEXT + "blacklist sctp\n")
    assert managed.observe(Files(str(node.root)), None)["overrides"][COPY] == {
        "source": VENDOR,
        "lines": ["blacklist xt_owner"],
        "current": False,
        "edited": False,
    }
    apply((COPY, "blacklist dccp"))
    assert (
        "\nblacklist xt_owner" not in read(node, COPY)
        and "\nblacklist dccp" not in read(node, COPY)
        and read(node, COPY).endswith("blacklist sctp\n")
    )
    node.write(VENDOR, "# nothing\n")
    apply()
    assert not (node.root / COPY.lstrip("/")).exists()


@pytest.mark.parametrize(
    "path, line, message",
    [
        (COPY, "blacklist xt_owner", "no other file can take back its line 'blacklist xt_owner'"),
        (VENDOR, "blacklist xt_mark", "has no line 'blacklist xt_mark' any more"),
        ("/etc/modprobe.d/00-a.conf", "install xt_owner /bin/true", "no file of ours can come before it"),
        ("/etc/modprobe.d/zz.conf", "install xt_* /bin/true", "names more than one module"),
        (VENDOR, "blacklist xt_owner", "is there already and is not ours"),
    ],
)
def test_what_cannot_be_taken_back_is_refused(node, path, line, message):
    node.write(VENDOR, "blacklist xt_owner\n")
    node.write(COPY, "blacklist xt_owner\n")
    node.write("/etc/modprobe.d/00-a.conf", "install xt_owner /bin/true\n")
    node.write("/etc/modprobe.d/zz.conf", "install xt_* /bin/true\n")
    with pytest.raises(modprobe_overrides.Refused, match=message):
        modprobe_overrides.wanted(Files(str(node.root)), {}, [(path, line)])


@pytest.mark.parametrize(
    "path, content",
    [
        (VENDOR, b"#- Hardening\n#- see wiki\nblacklist xt_owner\n"),
        (VENDOR, b"#- blacklist dccp\nblacklist dccp\nblacklist xt_owner\n"),
        (VENDOR, b"blacklist xt_owner\n#- end of the lines that are taken back\n#- blacklist dccp\n"),
        (VENDOR, b"blacklist xt_owner # d\xe9sactiv\xe9\n"),
        (VENDOR, b"blacklist xt_owner # " + b"because " * 40 + b"\nblacklist dccp\n"),
        (VENDOR, b"# of two\\\\\nblacklist xt_owner \\\n # joined\nblacklist dccp\n"),
        (VENDOR, b"# \x0c form feed, \xe2\x80\xa8 line separator\nblacklist xt_owner\n"),
        (VENDOR, b"blacklist dccp\nblacklist xt_owner \\"),
        ("/usr/lib/modprobe.d/hard.alias", b"blacklist xt_owner\noptions nf_conntrack hashsize=1\n"),
        ("/etc/modprobe.d/mine.conf", b"install xt_owner /bin/sh -c 'logger " + b"x" * 300 + b"; exit 1'\n"),
    ],
)
def test_what_facts_tell_is_taken_back_and_found_again_and_nothing_else_is_lost(node, apply, path, content):
    node.tree(["xt_owner", "x_tables"])
    node.write(path, content)
    facts = node.facts(["xt_owner"])
    usual = {usual_line(reason, "xt_owner") for reason in node.reasons(facts, "xt_owner") if "where" in reason}
    (line,) = facts["conflicts"][path]["lines"].values() or usual
    apply((path, line))
    assert (
        node.describe("xt_owner")["reasons"] == []
        or node.describe("xt_owner")["reasons"][0]["code"] == "custom_install"
    )
    files = Files(str(node.root))
    found = modprobe_overrides.existing(files)
    assert len(found) == 1
    ours, override = found.popitem()
    assert (override.lines, override.edited, override.of) == ([line], False, path if path.startswith("/usr") else None)
    written = node.path(ours).read_bytes()
    apply()
    assert node.path(ours).read_bytes() == written
    if override.of:
        body = written.split(b"#- end of the lines that are taken back\n", 1)[1]
        assert body == "".join(kept(content)).encode("utf-8", "surrogateescape")
    assert node.path(path).read_bytes() == content


def kept(content):
    """Return the lines of a file but for those on xt_owner."""
    return [
        raw
        for _number, raw in raw_lines(content.decode("utf-8", "surrogateescape"))
        if raw.split()[1:2] != ["xt_owner"]
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "options nf_conntrack hashsize=131072\n",
        lambda text: text.replace("dccp", "sctp"),
        lambda text: text[:90],
    ],
)
def test_a_file_of_ours_that_somebody_changed_is_left_alone(node, apply, change):
    node.write(VENDOR, TEXT)
    apply((VENDOR, "blacklist xt_owner"))
    theirs = change(read(node, COPY))
    node.write(COPY, theirs)
    node.write(VENDOR, TEXT + "blacklist sctp\n")
    told = managed.observe(Files(str(node.root)), None)["overrides"][COPY]
    assert told["edited"] and told["current"]
    apply()
    assert read(node, COPY) == theirs
    node.write(COPY, theirs + "\nblacklist xt_mark\n")
    with pytest.raises(
        modprobe_overrides.Refused,
        match="/etc/modprobe.d/hard.conf was changed since it was written.*of its own, and remove",
    ):
        modprobe_overrides.wanted(
            Files(str(node.root)), modprobe_overrides.existing(Files(str(node.root))), [(COPY, "blacklist xt_mark")]
        )


def test_bytes_that_are_no_text_survive(node):
    (node.root / "usr/lib/modprobe.d").mkdir(parents=True)
    (node.root / VENDOR.lstrip("/")).write_bytes(b"# caf\xe9\r\nblacklist xt_owner\r\n")
    files = Files(str(node.root))
    override = modprobe_overrides.wanted(files, {}, [(VENDOR, "blacklist xt_owner")])[COPY]
    assert override.text(files).encode("utf-8", "surrogateescape").endswith(b"# caf\xe9\r\n")


def test_whose_a_line_is(node):
    node.write(VENDOR, TEXT)
    node.write("/var/lib/dpkg/info/hardening:amd64.list", "/.\n/lib/modprobe.d/hard.conf\n")
    node.write("/etc/modprobe.d/mine.conf", "install xt_mark \\\n /bin/false\n")
    reasons = {
        "xt_owner": [{"axis": "autoload", "code": "blacklist", "text": "", "where": VENDOR + ":2"}],
        "xt_mark": [
            {"axis": "now", "code": "install_override", "text": "", "where": "/etc/modprobe.d/mine.conf:1"},
            {"axis": "now", "code": "y", "text": ""},
        ],
        "xt_set": [{"axis": "now", "code": "x", "text": "", "where": "/proc/cmdline"}],
    }
    assert conflicts.observe(Files(str(node.root)), reasons, None) == {
        VENDOR: {"package": "hardening", "comment": "CIS 3.2", "lines": {}},
        "/etc/modprobe.d/mine.conf": {"package": None, "comment": None, "lines": {"1": "install xt_mark /bin/false"}},
    }


def test_rpm_is_asked_where_it_keeps_the_packages(node):
    node.write(VENDOR, TEXT)
    node.write("/usr/bin/rpm", "")
    node.write("/var/lib/rpm/rpmdb.sqlite", "")
    reasons = {"xt_owner": [{"axis": "now", "code": "blacklist", "text": "", "where": VENDOR + ":2"}]}
    seen = conflicts.observe(
        Files(str(node.root)),
        reasons,
        lambda arguments: (0, "kernel-modules-extra\n") if arguments[-1] == VENDOR else (1, ""),
    )
    assert seen[VENDOR]["package"] == "kernel-modules-extra"


@pytest.mark.parametrize("pack", [bz2.compress, bytes])
def test_ours_are_found_by_their_marks(node, pack):
    files = Files(str(node.root))
    assert managed.observe(files, "targeted") == {"boot_file": [], "masked": False, "overrides": {}, "policy": None}
    node.write(boot_block.PATH, boot_block.with_block("xt_mark\n", ["xt_owner"]))
    node.write("/etc/modprobe.d/theirs.conf", "blacklist dccp\n")
    cil = node.root / "var/lib/selinux/targeted/active/modules/300/istio_node_prep"
    cil.mkdir(parents=True)
    (cil / "cil").write_bytes(pack(b"(allow a b (c (d)))\n"))
    seen = managed.observe(files, "targeted")
    assert seen["boot_file"] == ["xt_owner"] and seen["other_modules"] == ["xt_mark"]
    assert seen["policy"] == {"priority": 300, "cil": "(allow a b (c (d)))\n", "priorities": [300], "semodule": False}
    node.write(boot_block.PATH, boot_block.BEGIN + "\n")
    assert managed.observe(files, None)["boot_file"] is None


def test_a_block_without_names_is_told_from_no_block(node):
    files = Files(str(node.root))
    for text, block in (
        ("xt_mark\n", None),
        (boot_block.BEGIN + "\n#xt_owner\n" + boot_block.END + "\n", True),
        (boot_block.with_block("", ["xt_owner"]), None),
    ):
        node.write(boot_block.PATH, text)
        assert managed.observe(files, None).get("has_empty_block") is block


def test_our_policy_is_found_with_each_priority_and_where_selinux_is_off(node):
    store = "/etc/selinux/targeted/active/modules/{}/istio_node_prep/cil"
    for priority, text in (("100", "old"), ("400", "new"), ("300.bak", "copy"), ("\u00b2", "no number")):
        node.write(store.format(priority), text)
    node.write("/usr/sbin/semodule", "")
    found = {"priority": 400, "cil": "new", "priorities": [100, 400], "semodule": True}
    assert managed.observe(Files(str(node.root)), "targeted")["policy"] == found
    node.write("/etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=targeted\n")
    facts = node.facts(["xt_owner"])
    assert facts["selinux"]["mode"] == "disabled" and facts["managed"]["policy"] == found
    node.write("/etc/selinux/targeted/active/modules/disabled/istio_node_prep", "")
    assert managed.observe(Files(str(node.root)), "targeted")["policy"] == dict(found, disabled=True)
    node.write(store.format("400"), "(allow a b (c (d)))\n" * 100)
    assert managed.observe(Files(str(node.root)), "targeted")["policy"]["cil"].startswith("SHA-256 ")


@pytest.mark.parametrize(
    "theirs, own, hidden",
    [
        ({"/usr/lib": "# none\nwireguard\n"}, None, "/usr/lib/modules-load.d/istio.conf"),
        ({"/usr/lib": "wireguard\n", "/usr/local/lib": "xt_owner\n"}, None, "/usr/local/lib/modules-load.d/istio.conf"),
        ({"/usr/lib": "wireguard\n"}, "xt_owner\n", None),
        ({"/usr/lib": "# wireguard\n", "/run": "wireguard\n"}, None, None),
    ],
)
def test_which_file_of_a_vendor_ours_would_hide(node, theirs, own, hidden):
    for directory, text in theirs.items():
        node.write(directory + "/modules-load.d/istio.conf", text)
    if own:
        node.write(boot_block.PATH, own)
    files = Files(str(node.root))
    assert managed.observe(files, None).get("shadowed_file") == hidden
    if hidden:
        with pytest.raises(boot_block.Refused, match="would hide " + hidden):
            boot_block.see_nothing_hidden(files, "xt_owner\n")
    boot_block.see_nothing_hidden(files, "xt_owner\n" if not hidden else "")
