# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a node for one kernel. _boot/test_kernels.py has tests of other kernels and of images."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import LoadedModule
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import module_state
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import UnknownKernelError, read_node
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE

NEWER = "6.1.1-test"


def test_the_running_kernel_has_loaded_modules_and_another_has_none(node):
    node.tree(["xt_owner", "x_tables"])
    node.tree(["xt_owner", "x_tables"], release=NEWER)
    node.write("/proc/modules", "xt_owner 16384 0 - Live 0x0\n")
    running = node.observe(["xt_owner"])
    assert (running.release, running.is_running, running.other_releases) == (RELEASE, True, [NEWER])
    assert running.loaded == {"xt_owner": LoadedModule("Live", "")}
    other = node.observe(["xt_owner"], NEWER)
    assert (other.release, other.is_running, other.other_releases) == (NEWER, False, [RELEASE])
    assert other.loaded is None
    assert other.after_reboot is None


@pytest.mark.parametrize(
    "files",
    [
        {"/run/modprobe.d/a.conf": "blacklist xt_owner\n"},
        {"/etc/sysctl.d/a.conf": "kernel.modules_disabled = 1\n"},
        {"/etc/selinux/config": "SELINUX=enforcing\n"},
        {"/etc/modprobe.d/a.conf": "install xt_mark /bin/false\n", "/proc/modules": "xt_mark 1 0 - Live 0x0\n"},
        {"/lib/modules/" + RELEASE + "/modules.dep": "", "/proc/modules": "xt_owner 1 0 - Live 0x0\n"},
    ],
    ids=[
        "volatile configuration",
        "loading is disabled at boot",
        "SELinux is enforcing at boot",
        "an override is new",
        "a loaded module is not in the tree",
    ],
)
def test_a_reboot_with_the_same_kernel_is_described_if_it_changes_something(node, files):
    node.tree()
    assert node.observe(["xt_owner"]).after_reboot is None
    for path, text in files.items():
        node.write(path, text)
    after_reboot = node.observe(["xt_owner"]).after_reboot
    assert after_reboot.release == RELEASE
    assert after_reboot.loaded == {}
    assert after_reboot.after_reboot is None


@pytest.mark.parametrize("loaded", ["xt_owner", "x_tables"])
def test_a_module_that_is_loaded_and_has_no_file_any_more_cannot_be_loaded_after_a_reboot(node, loaded):
    node.tree(["xt_owner", "x_tables"])
    node.write("/proc/modules", loaded + " 16384 0 - Live 0x0\n")
    assert "next_boot" not in node.describe("xt_owner")
    (path,) = node.path("/lib/modules/" + RELEASE).rglob(loaded + ".ko*")
    path.unlink()
    entry = node.describe("xt_owner")
    assert entry["state"] == ("loaded" if loaded == "xt_owner" else "loadable")
    assert entry["next_boot"]["state"] == ("missing" if loaded == "xt_owner" else "blocked")


def test_a_container_has_no_reboot_of_its_own(node):
    node.tree()
    node.write("/run/modprobe.d/a.conf", "blacklist xt_owner\n")
    node.write("/.dockerenv", "")
    observed = node.observe(["xt_owner"])
    assert observed.container_cause.text == "the kernel belongs to the host of this container (docker)"
    assert observed.after_reboot is None


def test_another_kernel_counts_if_the_boot_loader_names_it(node):
    node.tree(release=NEWER)
    assert node.observe(["xt_owner"]).after_reboot is None
    node.grub(NEWER, RELEASE)
    after_reboot = node.observe(["xt_owner"]).after_reboot
    assert (after_reboot.release, after_reboot.is_running) == (NEWER, False)


def test_wsl_is_not_called_a_container_whose_host_can_be_prepared(node):
    node.write("/proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n")
    cause = node.observe(["xt_owner"]).container_cause
    assert cause.code == "wsl"
    assert "host" not in cause.text


@pytest.mark.parametrize(
    "files, is_supported",
    [
        ({}, True),
        ({"/boot/config-" + RELEASE: "CONFIG_MODULES=y\n"}, True),
        ({"/boot/config-" + RELEASE: "CONFIG_NF_NAT=y\n"}, False),
    ],
)
def test_a_kernel_supports_modules_if_proc_lists_them_or_by_its_option(node, files, is_supported):
    for path, text in files.items():
        node.write(path, text)
        node.path("/proc/modules").unlink()
    assert node.observe([]).modules_supported is is_supported


def test_without_proc_and_options_it_is_unknown_whether_a_kernel_supports_modules(node):
    node.remove("/proc/modules")
    assert node.observe([]).modules_supported is None


@pytest.mark.parametrize("name, is_builtin", [("xt_owner", True), ("xt_mark", False), ("xt_set", False)])
def test_only_a_part_of_the_kernel_is_in_sysfs_without_a_state(node, name, is_builtin):
    node.write("/sys/module/xt_owner/uevent", "")
    node.write("/sys/module/xt_mark/initstate", "live\n")
    assert node.observe([]).is_in_sysfs(name) is is_builtin


def test_modinfo_is_started_once_for_all_files_that_python_cannot_unpack(node):
    node.tree(["xt_owner", "xt_mark", "x_tables"], suffix=".zst")
    node.write("/sys/module/module/parameters/sig_enforce", "Y\n")
    node.write("/sbin/modinfo", "")
    started = []

    def run(arguments):
        started.append(arguments[0])
        signed, unsigned = (next(path for path in arguments if name in path) for name in ("xt_owner", "xt_mark"))
        return 0, "filename:       {}\nsig_id: PKCS#7\nfilename:       {}\nname: xt_mark\n".format(signed, unsigned)

    observed = read_node(Files(str(node.root)), ["xt_owner", "xt_mark"], run=run)
    assert observed.modprobe.find_block("xt_mark").code == "unsigned_module"
    assert observed.modprobe.find_block("x_tables").code == "unsigned_module"
    assert observed.conf.find_block("xt_owner") is None
    assert started == ["/sbin/modinfo"]


def test_signatures_are_unknown_if_modinfo_tells_nothing(node):
    node.tree(["xt_owner", "x_tables"], suffix=".zst")
    node.write("/sys/module/module/parameters/sig_enforce", "Y\n")
    node.write("/sbin/modinfo", "")
    started = []

    def run(arguments):
        started.append(arguments[0])
        return 127, ""

    observed = read_node(Files(str(node.root)), ["xt_owner"], run=run)
    assert module_state.describe(observed, "xt_owner")["state"] == "unknown"
    assert started == ["/sbin/modinfo"]


def test_boot_decisions_are_made_once(node):
    node.tree(["xt_owner", "x_tables"])
    node.write("/etc/modules-load.d/a.conf", "xt_owner\n")
    observed = node.observe(["xt_owner"])
    assert observed.boot_decisions.decide(observed, "xt_owner", "loadable") == ("yes", None)
    # They do not depend on SELinux, so a copy with other facts on SELinux shares them.
    copy = observed._replace(selinux={"mode": "enforcing"})
    assert copy.boot_decisions is observed.boot_decisions


def test_the_next_kernel_must_be_known_to_be_chosen(node):
    with pytest.raises(UnknownKernelError, match="^kernel: which kernel boots next is unknown; name a release"):
        node.observe(["xt_owner"], "next")
