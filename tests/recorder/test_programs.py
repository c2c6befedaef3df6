# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder asks the same programs of a node as node_facts, and records what they answer.

The node is a directory with busybox and with programs that note that they were started. The recorder runs in it, by
chroot; node_facts reads it from outside, and starts its programs by chroot.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.module_utils._recording.sources import open_recording
from ansible_collections.nodeprep.istio.tests.unit.support import module_tree
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE
from ansible_collections.nodeprep.istio.tests.unit.support.node_writers import WRITERS
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode
from ansible_collections.nodeprep.istio.tests.unit.support.recorder import SCRIPT

BUSYBOX = shutil.which("busybox")
DASH = shutil.which("dash")
pytestmark = pytest.mark.skipif(os.getuid() != 0 or not BUSYBOX, reason="needs root, for chroot, and busybox")

PRESENT = "nfnetlink 20480 1 - Live 0x0\nip_set 57344 1 - Live 0x0\n"
RULES = "# Generated\n*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.1.2.3 -j ACCEPT\nCOMMIT\n*filter\nCOMMIT\n"
# What each program prints, by its name and its arguments.
ANSWERS = {
    "/usr/sbin/nft -V": "nftables v1.0.9 (Old Doc Yak #3)\n  json:\t\tyes\n",
    "/usr/sbin/iptables --version": "iptables v1.8.10 (legacy)\n",
    "/usr/sbin/iptables-save": RULES,
    "/usr/sbin/ip6tables-save": "",
    "/usr/sbin/xtables-nft-multi iptables-save": RULES,
    "/usr/sbin/xtables-nft-multi ip6tables-save": (
        "# Table `s3cr3t' is incompatible, use 'nft' tool.\n"
        "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n*filter\nCOMMIT\n"
    ),
    "/usr/sbin/ipset --version": "ipset v7.17, protocol version: 7\n",
    "/usr/sbin/ipset list -name": "istio-inpod-probes-v4\ncali40s3cr3t\n",
    "/usr/sbin/modprobe --version": "kmod version 31\n",
    "/usr/bin/rpm -q --qf %{NAME} %{VERSION}\\n nftables iptables-nft iptables-legacy iptables ipset kmod": (
        "nftables 1.0.4\npackage iptables-legacy is not installed\niptables-nft 1.8.8\n"
    ),
    "/usr/bin/rpm -qf --qf %{NAME}\\n /usr/lib/modprobe.d/dist.conf": "kmod\n",
}


