# Copyright (c) 2026, nodeprep.istio contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons: a code for programs, a text for people, and the place (file and line) that explain a module's state.

A reason is a dict with C(axis), C(code) and C(text), and if they apply C(where), C(dependency) and C(listed_in).
"""

import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import LOADABLE_STATES

Reason = Dict[str, str]
# The reasons of one group: what they have in common, and C(modules), what is left of each.
Group = Dict[str, Any]
# What is left of a place: a line number, a file's name, or None.
Rest = Union[int, str, None]
# All that makes two reasons equal; see _identify().
_Identity = Tuple[Optional[str], ...]

AXES = ("now", "autoload", "boot")
# The keys of a reason that hold a place.
PLACES = ("where", "listed_in")
# The place of each reason that comes from the kernel command line.
COMMAND_LINE = "/proc/cmdline"
# The unit that loads the modules of modules-load.d(5); Code.SERVICE_MASKED is about it.
MODULES_LOAD_UNIT = "systemd-modules-load.service"


class Code:
    """The code of each reason. They are part of the facts and of reports, so they stay stable."""

    ALIASED = "aliased"
    ALIAS_OVERRIDE = "alias_override"
    AUTOLOAD_DISABLED_AT_BOOT = "autoload_disabled_at_boot"
    BLACKLIST = "blacklist"
    BOOT_FILE_MASKED = "boot_file_masked"
    BOOT_FILE_MASKED_BY_DIRECTORY = "boot_file_masked_by_directory"
    BOOT_FILE_NOT_READ = "boot_file_not_read"
    BOOT_FILE_VOLATILE = "boot_file_volatile"
    CONTAINER = "container"
    CUSTOM_INSTALL = "custom_install"
    DEPENDENCY = "dependency"
    FLAT_TREE = "flat_tree"
    INDEX_MISSING = "index_missing"
    INITRAMFS_ONLY = "initramfs_only"
    INSTALL_OVERRIDE = "install_override"
    INSTALL_OVERRIDE_UNUSED = "install_override_unused"
    INVALID_MODULE_FILE = "invalid_module_file"
    IPV6_DISABLED = "ipv6_disabled"
    KERNEL_MODPROBE = "kernel_modprobe"
    KERNEL_MODPROBE_UNKNOWN = "kernel_modprobe_unknown"
    MALFORMED_BOOT_ENTRY = "malformed_boot_entry"
    MERGED = "merged"
    MISSING_IN_NEXT_KERNEL = "missing_in_next_kernel"
    MODULES_DISABLED = "modules_disabled"
    MODULES_DISABLED_AT_BOOT = "modules_disabled_at_boot"
    MODULES_TREE_MISSING = "modules_tree_missing"
    MODULE_BLACKLIST = "module_blacklist"
    MODULE_FILE_MISSING = "module_file_missing"
    NEVER_REQUESTED = "never_requested"
    NOT_BUILT = "not_built"
    NOT_INSTALLED = "not_installed"
    NOT_IN_TREE = "not_in_tree"
    NOT_IN_RECORDING = "not_in_recording"
    NO_ALIAS = "no_alias"
    NO_BOOT_READER = "no_boot_reader"
    PROVIDER_MISSING = "provider_missing"
    SELINUX = "selinux"
    SELINUX_UNKNOWN = "selinux_unknown"
    SERVICE_MASKED = "service_masked"
    TAINTED = "tainted"
    TRANSIENT = "transient"
    UNKNOWN_BOOT_ENTRY = "unknown_boot_entry"
    UNREADABLE = "unreadable"
    UNSIGNED_MODULE = "unsigned_module"
    WSL = "wsl"


CODES = tuple(sorted(value for name, value in vars(Code).items() if name.isupper()))
# These reasons are configuration lines that keep a module from loading, whether or not a boot file lists it.
CONFLICT_CODES = (Code.BLACKLIST, Code.INSTALL_OVERRIDE, Code.MODULE_BLACKLIST)

_INSTALL_OVERRIDE_TEXT = "install override '{}'"
_LINE = re.compile(r"(.+):([1-9][0-9]{0,8})")
_MODULE_FILE = re.compile(r"(.*)/([^/]+\.ko[^/]*)")


class Cause(NamedTuple):
    """A reason without its axis.

    :ivar code: one of :class:`Code`.
    :ivar text: what holds for each module with this cause, without the places and without a full stop.
    :ivar where: "path:line" or another short place that shows the cause, or None.
    :ivar dependency: name of the dependency that the cause is about; None if it is about the module itself.
    :ivar listed_in: "path:line" of the line of the boot list that the cause is about, or None.
    """

    code: str
    text: str
    where: Optional[str] = None
    dependency: Optional[str] = None
    listed_in: Optional[str] = None

    def to_reason(self, axis: str) -> Reason:
        """Return the cause as an entry of the C(reasons) of a module; I(axis) is one of AXES."""
        reason = {"axis": axis, "code": self.code, "text": self.text}
        for key in ("where", "dependency", "listed_in"):
            value = getattr(self, key)
            if value:
                reason[key] = value
        return reason

    def describe(self) -> str:
        """Return the whole cause in words; see :func:`describe_reason`."""
        return describe_reason(self.to_reason("now"))


def describe_install_override(command: str) -> str:
    """Return the text of an install override; :func:`reconstruct_line` reads the command from it."""
    return _INSTALL_OVERRIDE_TEXT.format(command)


def describe_reason(reason: Mapping[str, str]) -> str:
    """Return the whole reason in words, except its axis.

    For example "/etc/modules-load.d/a.conf:1 lists it, but: needs nf_nat: blacklisted (/etc/modprobe.d/b.conf:2)".
    """
    text = reason["text"]
    if reason.get("where"):
        text = f"{text} ({reason['where']})"
    if reason.get("dependency"):
        text = f"needs {reason['dependency']}: {text}"
    if reason.get("listed_in"):
        text = f"{reason['listed_in']} lists it, but: {text}"
    return text


def describe_reasons(reasons: Iterable[Mapping[str, str]]) -> str:
    """Return the reasons in words on one line, each with its axis unless that is "now"."""
    texts = []
    for reason in reasons:
        text = describe_reason(reason)
        texts.append(text if reason["axis"] == "now" else f"{reason['axis']}: {text}")
    return "; ".join(texts)


def reconstruct_line(reason: Mapping[str, str], name: str) -> Optional[str]:
    """Return the modprobe.d line that a reason is about, as such a line is usually written; None if it is about none.

    :param name: the module that has the reason. If the reason has a dependency, the line is about that.
    """
    name = reason.get("dependency") or name
    if reason["code"] == Code.BLACKLIST:
        return f"blacklist {name}"
    if reason["code"] == Code.INSTALL_OVERRIDE:
        before, after = _INSTALL_OVERRIDE_TEXT.split("{}")
        return f"install {name} {reason['text'][len(before) : -len(after)]}"
    return None


def get_place(reason: Mapping[str, str]) -> Tuple[str, Optional[str], Optional[str]]:
    """Return what a reason is about: its code, its file and line, and its dependency."""
    return reason["code"], reason.get("where"), reason.get("dependency")


def collect_reasons(causes: Mapping[str, Optional[Cause]]) -> List[Reason]:
    """Return the C(reasons) of a module from its causes, at most one for each axis.

    A cause that explains one axis is not repeated for a later axis: a blocked module is also denied autoload, for the
    same cause. If that cause holds for every module of the node, the repetition would double the facts.
    """
    reasons = []
    explained = set()
    for axis in AXES:
        cause = causes.get(axis)
        if cause is not None and cause not in explained:
            explained.add(cause)
            reasons.append(cause.to_reason(axis))
    return reasons


def add_reasons(reasons: Iterable[Reason], others: Iterable[Reason]) -> List[Reason]:
    """Return the reasons and, in the order of the axes, those of the others whose place is new.

    A place is not new if a reason on the same axis or on an earlier one is about it.
    """
    found = list(reasons)
    first_axis: Dict[Tuple[str, Optional[str], Optional[str]], int] = {}
    for reason in found:
        _note_axis(first_axis, reason)
    for reason in others:
        if first_axis.get(get_place(reason), len(AXES)) > _axis_number(reason):
            found.append(reason)
            _note_axis(first_axis, reason)
    return sorted(found, key=_axis_number)


def _note_axis(first_axis: Dict[Tuple[str, Optional[str], Optional[str]], int], reason: Reason) -> None:
    place = get_place(reason)
    first_axis[place] = min(_axis_number(reason), first_axis.get(place, len(AXES)))


def _axis_number(reason: Mapping[str, str]) -> int:
    return AXES.index(reason["axis"])


def is_blacklisted(reasons: Iterable[Mapping[str, str]]) -> bool:
    """Return whether the module with these reasons, or one that would be loaded with it, is blacklisted."""
    return any(reason["code"] == Code.BLACKLIST for reason in reasons)


def works_at_boot(state: str, state_at_next_boot: Optional[str], reasons: Iterable[Tuple[str, str]]) -> bool:
    """Return whether a boot file should list a module: it loads here, or with the next kernel, or after a reboot.

    :param state_at_next_boot: None if it is the state of now.
    :param reasons: the axis and the code of each reason of the module.
    """
    reasons = list(reasons)
    codes_now = {code for axis, code in reasons if axis == "now"}
    all_codes = {code for _axis, code in reasons}
    # modprobe finds no module by its name, at boot as now.
    if Code.FLAT_TREE in all_codes:
        return False
    if state in LOADABLE_STATES or state_at_next_boot == "loadable":
        return True
    # Only kernel.modules_disabled blocks it, and a reboot resets that.
    return codes_now == {Code.MODULES_DISABLED} and Code.INSTALL_OVERRIDE not in all_codes


def group_reasons(reasons: Mapping[str, Sequence[Reason]], modules: Mapping[str, Mapping[str, Any]]) -> List[Group]:
    """Return the reasons of all modules in groups, which are much smaller; :func:`ungroup_reasons` is the reverse.

    A group holds what its reasons have in common. In its C(where) and C(listed_in) that is a file without the line, or
    a directory without the module's file. C(modules) is a dict of module name to the list of what is left of each
    place: a line number, a file's name, or None. If C(includes_dependents) is True, the reasons hold as well for all
    modules that depend on one of these.

    The first of a module's reasons on an axis stays the first; the order of the others may change. These, and the first
    blacklist of a module, are always in a group of their own, since a reader without the dependencies needs them.

    :param reasons: dict of module name to its reasons, in the order of the axes.
    :param modules: the C(modules) of the facts, for the dependencies.
    """
    dependents = _map_dependents(modules)
    shared = _find_shared(reasons, dependents)
    # A module with the same soft dependency has the same reason, but it is not a dependent.
    implied: Set[Tuple[str, _Identity]] = set()
    for name, reason in shared:
        identity = _identify(_for_dependent(name, reason))
        implied.update((dependent, identity) for dependent in dependents[name])
    sharing = {(name, _identify(reason)) for name, reason in shared}
    groups = _Groups()
    for name in reasons:
        last = -1
        decided: Set[str] = set()
        for reason in reasons[name]:
            deciding = {reason["axis"], reason["code"]} if reason["code"] == Code.BLACKLIST else {reason["axis"]}
            if deciding <= decided and (name, _identify(reason)) in implied:
                continue
            decided |= deciding
            common, rest = _split(reason)
            last = groups.add(name, common, rest, (name, _identify(reason)) in sharing, last + 1)
    # The reasons of a module are in that order already.
    return sorted(groups.groups, key=_axis_number)


class _Groups:
    """Groups of reasons. A module is never twice in one group, so its reasons go to groups with rising numbers."""

    def __init__(self) -> None:
        self.groups: List[Group] = []
        self._numbers: Dict[Tuple[_Identity, bool], List[int]] = {}

    def add(self, name: str, common: Reason, rest: List[Rest], includes_dependents: bool, start: int) -> int:
        """Add a module to the first group from number I(start) on with this in common; return the group's number."""
        numbers = self._numbers.setdefault((_identify(common), includes_dependents), [])
        number = next((number for number in numbers if number >= start), None)
        if number is None:
            number = len(self.groups)
            numbers.append(number)
            group: Group = dict(common)
            if includes_dependents:
                group["includes_dependents"] = True
            group["modules"] = {}
            self.groups.append(group)
        self.groups[number]["modules"][name] = rest
        return number


