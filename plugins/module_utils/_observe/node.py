# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node: all that the decisions about modules need to know of it, for one kernel."""

import functools
import re
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Set

from ansible_collections.nodeprep.istio.plugins.module_utils._boot import kernels, sysctl
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_list import BootList
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_readers import read_boot_list
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.boot_state import BootAnswer, NextBoot
from ansible_collections.nodeprep.istio.plugins.module_utils._boot.kernels import NextKernel
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf, modules_tree, proc
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe import Modprobe
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modprobe_conf import ModprobeConf
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.module_file import SignatureCheck, SignatureSearch
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.modules_tree import ModulesTree
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.proc import LoadedModule
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS, canonicalize
from ansible_collections.nodeprep.istio.plugins.module_utils._observe import kernel_config, platform, selinux
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.blockers import (
    read_blockers,
    requires_signatures,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.kernel_config import ModuleOption
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.tools import CommandRunner
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import COMMAND_LINE, Cause, Code

MODINFO = ("/usr/sbin/modinfo", "/sbin/modinfo")
_SIGNATURE_FIELD = re.compile(r"^(?:sig_id|signer|sig_hashalgo):", re.MULTILINE)


class UnknownKernelError(ValueError):
    """The requested kernel is not installed, or which one boots next is unknown; the message lists the kernels."""


class BootDecisions:
    """What the boot list loads, decided when it is first needed."""

    def __init__(self) -> None:
        self._next_boot: Optional[NextBoot] = None

    def decide(self, node: "Node", name: str, state: str) -> BootAnswer:
        """Return what :meth:`NextBoot.decide` returns for this node, which must always be the same."""
        if self._next_boot is None:
            modprobe = node.modprobe.for_next_boot(node.conf)
            # The systemd of WSL reads its own boot files; those of a container are not read.
            container = None if node.platform["container"] == platform.WSL else node.container_cause
            self._next_boot = NextBoot(node.boot_list, modprobe, container, node.unread_tree_cause)
        return self._next_boot.decide(name, state)


class Node(NamedTuple):
    """All that was read of one node about one kernel.

    :ivar is_running: whether that kernel is running; what it has loaded then counts.
    :ivar loaded: what :func:`proc.read_loaded_modules` returned; None if it could not be read.
    :ivar modprobe: what modprobe does with the tree and the configuration.
    :ivar config: kernel options, or None; see :class:`kernel_config.KernelConfig`.
    :ivar config_path: the file that they were read from, or None.
    :ivar ipv6: whether the kernel has IPv6; None if unknown.
    :ivar blockers: what :func:`blockers.read_blockers` returned.
    :ivar selinux: what :func:`selinux.observe_selinux` returned.
    :ivar platform: what :func:`platform.observe_host` returned.
    :ivar next_kernel: the kernel that boots next, or None if unknown; see :func:`kernels.read_next_kernel`.
    :ivar other_releases: releases of the other installed kernels.
    :ivar autoload_denial: the cause for which nothing is loaded on demand once this kernel has booted, regardless of
        the settings now, or None; see :func:`sysctl.find_autoload_denial`.
    :ivar after_reboot: this node after a reboot, with another kernel or the same; None if the reboot changes nothing.
    """

    files: Files
    release: str
    is_running: bool
    loaded: Optional[Dict[str, LoadedModule]]
    tree: ModulesTree
    conf: ModprobeConf
    modprobe: Modprobe
    config: Optional[Dict[str, str]]
    config_path: Optional[str]
    ipv6: Optional[bool]
    blockers: Dict[str, Any]
    selinux: Dict[str, Any]
    platform: Dict[str, Any]
    boot_list: BootList
    boot_decisions: BootDecisions
    next_kernel: Optional[NextKernel]
    other_releases: List[str]
    autoload_denial: Optional[Cause] = None
    after_reboot: Optional["Node"] = None

    @property
    def modules_supported(self) -> Optional[bool]:
        """Whether this kernel can load modules at all: False with CONFIG_MODULES=n, None if unknown."""
        if self.loaded is not None or (not self.is_running and self.tree.indexed):
            return True
        return self.config.get("MODULES") == "y" if self.config is not None else None

    @property
    def container_cause(self) -> Optional[Cause]:
        """The cause for which the kernel cannot be inspected or changed from this system, or None."""
        return platform.find_kernel_owner(self.platform["container"])

    @property
    def flat_tree_cause(self) -> Optional[Cause]:
        """The cause for which modprobe finds no module of this kernel by its name, or None."""
        if self.tree.flat_directory is None:
            return None
        text = "modules lie directly in this directory, without an index: modprobe cannot find a module by its name"
        return Cause(Code.FLAT_TREE, text, self.tree.flat_directory)

    @property
    def unread_tree_cause(self) -> Optional[Cause]:
        """The cause for which nothing is known of this kernel's modules, or None."""
        if self.tree.indexed or self.modules_supported is False:
            return None
        if self.flat_tree_cause:
            return self.flat_tree_cause
        code = Code.INDEX_MISSING if self.tree.present else Code.MODULES_TREE_MISSING
        return Cause(code, "the modules of this kernel cannot be read", self.tree.path)

    def find_option(self, name: str) -> ModuleOption:
        """Return what the options of this kernel show about a module."""
        return kernel_config.find_module_option(self.config, self.version, name, self.tree.indexed)

    @property
    def version(self) -> List[int]:
        """The numbers of the release."""
        return proc.parse_version(self.release)

    def is_in_sysfs(self, name: str) -> bool:
        """Return whether the running kernel shows a name in /sys/module as part of itself."""
        directory = "/sys/module/" + name
        return self.files.is_dir(directory) and not self.files.exists(directory + "/initstate")


class _System(NamedTuple):
    """What was read once for all kernels of a node."""

    files: Files
    run: Optional[CommandRunner]
    cmdline: str
    installed: List[str]
    next_kernel: Optional[NextKernel]
    loaded: Optional[Dict[str, LoadedModule]]
    ipv6: Optional[bool]
    blockers: Dict[str, Any]
    selinux: Dict[str, Any]
    selinux_after_boot: Dict[str, Any]
    denial_after_boot: Optional[Cause]
    platform: Dict[str, Any]
    boot_list: BootList


def read_node(files: Files, names: Sequence[str], kernel: str = "running", run: Optional[CommandRunner] = None) -> Node:
    """Read the node behind I(files), ready to decide on these modules.

    :param names: canonical module names.
    :param kernel: "running", "next", or the release of an installed kernel. An image below another root has no running
        kernel: there "running" means "next".
    :param run: see :func:`tools.observe`.

    Raises UnknownKernelError.
    """
    running_release = proc.read_release(files)
    installed = kernels.list_installed(files)
    host = platform.observe_host(files, running_release or "")
    next_kernel = kernels.read_next_kernel(files, installed, running_release, bool(host["container"]))
    release = _choose_release(kernel, running_release, next_kernel, installed)
    is_running = kernel == "running" and bool(running_release)
    boots = next_kernel if is_running else None
    cmdline = files.read(COMMAND_LINE) or ""
    selinux_now = selinux.observe_selinux(files)
    selinux_after_boot = selinux_now
    if selinux.is_enforcing_after_reboot(selinux_now, files, cmdline):
        selinux_after_boot = dict(selinux_now, mode="enforcing")
    system = _System(
        files=files,
        run=run,
        cmdline=cmdline,
        installed=installed,
        next_kernel=next_kernel,
        loaded=proc.read_loaded_modules(files) if is_running else None,
        ipv6=proc.has_ipv6(files),
        blockers=read_blockers(files),
        selinux=selinux_now,
        selinux_after_boot=selinux_after_boot,
        denial_after_boot=sysctl.find_autoload_denial(files, cmdline),
        platform=host,
        boot_list=read_boot_list(files, cmdline, boots.release if boots and boots.certain else release),
    )
    node = _read_kernel(system, names, release, is_running)
    return node._replace(after_reboot=_read_after_reboot(system, names, node)) if is_running else node


def _choose_release(
    kernel: str,
    running_release: Optional[str],
    next_kernel: Optional[NextKernel],
    installed: List[str],
) -> str:
    if kernel == "running" and running_release:
        return running_release
    if kernel in ("running", "next"):
        if next_kernel:
            return next_kernel.release
        raise UnknownKernelError(
            f"kernel: which kernel boots next is unknown; name a release; {_format_installed(installed)}"
        )
    if kernel not in installed:
        raise UnknownKernelError(f"kernel: '{kernel}' is not installed; {_format_installed(installed)}")
    return kernel


def _format_installed(installed: List[str]) -> str:
    return "installed kernels: " + (", ".join(installed) or "none")


def _read_kernel(system: _System, names: Sequence[str], release: str, is_running: bool) -> Node:
    files = system.files
    # Kernels before 5.8 ignore sysctl.* on the command line. The setting now shows whether this one does.
    is_disabled = bool(system.blockers["modules_disabled"]) and sysctl.cmdline_disables_modules(system.cmdline)
    conf = modprobe_conf.read_conf(
        files, system.cmdline, modules_tree.find_directory(files, release), is_running, is_disabled
    )
    tree = modules_tree.read_tree(files, release, _list_wanted_names(names, system.boot_list, conf))
    config = kernel_config.read_kernel_config(files, release, is_running)
    loaded = system.loaded if is_running else None
    signatures = None
    if requires_signatures(system.blockers):
        signatures = SignatureCheck(files, tree, _get_signature_search(system))
    modprobe = Modprobe(files, conf, tree, _list_live(loaded), signatures)
    return Node(
        files=files,
        release=release,
        is_running=is_running,
        loaded=loaded,
        tree=tree,
        conf=conf,
        modprobe=modprobe,
        config=config.options,
        config_path=config.path,
        ipv6=_has_ipv6(system.ipv6, config.options),
        blockers=system.blockers,
        selinux=system.selinux if is_running else system.selinux_after_boot,
        platform=system.platform,
        boot_list=system.boot_list,
        boot_decisions=BootDecisions(),
        next_kernel=system.next_kernel,
        other_releases=[other for other in system.installed if other != release],
        autoload_denial=None if is_running else system.denial_after_boot,
    )


def _list_wanted_names(names: Sequence[str], boot_list: BootList, conf: ModprobeConf) -> Set[str]:
    """Return the names whose aliases matter."""
    wanted = set(names)
    for name in names:
        wanted.update(AUTOLOAD_REQUESTS.get(name, ()))
    wanted.update(line.name for line in boot_list.lines)
    for _pattern, softdeps in conf.softdeps:
        wanted.update(softdeps)
    return {canonicalize(name) for name in wanted}


def _list_live(loaded: Optional[Dict[str, LoadedModule]]) -> FrozenSet[str]:
    return frozenset(name for name, (state, _taint) in (loaded or {}).items() if state == "Live")


def _has_ipv6(running_has_ipv6: Optional[bool], options: Optional[Dict[str, str]]) -> Optional[bool]:
    """Return whether a kernel has IPv6: as the running one, whose command line stays, or else by its options."""
    if running_has_ipv6 is not None or options is None:
        return running_has_ipv6
    return options.get("IPV6", "n") != "n"


def _get_signature_search(system: _System) -> Optional[SignatureSearch]:
    """Return a function that returns which of many files are signed, or None if modinfo cannot be started."""
    modinfo = next((path for path in MODINFO if system.files.exists(path)), None)
    if system.run is None or modinfo is None:
        return None
    return functools.partial(_find_signed, system.run, modinfo)


def _find_signed(run: CommandRunner, modinfo: str, paths: List[str]) -> Optional[Set[str]]:
    """Return those of the module files that are signed, with one process for all; None if it describes no file."""
    _code, output = run([modinfo] + paths)
    blocks = re.split(r"^filename:\s+", output, flags=re.MULTILINE)[1:]
    if not blocks:
        return None
    signed = set()
    for block in blocks:
        if _SIGNATURE_FIELD.search(block):
            signed.add(block.split("\n", 1)[0])
    return signed


def _read_after_reboot(system: _System, names: Sequence[str], node: Node) -> Optional[Node]:
    """Return the running node after a reboot, or None if the reboot changes nothing for any module."""
    if node.container_cause:
        return None
    next_kernel = system.next_kernel
    # Without certainty the running kernel is assumed to boot again: a guess decides nothing.
    if next_kernel and next_kernel.certain and next_kernel.release != node.release:
        if next_kernel.release in system.installed:
            return _read_kernel(system, names, next_kernel.release, False)
    return _reboot(system, names, node)


def _reboot(system: _System, names: Sequence[str], node: Node) -> Optional[Node]:
    """Return the node after a reboot with the same kernel, or None if it changes nothing for any module."""
    is_conf_volatile = modprobe_conf.has_volatile_conf(system.files)
    # If loading is disabled now, nothing more is lost.
    is_denied = system.denial_after_boot and not node.blockers["modules_disabled"]
    is_selinux_changed = system.selinux_after_boot is not node.selinux
    if not (is_conf_volatile or is_denied or is_selinux_changed or _loses_modules(node, names)):
        if not any(node.conf.find_block(name) for name in node.loaded or ()):
            return None
    conf = node.conf
    if is_conf_volatile:
        conf = modprobe_conf.read_conf(system.files, system.cmdline, node.tree.path, False, conf.modules_disabled)
    return node._replace(
        loaded=None if node.loaded is None else {},
        conf=conf,
        modprobe=node.modprobe.for_next_boot(conf),
        selinux=system.selinux_after_boot,
        boot_decisions=BootDecisions(),
        autoload_denial=system.denial_after_boot,
    )


def _loses_modules(node: Node, names: Sequence[str]) -> bool:
    """Return whether a module that is loaded, or that loaded modules let load, cannot be loaded again with this kernel.

    Its file, or that of a dependency, is not in the tree, is missing, or is not accepted by the kernel. The tree of the
    running kernel may have been removed by an upgrade, for example.
    """
    loaded = node.loaded or {}
    if node.flat_tree_cause:
        return False  # Boot lists cannot load a module of such a tree in any case.
    after_reboot = node.modprobe.for_next_boot(node.conf)
    for name in names:
        if name not in node.tree.paths:
            if name in loaded and name not in node.tree.builtin:
                return True
        elif after_reboot.find_block(name) and (name in loaded or not node.modprobe.find_block(name)):
            return True
    return False