class RunningNode(RecordedNode):
    """A node in which programs run."""

    def __init__(self, root):
        super().__init__(root)
        (root / "bin").mkdir()
        (root / "tmp").mkdir()
        (root / "dev").mkdir()
        (root / "dev/null").write_text("")
        shutil.copy(BUSYBOX, root / "bin/busybox")
        listed = subprocess.run([BUSYBOX, "--list"], capture_output=True, check=True, text=True).stdout.split()
        # Programs that node_facts looks for would be found here.
        for name in set(listed) - {"busybox", "modprobe", "modinfo", "rpm"}:
            (root / "bin" / name).symlink_to("busybox")
        shutil.copy(SCRIPT, root / "record-node.sh")
        self.started = root.parent / "started"

    def program(self, path, answers=None):
        """Write a program that prints its answers, and notes that it was started."""
        lines = ["#!/bin/sh", 'echo "$0${*:+ }$*" >>/started', 'case "$0${*:+ }$*" in']
        for number, (arguments, output) in enumerate((answers or ANSWERS).items()):
            self.write(f"/answers/{number}", output)
            lines.append(f"'{arguments}') cat /answers/{number} ;;")
        self.write(path, "\n".join([*lines, "*) exit 1 ;;", "esac"]) + "\n")
        self.path(path).chmod(0o755)

    def take_started(self):
        """Return the programs that were started, and forget them."""
        path = self.path("/started")
        if not path.exists():
            return []
        started = sorted(path.read_text().splitlines())
        path.unlink()
        return started

    def run(self, arguments):
        done = subprocess.run(["chroot", str(self.root), *arguments], capture_output=True, check=False)
        return done.returncode, done.stdout.decode()

    def observe_and_record(self):
        """Return what node_facts finds and starts, and the same of the recorder and its recording."""
        facts = json.loads(json.dumps(gather_facts(Files(str(self.root)), KNOWN_MODULES, "x", self.run)))
        expected = (facts, self.take_started())
        arguments = ["/bin/sh", "/record-node.sh", "--output", "/recording.tar.gz"]
        done = subprocess.run(["chroot", str(self.root), *arguments], capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        recording = open_recording(str(self.path("/recording.tar.gz")))
        self.remove("/recording.tar.gz")
        found = json.loads(json.dumps(gather_facts(recording.files, KNOWN_MODULES, "x", recording.run)))
        return expected, (found, self.take_started())


@pytest.fixture
def node(tmp_path):
    root = tmp_path / "node"
    root.mkdir()
    return RunningNode(root)


def write_tools(node):
    for name in ("nft", "iptables", "iptables-save", "ip6tables-save", "ipset", "modprobe"):
        node.program("/usr/sbin/" + name)


def test_tools_tell_their_versions(node):
    node.tree()
    node.write("/proc/modules", PRESENT)
    write_tools(node)
    expected, found = node.observe_and_record()
    assert found == expected
    assert "/usr/sbin/nft -V" in found[1]


def test_a_tool_that_would_load_a_module_is_not_started(node):
    node.tree()
    write_tools(node)
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[1] == ["/usr/sbin/modprobe --version"]


def test_no_tool_is_started_if_files_tell_all(node):
    WRITERS["debian"](node)
    node.write("/proc/net/ip_tables_names", "")
    node.write("/proc/modules", "nfnetlink 20480 1 - Live 0x0\n")
    node.program("/usr/sbin/nft")
    node.program("/usr/sbin/xtables-nft-multi")
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[1] == []


def test_a_built_in_module_counts_as_present(node):
    node.tree(builtin=["kernel/net/netfilter/nfnetlink.ko"])
    write_tools(node)
    expected, found = node.observe_and_record()
    assert found == expected
    assert "/usr/sbin/iptables --version" in found[1]


def test_without_modules_all_is_present(node):
    node.remove("/proc/modules")
    node.write(f"/boot/config-{RELEASE}", "# CONFIG_MODULES is not set\n")
    write_tools(node)
    expected, found = node.observe_and_record()
    assert found == expected
    assert "/usr/sbin/ipset list -name" in found[1]


def test_the_tables_that_hold_rules_are_recorded_without_the_rules(node):
    node.tree()
    node.write("/proc/modules", PRESENT)
    node.write("/proc/net/ip_tables_names", "nat\nfilter\n")
    write_tools(node)
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[0]["netfilter"]["legacy_rules"] == {"ipv4": ["nat"]}
    check_secrets(node)


def check_secrets(node):
    """Check that a recording has no rules and no names that it does not need."""
    node.run(["/bin/sh", "/record-node.sh", "--output", "/recording.tar.gz"])
    content = subprocess.run(["tar", "-xzOf", str(node.path("/recording.tar.gz"))], capture_output=True, check=True)
    assert b"10.1.2.3" not in content.stdout
    assert b"s3cr3t" not in content.stdout


def test_tables_of_iptables_nft_are_recorded_without_the_rules(node):
    node.tree()
    node.write("/proc/modules", PRESENT + "nf_tables 20480 1 - Live 0x0\n")
    write_tools(node)
    node.program("/usr/sbin/xtables-nft-multi")
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[0]["netfilter"]["nft_tables"] == {"ipv4": True, "ipv6": None}
    check_secrets(node)


@pytest.mark.parametrize("version, shown", [("v1.8.10 (nf_tables)", True), ("v1.8.10 (legacy)", None)])
def test_the_plain_program_shows_the_tables_of_its_own_variant(node, version, shown):
    node.tree()
    node.write("/proc/modules", PRESENT + "nf_tables 20480 1 - Live 0x0\n")
    answers = {"/usr/sbin/iptables --version": f"iptables {version}\n", "/usr/sbin/iptables-save": RULES}
    for name in ("iptables", "iptables-save"):
        node.program("/usr/sbin/" + name, answers)
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[0]["netfilter"]["nft_tables"] == {"ipv4": shown, "ipv6": None}


@pytest.mark.parametrize("evidence", ["modules.builtin", "config"])
def test_a_built_in_nf_tables_is_asked_for_its_tables(node, evidence):
    if evidence == "config":
        node.write(f"/boot/config-{RELEASE}", "CONFIG_MODULES=y\nCONFIG_NF_TABLES=y\n")
    else:
        node.tree([], builtin=["kernel/net/netfilter/nf_tables.ko"])
    node.program("/usr/sbin/xtables-nft-multi")
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[0]["netfilter"]["nft_tables"]["ipv4"] is True


def test_rpm_tells_the_versions_that_no_tool_tells(node):
    WRITERS["rhel"](node)
    node.program("/usr/bin/rpm")
    for name in ("nft", "iptables-nft", "iptables-legacy"):
        node.program("/usr/sbin/" + name)
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[0]["tools"]["iptables-nft"]["version"] == "1.8.8"


def test_rpm_tells_who_owns_a_conflict(node):
    node.tree()
    node.write("/usr/lib/modprobe.d/dist.conf", "blacklist xt-mark\n")
    node.write("/usr/lib/modprobe.d/other.conf", "blacklist floppy\n")
    node.write("/var/lib/rpm/rpmdb.sqlite", "")
    node.program("/usr/bin/rpm")
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[0]["conflicts"]["/usr/lib/modprobe.d/dist.conf"]["package"] == "kmod"
    assert len(found[1]) == 1


def test_modinfo_tells_which_modules_are_signed(node):
    WRITERS["signed, zstd"](node)
    blocks = []
    arguments = ["/usr/sbin/modinfo"]
    for name in KNOWN_MODULES:
        if name in module_tree.STANDARD:
            path = f"/lib/modules/{RELEASE}/{module_tree.STANDARD[name][0]}/{name}.ko.zst"
            arguments.append(path)
            signer = "" if name == "xt_mark" else "signer:         Vendor\nsig_key:        aa\n"
            blocks.append(f"filename:       {path}\nalias:          x\n{signer}")
    node.program("/usr/sbin/modinfo", {" ".join(arguments): "".join(blocks)})
    expected, found = node.observe_and_record()
    assert found == expected
    assert found[0]["modules"]["xt_mark"]["state"] == "blocked"
    assert found[0]["modules"]["x_tables"]["state"] == "loadable"


def write_text(node):
    """Run the recorder with dash: the shell of busybox would find all programs in itself."""
    libraries = subprocess.run(["ldd", DASH], capture_output=True, check=True, text=True).stdout
    for path in [DASH, *re.findall(r"(/\S+)", libraries)]:
        node.path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, node.path(path))
    arguments = ["chroot", str(node.root), DASH, "/record-node.sh", "--base64", "--name", "web-1"]
    return subprocess.run(arguments, capture_output=True, check=False)


def test_any_tool_that_encodes_is_used(node, tmp_path):
    node.remove("/bin/base64")
    (tmp_path / "text").write_bytes(write_text(node).stdout)
    assert open_recording(str(tmp_path / "text")).name == "web-1"


def test_no_tool_that_encodes_is_one_error(node):
    node.remove("/bin/base64")
    node.remove("/bin/uuencode")
    done = write_text(node)
    error = "record-node: --base64: found none of base64, openssl and uuencode; use --output FILE instead\n"
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", error)


def test_a_missing_program_is_one_error(node):
    node.remove("/bin/awk")
    done = write_text(node)
    error = "record-node: awk: not found; install it, or record with --root from a container\n"
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", error)
