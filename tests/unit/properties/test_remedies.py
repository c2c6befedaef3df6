# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each claim in a remedy, step or root cause is true on the node: made facts, and predicates of their own.

The predicates know the node only as it was made: which systems have a package manager, and which of the releases are
kernels of their distribution. They share no code with what writes the texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support import fact_factory, fleet_factory
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import make_node, make_reason
from hypothesis import given, settings
from hypothesis import strategies as st

# For each ID of os-release: its version, a kernel of the distribution, and another one.
SYSTEMS = {
    "debian": ("13", "6.12.57+deb13-amd64", "6.18.1-1-arm64"),
    "ubuntu": ("24.04", "6.8.0-1015-aws", "5.15.148-tegra"),
    "rhel": ("10.1", "6.12.0-124.el10_1.x86_64", "6.12.1"),
    "centos": ("7", "3.10.0-1160.119.1.el7.x86_64", "5.4.1-1.el7.elrepo.x86_64"),
    "ol": ("8.10", "5.15.0-304.171.4.el8uek.x86_64", "5.15.0-custom"),
    "fedora": ("43", "6.17.4-300.fc43.x86_64", "6.17.4-cachyos1.fc43.x86_64"),
    "amzn": ("2023", "6.12.40-64.114.amzn2023.x86_64", "6.12.40"),
    "sles": ("16.2", "6.12.0-160200.3-default", "6.12.0-mine"),
    "sl-micro": ("6.1", "6.4.0-28-default", "6.4.0"),
    "photon": ("5.0", "6.1.60-4.ph5-esx", "6.1.60"),
    "alpine": ("3.22", "6.12.13-0-lts", "6.12.13"),
    "bottlerocket": ("1.49.0", "6.12.46", "6.12.46-x"),
    "talos": ("1.12.0", "6.18.45-talos", "6.18.45"),
    "nixos": ("24.11", "6.11.5", "6.11.5-x"),
    "flatcar": ("4459", "6.12.103-flatcar", "6.12.103"),
}
WITHOUT_PACKAGES = {"bottlerocket", "talos", "nixos", "flatcar"}
ROLE_INSTALLS_ON = {"debian", "ubuntu", "rhel", "ol", "fedora", "amzn"}
OTHER_KERNEL = "7.9.9-other"
NAMES = ("xt_owner", "xt_REDIRECT", "nft_compat", "nf_tables", "nft_chain_nat", "iptable_nat", "ip_tables", "nf_nat")
SITE = "/etc/modules-load.d/site.conf"
UNIT = "/systemd/system/systemd-modules-load.service"

# For each state the codes of the reasons that node_facts gives for it.
NOW = {
    "missing": ("not_installed", "module_file_missing", "not_in_tree", "not_built", "provider_missing"),
    "unknown": ("modules_tree_missing", "index_missing", "unreadable", "container", "transient"),
    "blocked": ("install_override", "modules_disabled", "invalid_module_file", "unsigned_module", "alias_override"),
    "loadable": ("",),
    "loaded": ("",),
}
BOOT = ("", "", "service_masked", "boot_file_volatile", "unknown_boot_entry", "missing_in_next_kernel")


ANSWERS = st.sampled_from([(state, code) for state, codes in NOW.items() for code in codes])


@dataclass
class Made:
    """A made node: its facts, and what was chosen for it."""

    facts: dict[str, Any]
    system: str
    is_distribution_kernel: bool
    container: str | None
    managed_by: str | None
    platform: dict[str, Any]
    next_boot: dict[str, Any] | None
    listed: set[str] = field(default_factory=set)

    @property
    def can_install(self) -> bool:
        """Whether a package manager works on this node."""
        if self.managed_by == "ostree":
            return self.system == "fedora"
        if self.managed_by == "transactional-update":
            return True
        return self.managed_by is None and self.system not in WITHOUT_PACKAGES

    @property
    def next_is_certain(self) -> bool:
        """Whether another kernel certainly boots next."""
        return bool(self.next_boot and self.next_boot["certain"] and self.next_boot["release"] == OTHER_KERNEL)


