# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: which one has a missing module, who installs it, and what the packages of each distribution achieve.

The last part works on recorded module lists of distributions.
"""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.packaging import PACKAGE_MANAGERS
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.packages import (
    Package,
    find_packages,
    is_installable,
    split_by_actor,
)
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import (
    missing_modules,
    parse_facts,
    preparation_plan,
    readiness,
)
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    FEDORA_COREOS,
    NOT_INSTALLED,
    find_step,
    list_kinds,
    list_not_loadable,
    make_node,
    make_reason,
    plan_nftables,
)
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_distribution import RecordedDistribution

EL10_RELEASE = "6.12.0-124.el10_1.x86_64"
EL10_EXTRA = f"kernel-modules-extra-{EL10_RELEASE}"
UEK9_RELEASE = "5.15.0-300.163.18.el9uek.x86_64"
UEK10_RELEASE = "6.12.0-104.43.4.el10uek.x86_64"


def find(system, release, modules=(), tools=()):
    return find_packages(parse_facts(make_node(system, release)), modules, tools)


# Recorded of the kernels of these distributions. Only Debian's packages were installed on a real machine.
@pytest.mark.parametrize(
    "system, release, module, package",
    [
        ("rocky", EL10_RELEASE, "xt_owner", EL10_EXTRA),
        ("rhel", EL10_RELEASE, "nft_ct", f"kernel-modules-core-{EL10_RELEASE}"),
        ("almalinux", "5.14.0-427.el9.x86_64", "xt_owner", "kernel-modules-core-5.14.0-427.el9.x86_64"),
        ("ol", "5.14.0-427.el9.x86_64", "xt_owner", "kernel-modules-core-5.14.0-427.el9.x86_64"),
        ("ol", UEK9_RELEASE, "iptable_nat", f"kernel-uek-core-{UEK9_RELEASE}"),
        ("ol", UEK9_RELEASE, "xt_owner", f"kernel-uek-core-{UEK9_RELEASE}"),
        ("ol", UEK10_RELEASE, "xt_REDIRECT", f"kernel-uek-modules-extra-netfilter-{UEK10_RELEASE}"),
        ("ol", UEK10_RELEASE, "nf_tables", f"kernel-uek-modules-core-{UEK10_RELEASE}"),
        ("rhel", "5.14.0-570.el9_6.x86_64+rt", "xt_owner", "kernel-rt-modules-core-5.14.0-570.el9_6.x86_64"),
        ("rhel", "6.12.0-124.el10_1.aarch64+64k", "xt_owner", "kernel-64k-modules-extra-6.12.0-124.el10_1.aarch64"),
        ("fedora", "6.17.4-300.fc43.x86_64+debug", "xt_owner", "kernel-debug-modules-core-6.17.4-300.fc43.x86_64"),
        ("rhel", "4.18.0-553.rt7.342.el8_10.x86_64", "xt_owner", "kernel-rt-core-4.18.0-553.rt7.342.el8_10.x86_64"),
        ("fedora", "6.17.4-300.fc43.x86_64", "xt_owner", "kernel-modules-core-6.17.4-300.fc43.x86_64"),
        ("ubuntu", "6.8.0-45-generic", "xt_owner", "linux-modules-6.8.0-45-generic"),
        ("debian", "7.2.12+deb14-amd64", "xt_owner", "linux-modules-7.2.12+deb14-amd64"),
        ("debian", "6.12.107+deb13-amd64", "xt_owner", "linux-image-6.12.107+deb13-amd64"),
        ("sles", "6.4.0-150600.23-default", "xt_owner", "kernel-default"),
    ],
)
def test_a_module_is_in_a_package_of_the_running_kernel(system, release, module, package):
    (found,) = find(system, release, [module])
    assert found.name == package
    assert found.provides == (module,)


@pytest.mark.parametrize(
    "system, release",
    [
        ("rocky", "6.12.40-1.el9.elrepo.x86_64"),
        ("gentoo", "6.6.1-gentoo-dist"),
        ("flatcar", "6.12.103-flatcar"),
        (None, "6.1.0-42-amd64"),
        # Kernels that the distribution did not build.
        ("ubuntu", "5.15.148-tegra"),
        ("ubuntu", "5.5.3-mvebu-tld-1-dirty"),
        ("ubuntu", "6.1.0-1025-rockchip"),
        ("debian", "6.18.1-1-arm64"),
        ("debian", "6.8.12-4-pve"),
        ("debian", "6.9.8-orbstack-00170-g7b4100b7ced4"),
        ("rocky", "6.12.1"),
    ],
)
def test_a_kernel_without_known_packages_has_none(system, release):
    assert find(system, release, ["xt_owner"]) == ()


def test_a_container_has_no_package_for_the_kernel_of_its_host():
    facts = parse_facts(make_node(platform={"container": "podman"}))
    assert find_packages(facts, ["xt_owner"], []) == ()


def test_modules_of_one_package_are_installed_together():
    (package,) = find("rocky", EL10_RELEASE, ["xt_owner", "xt_REDIRECT"])
    assert package.provides == ("xt_owner", "xt_REDIRECT")


@pytest.mark.parametrize(
    "system, tool, package",
    [
        ("debian", "nft", "nftables"),
        ("debian", "iptables", "iptables"),
        ("rocky", "iptables", "iptables-nft"),
        ("amzn", "iptables", "iptables-nft"),
        ("sles", "modprobe", "kmod"),
        ("azurelinux", "nft", "nftables"),
    ],
)
def test_a_tool_is_in_the_package_of_its_distribution(system, tool, package):
    assert find(system, "x", tools=[tool]) == (Package(package, (tool,)),)


@pytest.mark.parametrize("system", ["bottlerocket", "talos", "cos", "flatcar", "nixos", None])
def test_a_system_without_a_known_package_manager_installs_no_tool(system):
    assert find(system, "x", tools=["nft"]) == ()
    plan = plan_nftables(make_node(system, nft=None), cni_plugin=True, install_packages=True)
    assert list_kinds(plan, "owner") == []
    assert "install" not in str(plan["steps"])


MANAGERS = {manager.name: manager for manager in PACKAGE_MANAGERS}
APT, ZYPPER = MANAGERS["apt"], MANAGERS["zypper"]
PACKAGE = Package("a", ("xt_owner",))
WITH_REBOOT = Package("b", ("xt_set",), reboot=True)


@pytest.mark.parametrize(
    "manager, install_packages, for_role, for_owner",
    [
        (APT, True, [PACKAGE], [WITH_REBOOT]),
        (APT, False, [], [PACKAGE, WITH_REBOOT]),
        (ZYPPER, True, [], [PACKAGE, WITH_REBOOT]),
    ],
    ids=["with consent", "without consent", "a manager that the role does not run"],
)
def test_the_role_installs_packages_that_need_no_reboot(manager, install_packages, for_role, for_owner):
    consent = Consent(install_packages=install_packages)
    assert split_by_actor([PACKAGE, WITH_REBOOT], consent, manager) == (for_role, for_owner)


@pytest.mark.parametrize(
    "state, code, expected",
    [
        ("missing", "not_installed", True),
        ("unknown", "modules_tree_missing", True),
        ("missing", "not_in_tree", False),
        ("blocked", "not_installed", False),
    ],
)
def test_a_module_is_installable_if_its_kernel_is_configured_for_it(state, code, expected):
    module = {"state": state, "autoload": "never", "reasons": [make_reason("now", code)]}
    assert is_installable(parse_facts(make_node(xt_owner=module)).modules["xt_owner"]) is expected


@pytest.mark.parametrize(
    "next_boot, kinds",
    [
        ({"release": "6.1.0-43-amd64", "certain": False}, ["repair"]),
        ({"release": "6.1.0-42-amd64", "certain": True}, ["packages"]),
        (None, ["packages"]),
    ],
    ids=["another kernel is installed", "the same kernel boots again", "no other kernel"],
)
def test_the_package_of_a_kernel_that_an_upgrade_removed_is_not_installed(next_boot, kinds):
    module = {"state": "unknown", "autoload": "unknown", "reasons": [make_reason("now", "modules_tree_missing")]}
    node = make_node(next_boot=next_boot, xt_owner=module)
    node["kernel"]["module_tree_present"] = False
    assert list_kinds(preparation_plan(node), "owner") == kinds


MISSING = {"xt_owner": NOT_INSTALLED, "xt_REDIRECT": NOT_INSTALLED}


def test_without_consent_the_owner_installs_the_package():
    plan = preparation_plan(make_node("rocky", EL10_RELEASE, **MISSING))
    assert list_kinds(plan, "owner") == ["packages"]
    step = find_step(plan, "packages")
    assert step["what"] == f"install {EL10_EXTRA}, or set istio_node_install_packages: true"
    assert step["why"] == (
        f"xt_REDIRECT, xt_owner are not installed; {EL10_EXTRA} is for this kernel only, a new kernel needs its own: "
        "'dnf upgrade' installs kernel-modules-extra with it, 'dnf upgrade kernel' does not"
    )
    assert step["command"] == ["dnf", "install", "--setopt=install_weak_deps=False", EL10_EXTRA]
    assert list_not_loadable(plan) == ["xt_REDIRECT", "xt_owner"]
    assert plan["expected"]["verdict"] == "not_ready"


def test_with_consent_the_role_installs_the_package_and_loads_the_modules():
    plan = preparation_plan(make_node("rocky", EL10_RELEASE, **MISSING), install_packages=True)
    assert list_kinds(plan) == ["packages", "modules"]
    step = find_step(plan, "packages")
    assert step["what"] == f"install {EL10_EXTRA}"
    assert step["args"] == {"manager": "dnf", "names": [EL10_EXTRA], "release": EL10_RELEASE}
    assert {"xt_owner", "xt_REDIRECT"} <= set(plan["load"])
    assert plan["not_loadable"] == []
    assert plan["expected"]["verdict"] == "ready"


def test_consent_to_install_is_not_requested_on_a_node_that_must_not_be_written_to():
    node = make_node(**FEDORA_COREOS, release="6.17.4-300.fc43.x86_64", xt_owner=NOT_INSTALLED)
    step = find_step(preparation_plan(node), "packages")
    assert step["what"] == "install kernel-modules-core-6.17.4-300.fc43.x86_64"
    assert step["command"][:2] == ["rpm-ostree", "install"]
    assert step["reboot"]


def test_a_package_that_lost_a_file_is_reinstalled_by_the_owner():
    tree = f"/lib/modules/{UEK9_RELEASE}/kernel/net/netfilter"
    node = make_node("ol", UEK9_RELEASE, xt_owner=NOT_INSTALLED, xt_set={"origin": f"{tree}/xt_set.ko.xz"})
    plan = preparation_plan(node, install_packages=True)
    step = find_step(plan, "packages")
    assert step["by"] == "owner"
    assert step["what"] == f"reinstall kernel-uek-core-{UEK9_RELEASE}"
    assert step["command"] == ["dnf", "reinstall", f"kernel-uek-core-{UEK9_RELEASE}"]
    assert step["why"].startswith("xt_owner is missing, and other files of the same package are there")


def test_the_modules_of_a_kernel_that_the_distribution_did_not_build_are_not_in_a_package():
    node = make_node("ubuntu", "5.15.148-tegra", name="Ubuntu 22.04", xt_owner=NOT_INSTALLED)
    plan = preparation_plan(node, install_packages=True)
    assert list_kinds(plan, "owner") == ["repair"]
    step = find_step(plan, "repair")
    assert step["what"] == (
        "add the modules from the build of this kernel (make modules_install), or boot a kernel of Ubuntu 22.04"
    )


def test_a_package_that_needs_a_reboot_is_left_to_the_owner():
    plan = preparation_plan(make_node("sles", "6.4.0-150600.23-default", xt_owner=NOT_INSTALLED), install_packages=True)
    assert list_kinds(plan, "owner") == ["packages"]
    step = find_step(plan, "packages")
    assert step["what"] == "install kernel-default"
    assert step["command"][0] == "zypper"
    assert step["reboot"]


def test_a_missing_tool_refuses_the_plan_without_consent_to_install_it():
    plan = plan_nftables(make_node(nft=None), cni_plugin=True)
    assert plan["refused"] == ["nft is not installed; version 1.0.1 or newer is required"]


def test_the_version_of_a_tool_to_install_is_unknown():
    plan = plan_nftables(make_node(nft=None), cni_plugin=True, install_packages=True)
    assert plan["refused"] == []
    assert find_step(plan, "packages")["args"]["names"] == ["nftables"]
    assert find_step(plan, "packages")["why"] == "nft is not installed"
    assert plan["expected"]["verdict"] == "unknown"


EXTRA = "kernel-modules-extra"
UEK_EXTRA = "kernel-uek-modules-extra-netfilter"


@pytest.fixture
def recorded(tmp_path):
    return lambda name, without=(): RecordedDistribution(tmp_path, name, without)


READY = {"documented": "ready", "effective": "ready"}
NOT_READY = {"documented": "not_ready", "effective": "not_ready"}
ONLY_RULES = {"documented": "not_ready", "effective": "ready"}


# Verdicts by the documented page and by the effective rules, after preparing with the same profile.
@pytest.mark.parametrize(
    "name, without, verdicts",
    [
        # The kernel of RHEL 8 is older than the 5.13 of the page. The rules work.
        pytest.param("rhel-8", [], {"iptables": READY, "nftables": ONLY_RULES}, id="rhel-8"),
        pytest.param("rhel-9", [], {"iptables": READY, "nftables": READY}, id="rhel-9"),
        pytest.param(
            "rhel-10", [EXTRA], {"iptables": NOT_READY, "nftables": READY}, id="rhel-10 without extra modules"
        ),
        pytest.param("rhel-10", [], {"iptables": ONLY_RULES, "nftables": READY}, id="rhel-10"),
        pytest.param(
            "oracle-uek-8",
            [UEK_EXTRA],
            {"iptables": NOT_READY, "nftables": READY},
            id="oracle-uek-8 without extra modules",
        ),
        pytest.param("oracle-uek-8", [], {"iptables": READY, "nftables": READY}, id="oracle-uek-8"),
        pytest.param("suse", [], {"iptables": READY, "nftables": READY}, id="suse"),
        pytest.param("amazon-linux-2023-6.12", [], {"iptables": READY, "nftables": READY}, id="amazon-linux-2023-6.12"),
        pytest.param(
            "amazon-linux-2023-6.18", [], {"iptables": ONLY_RULES, "nftables": READY}, id="amazon-linux-2023-6.18"
        ),
        # Flatcar and Azure Linux have no nft_socket. The page requires it, no rule uses it.
        pytest.param("flatcar", [], {"iptables": READY, "nftables": ONLY_RULES}, id="flatcar"),
        pytest.param("talos", [], {"iptables": ONLY_RULES, "nftables": READY}, id="talos"),
        pytest.param("azure-linux-3", [], {"iptables": READY, "nftables": ONLY_RULES}, id="azure-linux-3"),
        pytest.param("bottlerocket-6.18", [], {"iptables": READY, "nftables": READY}, id="bottlerocket-6.18"),
    ],
)
@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
def test_a_prepared_distribution_has_the_verdict_that_its_packages_allow(recorded, name, without, verdicts, mode):
    node = recorded(name, without)
    for backend, by_profile in verdicts.items():
        # The old kernel of RHEL 8 is a gap in both profiles that have the rows of the page.
        combined = "not_ready" if (name, backend) == ("rhel-8", "nftables") else by_profile["effective"]
        for profile, verdict in {**by_profile, "combined": combined}.items():
            options = {"backend": backend, "mode": mode, "profile": profile}
            assert readiness(node.prepare(**options), **options)["verdict"] == verdict, (backend, profile)


def list_missing(node):
    return missing_modules(node.facts(), mode="ambient", profile="effective", states=["missing"])


def test_the_extra_modules_of_rhel_10_are_missing_without_their_package(recorded):
    assert list_missing(recorded("rhel-10", [EXTRA])) == [
        "xt_REDIRECT",
        "xt_connmark",
        "xt_owner",
        "ip_set_hash_ip",
        "nft_compat",
        "xt_CT",
        "xt_set",
        "xt_nat",
    ]
    assert list_missing(recorded("rhel-10")) == []


def test_the_netfilter_modules_of_oracles_kernel_are_missing_without_their_package(recorded):
    missing = list_missing(recorded("oracle-uek-8", [UEK_EXTRA]))
    assert missing == ["xt_REDIRECT", "xt_connmark", "ip_set_hash_ip", "xt_CT", "xt_set"]


def test_flatcar_has_no_tproxy_for_nftables(recorded):
    options = {"backend": "nftables", "interception": "tproxy", "profile": "effective"}
    assert readiness(recorded("flatcar").prepare(**options), **options)["verdict"] == "not_ready"


@pytest.mark.parametrize(
    "name, verdict",
    [
        ("rhel-9", "not_ready"),
        ("talos", "not_ready"),
        ("bottlerocket-6.18", "on_demand"),
        ("amazon-linux-2023-6.12", "not_ready"),
    ],
)
def test_iptables_legacy_works_on_an_unprepared_node_only_if_ip_tables_is_builtin(recorded, name, verdict):
    """The kernel never loads ip_tables on demand."""
    options = {"profile": "effective", "iptables_variant": "legacy"}
    assert readiness(recorded(name).facts(), **options)["verdict"] == verdict


def test_a_kernel_without_loadable_modules_needs_no_change(recorded):
    plan = preparation_plan(recorded("talos").facts(), mode=["sidecar", "ambient"], ip_family="dual")
    assert plan["load"] == []
    assert plan["persist"] == []
    assert not plan["change"]
