# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each init script loads of the same lists."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import init_scripts
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.init_system import Script
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Code
from ansible_collections.nodeprep.istio.tests.unit.corpus.case import Link

A = "/etc/modules-load.d/a.conf"
OPENRC = Script("/etc/init.d/modules", "find_modfiles reads modules-load.d")
ALPINE = Script("/etc/init.d/modules", "modprobe what /etc/modules and ${f##*/} list")
OLD_ALPINE = Script("/etc/init.d/modules", "for f in /etc/modules /lib/modules-load.d/*.conf; modprobe")
DEBIAN = Script("/etc/init.d/kmod", "")
VOID = Script("/etc/runit/core-services/02-kmods.sh", "modules-load -v")
OPENEMBEDDED = Script("/etc/init.d/modutils.sh", "")
BUILDROOT = Script("/etc/init.d/S11modules", "")
READERS = {
    "OpenRC": OPENRC,
    "Alpine": ALPINE,
    "old Alpine": OLD_ALPINE,
    "Debian": DEBIAN,
    "Void": VOID,
    "OpenEmbedded": OPENEMBEDDED,
    "Buildroot": BUILDROOT,
}


def read(node, script, cmdline="", release="6.1.0-gentoo-r1"):
    boot = BootList()
    files = Files(str(node.root))
    rules = init_scripts.find_rules(files, script)
    init_scripts.apply_rules(boot, files, rules, cmdline, release)
    return boot


def list_names(boot):
    return sorted({line.name for line in boot.lines})


@pytest.mark.parametrize("script", READERS.values(), ids=READERS)
def test_each_script_reads_the_block_of_the_boot_file(node, script):
    node.write(boot_block.PATH, boot_block.replace_block("", ["xt_owner", "nf_nat"]))
    boot = read(node, script)
    assert list_names(boot) == ["nf_nat", "xt_owner"]
    assert boot.ineffective_lines == []
    assert boot.names_by_file == {boot_block.PATH: ["xt_owner", "nf_nat"]}


# A line, and the scripts that load xt_owner by it.
FIRST_WORD = {"OpenRC", "Alpine", "old Alpine", "Debian", "OpenEmbedded", "Buildroot"}
LINES = {
    "xt_owner\n": FIRST_WORD | {"Void"},
    "xt-owner\n": FIRST_WORD | {"Void"},
    " xt_owner\n": FIRST_WORD,
    "xt_owner \n": FIRST_WORD,
    "xt_owner # for istio\n": FIRST_WORD,
    "xt_owner debug=1\n": FIRST_WORD,
    "xt_owner\r\n": set(),
    "xt_owner": {"Debian", "Void", "OpenEmbedded"},
    "\ufeffxt_owner\n": set(),
    "#xt_owner\n": set(),
    ";xt_owner\n": set(),
    " #xt_owner\n": set(),
    "xt_owner#x\n": {"Alpine", "old Alpine"},
}


@pytest.mark.parametrize("name, script", READERS.items(), ids=READERS)
@pytest.mark.parametrize("line, loaded_by", LINES.items(), ids=[repr(line) for line in LINES])
def test_each_script_reads_a_line_by_its_rules(node, name, script, line, loaded_by):
    node.write(A, line)
    assert ("xt_owner" in list_names(read(node, script))) is (name in loaded_by)


@pytest.mark.parametrize(
    "script, line, words",
    [
        (OPENRC, "xt_owner", "no line feed at its end, so OpenRC's service modules does not read it"),
        (DEBIAN, "xt_owner\r\n", "carriage return"),
        (VOID, "xt_owner # c\n", "the whole line is one name"),
        (ALPINE, "\ufeffxt_owner\n", "byte order mark"),
    ],
)
def test_a_line_that_loads_nothing_has_a_cause(node, script, line, words):
    node.write(A, line)
    (found,) = [one for one in read(node, script).ineffective_lines if one.name == "xt_owner"]
    assert found.ineffective.code == Code.MALFORMED_BOOT_ENTRY
    assert words in found.ineffective.text
    assert found.ineffective.listed_in == A + ":1"


