# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random contents of a node's files: no crash, no invalid facts, and no absent module that counts as present."""

from __future__ import annotations

import json
import os
import time

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._boot import boot_readers
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import conf_lines, modprobe_conf, modules_tree, proc
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe import Modprobe
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state, size_limit
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import UnknownKernelError, read_node
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import expand, parse_expanded
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.memory import MemoryFiles
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE
from hypothesis import given, settings
from hypothesis import strategies as st

TREE = f"/lib/modules/{RELEASE}"
PARSED = (
    "/proc/modules",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/1/environ",
    "/proc/self/status",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/modules_disabled",
    "/sys/kernel/security/lockdown",
    "/sys/fs/selinux/enforce",
    "/sys/fs/selinux/booleans/domain_kernel_load_modules",
    "/sys/fs/selinux/class/system/index",
    "/etc/selinux/config",
    "/var/log/audit/audit.log",
    "/etc/os-release",
    "/etc/modules",
    "/etc/modprobe.d/a.conf",
    "/etc/modules-load.d/a.conf",
    "/usr/lib/modules-load.d/a.conf",
    "/boot/grub2/grubenv",
    "/boot/loader/entries/a.conf",
    f"/boot/config-{RELEASE}",
    "/var/lib/dpkg/status",
    "/lib/apk/db/installed",
    "/usr/sbin/nft",
    *(f"{TREE}/modules.{name}" for name in ("dep", "alias", "builtin", "builtin.modinfo", "softdep")),
    f"{TREE}/{module_tree.NETFILTER}/xt_owner.ko",
)
# Words of the files' own grammars: lines of them are often almost valid.
WORDS = st.sampled_from(
    [
        "xt_owner",
        "xt-owner",
        "ipt_owner",
        "nf_nat",
        "blacklist",
        "install",
        "alias",
        "softdep",
        "options",
        "off",
        "/bin/false",
        "/bin/true",
        "modprobe",
        "-i",
        "pre:",
        "post:",
        "#",
        ";",
        "module_blacklist=",
        "modprobe.blacklist=",
        "modules-load=",
        ",",
        ":",
        "=",
        ".ko",
        "kernel/net/xt_owner.ko:",
        "\\",
        "\ufeff",
        '"',
        "-",
        "Live",
        "0x0",
        "1",
        "0",
    ]
)
BLANKS = st.sampled_from([" ", "\t", "\n", "\r\n", "\\\n", "  ", "\0", "\x0b", "\u2028"])
ALMOST_VALID = st.lists(st.tuples(WORDS, BLANKS), max_size=12).map(
    lambda parts: "".join(word + blank for word, blank in parts).encode()
)
CONTENT = st.one_of(st.binary(max_size=200), ALMOST_VALID)
NAMES = ["xt_owner", "nf_nat", "nf_conntrack_ipv4", "iptable_nat", "ipt_owner"]


@given(st.dictionaries(st.sampled_from(PARSED), CONTENT), st.sampled_from(["running", "next", RELEASE]))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_facts_are_valid_whatever_the_files_contain(contents, kernel):
    files = MemoryFiles({"/proc/sys/kernel/osrelease": RELEASE.encode(), **contents})
    try:
        facts = gather_facts(files, NAMES, "2026-01-01T00:00:00Z", None, kernel)
    except UnknownKernelError:
        assert kernel != "running"
        return
    assert len(json.dumps(facts)) < size_limit.MAX_FACTS_BYTES
    expanded = expand(json.loads(json.dumps(facts)))
    parse_expanded(expanded)
    modules = expanded["modules"]
    node = read_node(files, NAMES, kernel)
    for name in NAMES:
        described = module_state.describe(node, name)
        assert {**modules[name], "reasons": []} == {**described, "reasons": []}
        restored = [(reason["axis"], reason["code"], reason["text"]) for reason in modules[name]["reasons"]]
        expected = [
            (reason["axis"], reason["code"], _reasons.describe_reason(reason)) for reason in described["reasons"]
        ]
        assert sorted(restored) == sorted(expected)
        assert _first_of_each_axis(restored) == _first_of_each_axis(expected)


def _first_of_each_axis(reasons):
    """Return dict of axis to the reason that decides it."""
    return {axis: (axis, *rest) for axis, *rest in reversed(reasons)}


# Files that may name a module but do not prove that it exists.
NAMING_FILES = [
    path
    for path in PARSED
    if path.endswith((".conf", "cmdline", ".alias", ".softdep", "/modules")) and path != "/proc/modules"
]


@given(st.dictionaries(st.sampled_from(NAMING_FILES), CONTENT))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_an_absent_module_is_never_ready(contents):
    dep = b"kernel/net/netfilter/x_tables.ko:\n"
    index = {
        f"{TREE}/modules.dep": dep,
        f"{TREE}/modules.dep.bin": b"",
        f"{TREE}/kernel/net/netfilter/x_tables.ko": module_tree.build_module("x_tables"),
    }
    files = MemoryFiles({"/proc/sys/kernel/osrelease": RELEASE.encode(), "/proc/modules": b"", **contents, **index})
    entry = module_state.describe(read_node(files, ["xt_owner"]), "xt_owner")
    assert entry["state"] in ("missing", "unknown", "blocked", "merged")
    assert entry["boot"] != "yes"
    assert entry["state"] == "merged" or entry["autoload"] != "yes"


