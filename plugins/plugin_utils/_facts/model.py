# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a node as typed objects. The documentation of module node_facts explains each value. Pure.

None means that the value could not be determined on the node. node_facts lists what several reasons have in common only
once; schema.py gives each module its own reasons and then builds these objects. All later stages use these objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import CONFLICT_CODES, Code
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError

State = Literal["loaded", "builtin", "merged", "loadable", "blocked", "missing", "unknown"]
Autoload = Literal["yes", "never", "denied", "unknown"]
# A module that never answers a request is worse than one that is kept from answering it: nothing changes that.
WORST_FIRST: tuple[Autoload, ...] = ("never", "denied", "unknown", "yes")
Boot = Literal["yes", "no", "ineffective", "not_applicable", "unknown"]
Axis = Literal["now", "autoload", "boot"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a module has its state, autoload or boot answer.

    ``text`` is the whole sentence, with the place. ``where`` is the file and line that shows it, ``listed_in`` the line
    of the boot list that it is about, ``dependency`` the module that this one needs and that the reason is about.
    """

    axis: Axis
    code: str
    text: str
    where: str | None = None
    listed_in: str | None = None
    dependency: str | None = None


@dataclass(frozen=True, slots=True)
class NextBootState:
    """State and autoload of a module after the next boot; None is the same as now.

    ``requests`` are those with another answer than ``autoload``, if that is not None.
    """

    state: State | None = None
    autoload: Autoload | None = None
    requests: Mapping[str, Autoload] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """One module name.

    ``provider`` is the module that holds the code of a merged name, ``autoload_after`` the module that must be present
    before the kernel requests this one, ``next_boot`` what differs after the next boot. ``autoload`` is the worst
    answer to the kernel's requests for this module; ``requests`` has the requests with another answer.
    """

    state: State
    autoload: Autoload
    boot: Boot
    provider: str | None = None
    origin: str | None = None
    depends: tuple[str, ...] = ()
    autoload_after: str | None = None
    requests: Mapping[str, Autoload] = field(default_factory=dict)
    next_boot: NextBootState | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def state_at_next_boot(self) -> State:
        """State with the kernel and the settings of the next boot."""
        if self.next_boot is None or self.next_boot.state is None:
            return self.state
        return self.next_boot.state

    @property
    def autoload_at_next_boot(self) -> Autoload:
        """Autoload with the kernel and the settings of the next boot."""
        if self.next_boot is None or self.next_boot.autoload is None:
            return self.autoload
        return self.next_boot.autoload

    @property
    def requests_at_next_boot(self) -> Mapping[str, Autoload]:
        """The kernel's requests with another answer than autoload_at_next_boot."""
        if self.next_boot is None or self.next_boot.autoload is None:
            return self.requests
        return self.next_boot.requests

    def answer_requests(self, requests: Iterable[str]) -> Autoload:
        """Return the worst answer to these requests of the kernel; to all of them if there are none."""
        return _choose_worst(self.autoload, self.requests, requests)

    def answer_requests_at_next_boot(self, requests: Iterable[str]) -> Autoload:
        """Return the worst answer with the kernel and the settings of the next boot."""
        return _choose_worst(self.autoload_at_next_boot, self.requests_at_next_boot, requests)

    @property
    def is_blacklisted(self) -> bool:
        """Whether a blacklist line is about this module, or about one that would be loaded with it.

        An explicit modprobe loads both nevertheless, so the role does not load such a module without consent.
        """
        return any(reason.code == Code.BLACKLIST for reason in self.reasons)

    def list_blacklisted(self, name: str) -> tuple[str, ...]:
        """Return the names on these blacklist lines; ``name`` is the one of this module."""
        names = [reason.dependency or name for reason in self.reasons if reason.code == Code.BLACKLIST]
        return tuple(dict.fromkeys(names))

    @property
    def has_unlisted_lines(self) -> bool:
        """Whether more modprobe.d lines block this module than the facts can list."""
        return any(reason.code in CONFLICT_CODES and not reason.where for reason in self.reasons)

    def describe_reasons(self) -> str:
        """Return the reasons on one line, each with its axis unless that is "now"."""
        texts = []
        for reason in self.reasons:
            texts.append(reason.text if reason.axis == "now" else f"{reason.axis}: {reason.text}")
        return "; ".join(texts)


def _choose_worst(worst: Autoload, others: Mapping[str, Autoload], requests: Iterable[str]) -> Autoload:
    if not others:
        return worst
    return min((others.get(request, worst) for request in requests), key=WORST_FIRST.index, default=worst)


@dataclass(frozen=True, slots=True)
class NextKernel:
    """The kernel that boots next; ``certain`` is false if that is only a guess, which decides nothing."""

    release: str
    source: str = ""
    certain: bool = False


@dataclass(frozen=True, slots=True)
class OtherKernel:
    """Another installed kernel: ``lacks`` are the modules of the catalogue that it does not have.

    ``unset_options`` are the kernel options that its configuration does not set; None if that cannot be read.
    """

    lacks: tuple[str, ...] = ()
    unset_options: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Kernel:
    """The kernel that the facts are about. ``config`` is the path of its configuration."""

    release: str
    version: tuple[int, ...] = ()
    running: bool = True
    boot_id: str | None = None
    modules_supported: bool | None = None
    module_tree_present: bool | None = None
    config: str | None = None
    ipv6: bool | None = None
    next_boot: NextKernel | None = None


@dataclass(frozen=True, slots=True)
class Blockers:
    """Settings of the whole node that stop module loading."""

    modules_disabled: bool | None = None
    modprobe_helper: str | None = None
    modprobe_helper_exists: bool | None = None
    lockdown: str | None = None
    signature_enforced: bool | None = None


@dataclass(frozen=True, slots=True)
class Denials:
    """The modules that SELinux denied, from the audit log; ``at`` is the time of the last denial, ISO 8601 in UTC."""

    modules: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    at: str | None = None


@dataclass(frozen=True, slots=True)
class SELinux:
    """SELinux on the node.

    ``domain`` is the container domain that ``module_request`` is about. It is None if the policy has none of the known
    ones, and "" if the policy was not queried.
    """

    mode: str = "disabled"
    policy: str | None = None
    configured: str | None = None
    module_request: bool | None = None
    domain: str | None = ""
    domain_kernel_load_modules: bool | None = None
    denied: Denials | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """The kind of system.

    ``init`` is the init system, ``kubelet`` the name of the process that contains the kubelet. ``etc`` is whether a
    reboot keeps what is written to /etc, and ``user_namespace`` whether this system runs in a user namespace other than
    the first. ``boot_files_read`` is whether anything reads modules-load.d at boot, ``boot_files_mask`` what switches
    that off: the path of a unit file, or words of the kernel command line.
    """

    container: str | None = None
    machine: str | None = None
    can_load_modules: bool | None = None
    systemd: bool | None = None
    init: str | None = None
    managed_by: str | None = None
    etc: Literal["kept", "read_only", "volatile", "unknown"] = "kept"
    user_namespace: bool = False
    kubelet: str | None = None
    boot_files_read: bool | None = True
    boot_files_mask: str | None = None


@dataclass(frozen=True, slots=True)
class ManagedOverride:
    """A file of this collection in modprobe.d.

    ``current`` is whether it has the text that the role would write now, ``edited`` whether another user changed it,
    ``source`` the file that it is a copy of, ``lines`` the lines of that file that it overrides.
    """

    current: bool
    edited: bool = False
    source: str | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """The SELinux module of this collection. ``semodule`` is whether the tool that removes it is installed."""

    priority: int
    cil: str = ""
    priorities: tuple[int, ...] = ()
    semodule: bool | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Managed:
    """What this collection wrote on the node.

    ``boot_file`` are the names in its block of the boot file, None if the markers are unbalanced.
    """

    boot_file: tuple[str, ...] | None = ()
    masked: bool = False
    overrides: Mapping[str, ManagedOverride] = field(default_factory=dict)
    policy: ManagedPolicy | None = None
    has_empty_block: bool = False
    other_modules: tuple[str, ...] = ()
    truncated: bool = False
    shadowed_file: str | None = None
    occupied_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConflictFile:
    """A modprobe.d file with lines that block modules; ``lines`` maps the number of a line to its text."""

    package: str | None = None
    comment: str | None = None
    lines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """ID, VERSION_ID and PRETTY_NAME of os-release(5)."""

    id: str | None = None
    version: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the host; ``variant`` is that of iptables, ``json`` whether nft was built with JSON."""

    path: str | None = None
    version: str | None = None
    variant: str | None = None
    json: bool | None = None


@dataclass(frozen=True, slots=True)
class Netfilter:
    """The netfilter state of the host's network namespace.

    ``legacy_tables`` maps "ipv4" and "ipv6" to the legacy tables that exist, ``legacy_rules`` to those that hold rules.
    ``nft_tables`` maps them to whether tables of iptables-nft exist.
    ``ipv6_off`` are the names below net.ipv6.conf ("all", "default", "lo") with disable_ipv6, ``loopback_ipv6`` is
    whether lo has the address ::1. ``bridges`` are the first bridges.
    """

    legacy_tables: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    legacy_rules: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    nft_tables: Mapping[str, bool | None] = field(default_factory=dict)
    nft_compat_uses: int | None = None
    ipsets: tuple[str, ...] | None = None
    bridges: tuple[str, ...] | None = None
    ipv6_off: tuple[str, ...] = ()
    loopback_ipv6: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts of one node."""

    schema: int
    observed_at: str | None = None
    kernel: Kernel
    modules: Mapping[str, ModuleFacts]
    boot_files: Mapping[str, tuple[str, ...]]
    blockers: Blockers = Blockers()
    selinux: SELinux = SELinux()
    platform: Platform = Platform()
    managed: Managed = Managed()
    conflicts: Mapping[str, ConflictFile] = field(default_factory=dict)
    options: Mapping[str, str | None] = field(default_factory=dict)
    other_kernels: Mapping[str, OtherKernel] = field(default_factory=dict)
    os: OperatingSystem
    tools: Mapping[str, Tool | None]
    netfilter: Netfilter = Netfilter()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    truncated: tuple[str, ...] = ()
    # As node_facts groups them. Only the checks of a site read them here; all other code reads those of each module.
    reasons: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        for name, module in self.modules.items():
            if module.state == "merged" and module.provider not in self.modules:
                raise StructureError("has an unknown provider", ("modules", name))
            # Chains have one link: tables wait for ip_tables, and ip_tables waits for nothing (AUTOLOAD_AFTER).
            first = module.autoload_after
            if first is not None and (first not in self.modules or self.modules[first].autoload_after is not None):
                problem = f"has autoload_after '{first}', which must be a known module without autoload_after"
                raise StructureError(problem, ("modules", name))