@st.composite
def modules(draw, release, has_next, container):
    """Return entries of modules. Most of them have the same reason, since some steps need that."""
    entries = {}
    usual = draw(ANSWERS)
    for name in NAMES:
        state, code = draw(st.sampled_from([usual, usual, usual, ("loadable", "")]) | ANSWERS)
        reasons = []
        if code == "container" and container != "podman":
            code = "unreadable"
        if code:
            reasons.append(make_reason("now", code, "/etc/modprobe.d/a.conf:1"))
        code = draw(st.sampled_from(BOOT))
        if code and (has_next or code != "missing_in_next_kernel"):
            reasons.append(make_reason("boot", code, SITE))
        if state == "loadable" and draw(st.booleans()):
            reasons.append(make_reason("autoload", "blacklist", "/etc/modprobe.d/b.conf:2"))
        entries[name] = {
            "state": state,
            "autoload": draw(st.sampled_from(["yes", "denied", "never"])),
            "boot": draw(st.sampled_from(["yes", "no", "ineffective"])),
            "reasons": reasons,
        }
        if state in ("loadable", "loaded") and draw(st.booleans()):
            entries[name]["origin"] = f"/lib/modules/{release}/kernel/net/netfilter/{name}.ko"
    return entries


@st.composite
def nodes(draw) -> Made:
    # SLES dropped a tool, so it counts several times.
    system = draw(st.sampled_from([*sorted(SYSTEMS), "sles", "sles"]))
    version, own, custom = SYSTEMS[system]
    is_own = draw(st.booleans())
    release = own if is_own else custom
    container = draw(st.sampled_from([None] * 6 + ["podman", "wsl"]))
    managed_by = draw(st.sampled_from([None] * 6 + ["ostree", "transactional-update", "image"]))
    mask = draw(st.sampled_from([None] * 6 + ["/etc" + UNIT, "/usr/lib" + UNIT, "systemd.mask=systemd-modules-load"]))
    platform = {
        "systemd": True,
        "container": container,
        "managed_by": managed_by,
        "can_load_modules": draw(st.booleans()),
        "boot_files_read": mask is None,
        "boot_files_mask": mask,
    }
    if draw(st.sampled_from([False, False, False, True])):
        platform["etc"] = "volatile"
    next_release, certain = draw(
        st.sampled_from([(None, None), (release, True), (OTHER_KERNEL, True), (OTHER_KERNEL, False)])
    )
    next_boot = {"release": next_release, "source": "x", "certain": certain} if next_release else None
    has_next = bool(next_boot and next_boot["release"] == OTHER_KERNEL)
    listed = draw(st.sets(st.sampled_from(NAMES)))
    facts = make_node(
        system,
        release,
        name="The System",
        next_boot=next_boot,
        platform=platform,
        boot_files={SITE: sorted(listed)} if listed else {},
        nft=draw(st.sampled_from([None, "0.9.8", "1.1.1"])),
        iptables=draw(st.sampled_from([None, "1.8.9"])),
        **draw(modules(release, has_next, container)),
    )
    facts["os"]["version"] = version
    return Made(
        facts, system, is_own and system not in WITHOUT_PACKAGES, container, managed_by, platform, next_boot, listed
    )


OPTIONS = st.fixed_dictionaries(
    {
        "backend": st.sampled_from(["iptables", "nftables"]),
        "cni_plugin": st.sampled_from([True, True, False]),
        "profile": st.sampled_from(["combined", "documented", "effective"]),
    }
)


def list_row_texts(node, options):
    """Yield name and remedy of each requirement."""
    for row in fact_factory.readiness(node.facts, **options)["requirements"]:
        # Of any-of modules, another one than that of the name may be the one that counts.
        yield "any of" if "any_of" in row else row["name"], row.get("remedy") or ""