def _find_shared(
    reasons: Mapping[str, Sequence[Reason]], dependents: Mapping[str, Sequence[str]]
) -> List[Tuple[str, Reason]]:
    """Return the (module name, reason) pairs that each dependent of that module has too."""
    identities = {name: {_identify(reason) for reason in reasons[name]} for name in reasons}
    shared = []
    for name in reasons:
        if name not in dependents:
            continue
        for reason in reasons[name]:
            identity = _identify(_for_dependent(name, reason))
            if "dependency" not in reason and all(identity in identities[other] for other in dependents[name]):
                shared.append((name, reason))
    return shared


def _map_dependents(modules: Mapping[str, Mapping[str, Any]]) -> Dict[str, List[str]]:
    """Return dict of module name to the modules that depend on it, for those that have dependents."""
    dependents: Dict[str, List[str]] = {}
    for name, entry in modules.items():
        for dependency in dict.fromkeys(entry.get("depends", ())):
            dependents.setdefault(dependency, []).append(name)
    return dependents


def _for_dependent(name: str, reason: Reason) -> Reason:
    """Return the reason of module I(name) as a reason of a module that depends on it, which has its own boot line.

    modprobe ignores the blacklist of a dependency. What it affects is whether this collection lists the module.
    """
    copy = {key: value for key, value in reason.items() if key != "listed_in"}
    copy["dependency"] = name
    if copy["code"] == Code.BLACKLIST:
        copy["axis"] = "boot"
    return copy


