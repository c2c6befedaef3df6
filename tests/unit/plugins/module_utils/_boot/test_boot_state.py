# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a module is present after a reboot. The corpus has more situations, compared with the real modprobe."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import boot_readers
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_state import NextBoot
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf, modules_tree
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe import Modprobe
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import Cause, Code
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

LIST = "/etc/modules-load.d/a.conf"
CONTAINER = Cause(Code.CONTAINER, "the host decides")
UNREAD = Cause(Code.INDEX_MISSING, "no index", "/lib/modules/x")


@pytest.fixture
def read(node):
    node.tree()

    def read_next_boot(boot_file="", conf="", cmdline="", container=None, unread_tree=None):
        node.write(LIST, boot_file)
        node.write("/etc/modprobe.d/a.conf", conf)
        files = Files(str(node.root))
        tree = modules_tree.read_tree(files, RELEASE, {"ipt_owner"})
        modprobe = Modprobe(files, modprobe_conf.read_conf(files, cmdline, tree.path), tree, frozenset())
        return NextBoot(boot_readers.read_boot_list(files, cmdline), modprobe, container, unread_tree)

    return read_next_boot


def test_a_listed_module_and_its_dependencies_are_loaded(read):
    boot = read("ipt_owner\n")
    assert boot.decide("xt_owner", "loadable") == ("yes", None)
    answer, cause = boot.decide("x_tables", "loadable")
    assert answer == "yes"
    assert (cause.code, cause.text, cause.where) == (
        Code.DEPENDENCY,
        "loaded together with xt_owner",
        LIST + ":1",
    )


def test_a_module_of_its_own_line_needs_no_other(read):
    assert read("xt_owner\nx_tables\n").decide("x_tables", "loadable") == ("yes", None)


def test_a_builtin_module_needs_no_line(read):
    assert read("xt_owner\n").decide("xt_owner", "builtin") == ("not_applicable", None)


def test_the_line_of_a_merged_module_loads_nothing(read):
    answer, cause = read("nf_nat_ipv4\n").decide("nf_nat_ipv4", "merged")
    assert answer == "not_applicable"
    assert (cause.code, cause.listed_in) == (Code.UNKNOWN_BOOT_ENTRY, LIST + ":1")
    assert cause.text.endswith("has no such module; remove the line")


@pytest.mark.parametrize(
    "conf, code",
    [
        ("blacklist xt_owner\n", Code.BLACKLIST),
        ("install xt_owner /bin/false\n", Code.INSTALL_OVERRIDE),
        ("alias xt_owner off\n", Code.ALIAS_OVERRIDE),
    ],
    ids=["blacklist", "install", "alias"],
)
def test_the_line_of_a_blocked_module_is_ineffective(read, conf, code):
    answer, cause = read("xt_owner\n", conf).decide("xt_owner", "loadable")
    assert (answer, cause.code, cause.listed_in) == ("ineffective", code, LIST + ":1")


def test_the_boot_files_of_a_container_decide_nothing(read):
    assert read("xt_owner\n", container=CONTAINER).decide("xt_owner", "loadable") == ("unknown", CONTAINER)


def test_without_an_index_the_answer_for_a_listed_module_is_unknown(read):
    boot = read("no_such_module\n", unread_tree=UNREAD)
    assert boot.decide("no_such_module", "unknown") == ("unknown", UNREAD._replace(listed_in=LIST + ":1"))
    assert boot.decide("xt_mark", "unknown") == ("no", None)


def test_an_unlisted_module_is_absent(read):
    assert read("xt_owner\n").decide("xt_mark", "loaded") == ("no", None)


def test_an_unreadable_boot_file_may_list_any_module(read, node, forbid):
    node.write("/etc/modules-load.d/b.conf", "")
    forbid("/etc/modules-load.d/b.conf")
    boot = read("xt_owner\n")
    assert boot.decide("xt_owner", "loadable") == ("yes", None)
    answer, cause = boot.decide("xt_mark", "loadable")
    assert (answer, cause.code, cause.where) == ("unknown", Code.UNREADABLE, "/etc/modules-load.d/b.conf")


def test_a_module_of_the_initramfs_is_unknown(read):
    answer, cause = read(cmdline="rd.modules-load=xt_owner").decide("xt_owner", "loadable")
    assert (answer, cause.code, cause.where) == ("unknown", Code.INITRAMFS_ONLY, "/proc/cmdline")


@pytest.mark.parametrize(
    "path, answer", [("/usr/lib/modules-load.d/a.conf", "no"), ("/run/modules-load.d/b.conf", "ineffective")]
)
def test_the_line_of_a_masked_file_counts_as_none(read, node, path, answer):
    node.write(path, "xt_owner\n")
    assert read().decide("xt_owner", "loadable")[0] == answer


def test_with_an_unknown_init_system_the_answer_is_unknown(read, node):
    node.remove("/usr/lib/systemd/systemd-modules-load")
    boot = read("xt_owner\n")
    answer, cause = boot.decide("xt_owner", "loadable")
    assert (answer, cause.code, cause.listed_in) == ("unknown", Code.NO_BOOT_READER, LIST + ":1")
    answer, cause = boot.decide("xt_mark", "loadable")
    assert (answer, cause.code, cause.listed_in) == ("unknown", Code.NO_BOOT_READER, None)


@pytest.mark.parametrize(
    "line, answer", [("xt_owner\n", "yes"), ("ipt_owner\n", "ineffective")], ids=["its own name", "an alias"]
)
def test_modprobe_without_b_loads_a_blacklisted_module_by_its_own_name_only(read, node, line, answer):
    node.remove("/usr/lib/systemd/systemd-modules-load")
    node.write("/etc/init.d/kmod", "")
    node.link("/etc/rcS.d/S05kmod", "../init.d/kmod")
    assert read(line, "blacklist xt_owner\n").decide("xt_owner", "loadable")[0] == answer