def list_texts(node, options):
    """Yield all texts about the node: remedies, steps and root causes."""
    for _name, remedy in list_row_texts(node, options):
        yield remedy
    plan = fact_factory.preparation_plan(node.facts, install_packages=False, **options)
    for step in plan["steps"]:
        # The reason of a step repeats reasons of the facts, which are made here.
        yield step["what"]
        yield " ".join(step.get("command", ()))
    selection = Selection.from_options(options)
    found = fact_factory.recorded(node.facts)
    document = fleet_factory.build([("a", fleet_factory.outcome(found, selection))])
    for cause in document.causes:
        yield cause.text
        yield cause.remedy


KERNEL_PACKAGE = r"\b(?:re)?install (?:kernel|linux-|linux\b|raspberrypi)"

# A claim, and whether it is true.
CLAIMS = {
    "to install something needs a package manager": (
        r"(?<!make modules_)(?<!modules_)(?<!istio_node_)\b(?:re)?install\b(?! lines)",
        lambda node, text: node.can_install or "make modules_install" in text,
    ),
    "a package of the kernel needs a kernel of the distribution": (
        KERNEL_PACKAGE,
        lambda node, _text: node.can_install and node.is_distribution_kernel and node.container is None,
    ),
    "the role installs packages with apt and dnf": (
        "istio_node_install_packages",
        lambda node, _text: node.system in ROLE_INSTALLS_ON and node.managed_by is None,
    ),
    "SLES 16.2 has no package of iptables": (
        r"\binstall [^;]*iptables",
        lambda node, _text: node.system != "sles",
    ),
    "a reboot leads to another kernel only if that is certain": (
        r"reboot into",
        lambda node, _text: node.next_is_certain,
    ),
    "the next kernel is named as such only if that is certain": (
        r"the kernel that boots next",
        lambda node, _text: node.next_is_certain,
    ),
    "a custom kernel was not built by the distribution": (
        r"not built by|make modules_install|a kernel of the system",
        lambda node, text: (
            (node.container == "wsl" and "whose kernel is not a kernel of" in text)
            or (not node.is_distribution_kernel and node.system not in WITHOUT_PACKAGES and node.container is None)
        ),
    ),
    "the kernel of the system is a kernel of the distribution": (
        r"^the kernel of the system",
        lambda node, _text: node.is_distribution_kernel and node.container is None,
    ),
    "only WSL has a kernel of WSL": (r"\bWSL", lambda node, _text: node.container == "wsl"),
    "only a container has a host": (r"\bthe host\b", lambda node, _text: node.container == "podman"),
    "a unit is unmasked in its directory": (
        "systemctl unmask",
        lambda node, _text: (node.platform["boot_files_mask"] or "").startswith("/etc/"),
    ),
    "a mask is on the kernel command line": (
        "systemd.mask=",
        lambda node, _text: "systemd.mask=" in (node.platform["boot_files_mask"] or ""),
    ),
    "a tool that is not installed is absent": (
        r"^(?:nft|iptables) is not installed",
        lambda node, text: node.facts["tools"][text.split()[0]] is None,
    ),
}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(node=nodes(), options=OPTIONS)
def test_every_claim_is_true_on_the_node(node, options):
    for text in list_texts(node, options):
        for name, (claim, predicate) in CLAIMS.items():
            if re.search(claim, text, re.IGNORECASE):
                assert predicate(node, text), (name, text)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(node=nodes(), options=OPTIONS)
def test_the_remedy_of_a_module_fits_its_state(node, options):
    is_kept = node.managed_by is None and node.platform.get("etc") != "volatile" and node.container != "podman"
    for name, remedy in list_row_texts(node, options):
        if name not in NAMES:
            continue
        entry = node.facts["modules"][name]
        if re.search(r"list it|declare it|have it loaded|have the init system", remedy):
            assert name not in node.listed, (name, remedy)
        if "list it in /etc/modules-load.d" in remedy:
            assert is_kept and node.platform["boot_files_read"], (name, remedy)
        if re.search(r"(?:^|then )load it", remedy):
            assert entry["state"] == "loadable", (name, remedy)
        if "its blacklist line" in remedy:
            assert any(reason["code"] == "blacklist" for reason in entry["reasons"]), (name, remedy)