# What replaces the vendor's file a.conf, which lists xt_owner, and the scripts that load it all the same.
REPLACEMENTS = {
    "a file": ("xt_mark\n", {"old Alpine"}),
    "a link to /dev/null": (Link("/dev/null"), {"Alpine", "old Alpine", "Debian"}),
    "a directory": (None, {"Alpine", "old Alpine", "Debian"}),
}


@pytest.mark.parametrize("name", ["OpenRC", "Alpine", "old Alpine", "Debian", "Void"])
@pytest.mark.parametrize("content, loaded_by", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_each_script_has_its_rule_for_files_with_one_name(node, name, content, loaded_by):
    node.write("/usr/lib/modules-load.d/a.conf", "xt_owner\n")
    if isinstance(content, Link):
        node.link(A, content)
    elif content is None:
        node.write(A + "/file", "")
    else:
        node.write(A, content)
    boot = read(node, READERS[name])
    assert ("xt_owner" in list_names(boot)) is (name in loaded_by)
    masked = [line.ineffective.code for line in boot.ineffective_lines if line.name == "xt_owner"]
    assert masked == ([] if name in loaded_by else [Code.BOOT_FILE_MASKED])


DIRECTORIES = {
    "/etc/modules-load.d": set(READERS),
    "/run/modules-load.d": set(),  # a reboot clears it
    "/usr/local/lib/modules-load.d": {"Debian"},
    "/usr/lib/modules-load.d": {"OpenRC", "Alpine", "old Alpine", "Debian", "Void"},
    "/lib/modules-load.d": {"Alpine", "old Alpine", "Debian"},
}


@pytest.mark.parametrize("name, script", READERS.items(), ids=READERS)
@pytest.mark.parametrize("directory, read_by", DIRECTORIES.items(), ids=DIRECTORIES)
def test_each_script_reads_its_directories(node, name, script, directory, read_by):
    node.write(directory + "/a.conf", "xt_owner\n")
    node.write(directory + "/a.txt", "xt_mark\n")
    assert list_names(read(node, script)) == (["xt_owner"] if name in read_by else [])


def test_a_hidden_file_is_read_by_two_scripts(node):
    node.write("/etc/modules-load.d/.a.conf", "xt_owner\n")
    found = {name for name, script in READERS.items() if list_names(read(node, script))}
    assert found == {"Debian", "Void"}


@pytest.mark.parametrize("name, script", READERS.items(), ids=READERS)
def test_some_scripts_read_etc_modules(node, name, script):
    node.write("/etc/modules", "xt_owner debug=1\n")
    boot = read(node, script)
    if name in ("Alpine", "old Alpine", "Debian", "OpenEmbedded"):
        assert list_names(boot) == ["xt_owner"]
    else:
        (line,) = boot.ineffective_lines
        assert (line.ineffective.code, line.ineffective.listed_in) == (Code.BOOT_FILE_NOT_READ, "/etc/modules:1")


def test_a_link_to_etc_modules_is_read_once(node):
    node.write("/etc/modules", "xt_owner\n")
    node.link("/etc/modules-load.d/modules.conf", "../modules")
    assert [line.where for line in read(node, DEBIAN).lines] == ["/etc/modules-load.d/modules.conf:1"]
    assert read(node, OPENRC).ineffective_lines == []


@pytest.mark.parametrize("name, script", READERS.items(), ids=READERS)
def test_only_openrc_and_void_honour_the_blacklist(node, name, script):
    node.write(A, "xt_owner\n")
    assert [line.ignores_blacklist for line in read(node, script).lines] == [name not in ("OpenRC", "Void")]


@pytest.mark.parametrize(
    "cmdline, names",
    [
        ("quiet modules-load=xt_owner,nf-nat", ["nf_nat", "xt_owner"]),
        ("modules-load=xt_owner rd.modules-load=xt_mark", ["xt_mark"]),
        ("modules_load=xt_owner", []),
    ],
)
def test_void_reads_the_last_option_of_the_command_line(node, cmdline, names):
    assert list_names(read(node, VOID, cmdline)) == names
    assert list_names(read(node, OPENRC, cmdline)) == []


CONF_D = {
    "a list": ('modules="xt_owner nf-nat"\n', ["nf_nat", "xt_owner"]),
    "single quotes": ("modules='xt_owner'\n", ["xt_owner"]),
    "without quotes": ("modules=xt_owner\n", ["xt_owner"]),
    "several lines": ('modules="xt_owner\n  xt_mark"\n', ["xt_mark", "xt_owner"]),
    "a comment": ('#modules="xt_owner"\n', []),
    "the release": ('modules_6_1_0_gentoo_r1="xt_owner"\nmodules_6="xt_mark"\n', ["xt_owner"]),
    "the version": ('modules_6_1_0="xt_owner"\nmodules_6="xt_mark"\nmodules="nf_nat"\n', ["xt_owner"]),
    "the main version": ('modules_6="xt_owner"\nmodules="nf_nat"\n', ["xt_owner"]),
    "another version": ('modules_5="xt_owner"\nmodules="nf_nat"\n', ["nf_nat"]),
    "an empty list for the version": ('modules_6=""\nmodules="nf_nat"\n', ["nf_nat"]),
    "blanks for the version": ('modules_6=" "\nmodules="nf_nat"\n', []),
    "an addition to an empty list": ('modules="nf_nat"\nmodules_6="$modules_6"\n', ["nf_nat"]),
    "an addition": ('modules="xt_owner"\nmodules="${modules} xt_mark"\n', ["xt_mark", "xt_owner"]),
    "arguments": ('modules="xt_owner"\nmodule_xt_owner_args="debug"\n', ["xt_owner"]),
}


@pytest.mark.parametrize("text, names", CONF_D.values(), ids=CONF_D)
def test_openrc_reads_its_own_list(node, text, names):
    node.write("/etc/conf.d/modules", text)
    boot = read(node, OPENRC)
    assert list_names(boot) == names
    assert boot.doubt is None
    assert list_names(read(node, ALPINE)) == []


def test_the_lines_of_openrcs_own_list_are_numbered(node):
    node.write("/etc/conf.d/modules", '# c\nmodules="xt_owner\n  xt_mark"\n')
    assert [line.where for line in read(node, OPENRC).lines] == ["/etc/conf.d/modules:2", "/etc/conf.d/modules:3"]


def test_a_list_that_the_shell_computes_leaves_a_doubt(node):
    node.write("/etc/conf.d/modules", 'modules="xt_owner $(cat /x)"\n')
    boot = read(node, OPENRC)
    assert (boot.doubt.code, boot.doubt.where) == (Code.UNREADABLE, "/etc/conf.d/modules")


def test_openrc_before_0_37_reads_modules_load_d_in_a_service_of_its_own(node):
    node.write(A, "xt_owner\n")
    node.write("/etc/conf.d/modules", 'modules="xt_mark"\n')
    assert list_names(read(node, Script("/etc/init.d/modules", "Linux_modules()"))) == ["xt_mark"]
    assert list_names(read(node, Script("/etc/init.d/modules-load", "find_modfiles"))) == ["xt_owner"]


def test_a_script_without_a_known_text_is_alpines_on_alpine(node):
    script = Script("/etc/init.d/modules", "#!/sbin/openrc-run\n")
    assert init_scripts.find_rules(node.files, script) == init_scripts.OPENRC
    node.write("/etc/os-release", "NAME=x\nID=alpine\n")
    assert init_scripts.find_rules(node.files, script) == init_scripts.ALPINE


def test_a_file_that_is_unreadable_is_noted(node, forbid):
    node.write(A, "xt_owner\n")
    forbid(A)
    assert read(node, OPENRC).unreadable_path == A


@pytest.mark.parametrize(
    "text, may_read",
    [("cat /etc/modules-load.d/*", True), ("while read m < /etc/modules", True), ("modprobe loop", False)],
)
def test_an_unknown_script_may_read_the_lists_that_it_names(text, may_read):
    assert init_scripts.may_read_lists(Script("/etc/init.d/own", text)) is may_read
    assert init_scripts.find_rules(Files("/"), Script("/etc/init.d/own", text)) is None