def _identify(reason: Mapping[str, str]) -> _Identity:
    """Return all of a reason as a key."""
    return tuple(reason.get(key) for key in ("axis", "code", "text", "where", "dependency", "listed_in"))


def _split(reason: Reason) -> Tuple[Reason, List[Rest]]:
    """Return (what reasons of other modules may have too, what is left of the places)."""
    common = dict(reason)
    rest = []
    for key in PLACES:
        if key in reason:
            common[key], left = _split_place(reason[key])
            rest.append(left)
    return common, rest


def _split_place(place: str) -> Tuple[str, Rest]:
    line = _LINE.fullmatch(place)
    if line:
        return line.group(1), int(line.group(2))
    found = _MODULE_FILE.fullmatch(place)
    if found:
        return found.group(1), found.group(2)
    return place, None


def _join_place(common: str, rest: Rest) -> str:
    if rest is None:
        return common
    return f"{common}:{rest}" if isinstance(rest, int) else f"{common}/{rest}"


def ungroup_reasons(
    groups: Iterable[Mapping[str, Any]], modules: Mapping[str, Mapping[str, Any]]
) -> Dict[str, List[Reason]]:
    """Return dict of module name to its reasons from what :func:`group_reasons` returned."""
    reasons: Dict[str, List[Reason]] = {name: [] for name in modules}
    dependents = _map_dependents(modules)
    shared = []
    for group in groups:
        for name, rest in group["modules"].items():
            reason = _restore(group, rest)
            reasons[name].append(reason)
            if group.get("includes_dependents"):
                shared += [(other, _for_dependent(name, reason)) for other in dependents.get(name, ())]
    identities = {name: {_identify(reason) for reason in reasons[name]} for name in reasons}
    for other, reason in shared:
        if _identify(reason) not in identities[other]:
            identities[other].add(_identify(reason))
            reasons[other].append(reason)
    return {name: sorted(found, key=_axis_number) for name, found in reasons.items()}


def _restore(group: Mapping[str, Any], rest: Sequence[Rest]) -> Reason:
    reason = {key: value for key, value in group.items() if key not in ("modules", "includes_dependents")}
    for key, left in zip([key for key in PLACES if key in group], rest):
        reason[key] = _join_place(group[key], left)
    return reason