@given(
    st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(
                ["xt_owner", " xt-owner\r", "\ufeffxt_owner", "#xt_owner", "xt_owner # x", "xt_owner xt_mark"]
            ),
        )
    )
)
@settings(deadline=None, derandomize=True)
def test_only_a_line_with_nothing_but_the_name_loads_at_boot(lines):
    files = MemoryFiles(
        {
            "/usr/lib/systemd/systemd-modules-load": b"",
            "/etc/modules-load.d/a.conf": "\n".join(lines).encode("utf-8", "replace"),
        }
    )
    written = "\n".join(lines).encode("utf-8", "replace").decode("utf-8", "replace").split("\n")
    expected = []
    for number, line in enumerate(written, 1):
        if line.strip(" \t\r").replace("-", "_") == "xt_owner":
            expected.append(f"/etc/modules-load.d/a.conf:{number}")
    found = [line.where for line in boot_readers.read_boot_list(files, "").lines if line.name == "xt_owner"]
    assert found == expected


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for name in ("xt_owner", "xt_mark", "x_tables", "nf_nat"):
        folder, needs, aliases = module_tree.STANDARD[name]
        path = root / TREE.lstrip("/") / folder / f"{name}.ko"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(module_tree.build_module(name, ["x_tables"] if "x_tables" in needs else [], aliases))
    module_tree.index_tree(root)
    (root / "etc/modprobe.d").mkdir(parents=True)
    return root


CONF_WORDS = st.sampled_from(
    ["xt_owner", "xt-owner", "ipt_owner", "ipt_*", "xt_mark", "x_tables", "nf_nat", "off", "/bin/false", "#", "\\"]
)
KEYWORDS = st.sampled_from(["blacklist", "install", "alias", "softdep", "options", "#blacklist"])
CONF_LINE = st.tuples(
    KEYWORDS,
    st.sampled_from([" ", "\t", " \\\n "]),
    st.lists(CONF_WORDS, min_size=1, max_size=3),
    st.sampled_from(["\n", "\r\n", "\\\n", "\n\n"]),
)
CONF = st.lists(CONF_LINE, max_size=5).map(
    lambda lines: "".join(keyword + blank + " ".join(words) + end for keyword, blank, words, end in lines)
)


@given(st.text(alphabet="ab \\\n\r\0\u2028", max_size=60))
@settings(deadline=None, derandomize=True)
def test_lines_are_split_without_loss(text):
    assert "".join(raw for _number, raw in conf_lines.split_raw_lines(text)) == text
    assert [number for number, _line in conf_lines.split_logical_lines(text)] == [
        number for number, _raw in conf_lines.split_raw_lines(text)
    ]


@given(CONF, st.sampled_from(["xt_owner", "ipt_owner", "xt_mark", "nf_nat"]), st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_configuration_means_the_same_as_for_the_real_modprobe(tree, text, name, use_blacklist):
    conf_directory = tree / "etc/modprobe.d"
    (conf_directory / "a.conf").write_bytes(text.encode())
    command = ["modprobe", "-d", str(tree), "-S", RELEASE, "-C", str(conf_directory), "--show-depends"]
    if use_blacklist:
        command.append("--use-blacklist")
    _code, output, _errors = module_tree.run_tool([*command, name])
    lines = output.splitlines()
    inserted = [os.path.basename(line.split()[1])[: -len(".ko")] for line in lines if line.startswith("insmod ")]
    runs_a_command = any(line.startswith("install ") for line in lines)

    files = Files(str(tree))
    index = modules_tree.read_tree(files, RELEASE, {"ipt_owner", name})
    modprobe = Modprobe(files, modprobe_conf.read_conf(files, "", index.path), index, set())
    modules = [target.module for target in modprobe.lookup(name).targets]
    loadable = []
    for module in modules:
        if modprobe.resolve_request(name, module, use_blacklist)[0] and not modprobe.find_block(module):
            loadable.append(module)
    if runs_a_command:
        # The command of a soft dependency does not affect the others, and that of the module replaces its insertion.
        assert [module for module in loadable if module in inserted] == loadable
    else:
        assert set(loadable) == set(inserted) & set(modules)


@given(st.text(max_size=200))
@settings(deadline=None, derandomize=True)
def test_any_command_line_is_read(text):
    assert all(isinstance(value, str) for value in proc.list_cmdline_values(text, "module_blacklist"))


def test_huge_files_cost_little_time():
    aliases = b"".join(b"alias pci:v%08dd*sv*sd*bc*sc*i* driver_%d\n" % (number, number) for number in range(60000))
    dep = b"".join(
        b"kernel/drivers/driver_%d.ko: kernel/lib/a.ko kernel/lib/b.ko\n" % number for number in range(20000)
    )
    huge = {
        f"{TREE}/modules.alias": aliases,
        f"{TREE}/modules.dep": dep,
        "/etc/modprobe.d/a.conf": b"# x\n" * 200000,
        "/proc/modules": b"x" * 1000000,
    }
    started = time.process_time()
    gather_facts(
        MemoryFiles({"/proc/sys/kernel/osrelease": RELEASE.encode(), **huge}), NAMES, "2026-01-01T00:00:00Z", None
    )
    assert time.process_time() - started < 10
