# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overrides: the steps about conflicts, and that the node agrees with them.

The last part works on files: a plan is made for a recorded node, its overrides are written there, and the code that
runs on nodes must then load what the plan says. A second plan has nothing left to do.
"""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._act.load import split_loadable
from ansible_collections.nodeprep.istio.plugins.module_utils._act.override import Line, plan_changes, plan_overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod.conf_lines import split_raw_lines
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.modprobe_overrides import (
    INSTALL_OVERRIDE_FILE,
    normalize_line,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS, KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.managed import (
    read_exact,
    read_overrides,
    render_for_node,
)
from ansible_collections.nodeprep.istio.plugins.module_utils._reasons import CONFLICT_CODES
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import NETFILTER, STANDARD
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    ADMIN_FILE,
    BLACKLISTED,
    NOT_INSTALLED,
    VENDOR_CONFLICT,
    VENDOR_FILE,
    find_step,
    list_kinds,
    list_not_loadable,
    make_conflict_file,
    make_node,
    make_reason,
)
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode


def test_without_consent_the_owner_removes_the_line():
    plan = preparation_plan(make_node(xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT))
    step = find_step(plan, "conflict")
    assert step["what"] == (
        f"remove the line 'blacklist xt_owner' from {VENDOR_FILE}:3, or set istio_node_override_conflicts: true"
    )
    assert step["why"] == "it keeps xt_owner from loading (package hardening)"
    assert step["where"] == VENDOR_FILE + ":3"
    assert step["by"] == "owner"
    assert "xt_owner" not in plan["load"] + plan["persist"]
    assert plan["expected"]["verdict"] == "not_ready"


def test_with_consent_the_role_overrides_the_line():
    plan = preparation_plan(make_node(xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT), override_conflicts=True)
    assert list_kinds(plan) == ["overrides", "modules"]
    assert find_step(plan, "overrides")["args"] == {"lines": [{"path": VENDOR_FILE, "line": "blacklist xt_owner"}]}
    assert "xt_owner" in plan["load"]
    assert plan["expected"]["verdict"] == "ready"


@pytest.mark.parametrize("override_conflicts", [False, True])
def test_a_line_that_cannot_be_overridden_is_a_step_of_the_owner(override_conflicts):
    where = ADMIN_FILE + ":1"
    blacklisted = {"autoload": "denied", "reasons": [make_reason("autoload", "blacklist", where)]}
    node = make_node(xt_owner=blacklisted, conflicts={ADMIN_FILE: make_conflict_file({"1": "blacklist xt_owner"})})
    plan = preparation_plan(node, override_conflicts=override_conflicts)
    assert "overrides" not in list_kinds(plan)
    step = find_step(plan, "conflict")
    assert step["what"] == f"remove the line 'blacklist xt_owner' from {where} (the role cannot override it)"


def block_by_command_line(*modules, dependency=None):
    """Return modules that the kernel command line blocks, themselves or as modules that need the dependency."""
    reason = make_reason("now", "module_blacklist", "/proc/cmdline")
    if dependency:
        reason["dependency"] = dependency
    return {name: {"state": "blocked", "autoload": "denied", "reasons": [reason]} for name in modules}


def test_the_owner_removes_the_names_that_the_kernel_command_line_has():
    node = make_node(
        **block_by_command_line("xt_REDIRECT", dependency="nf_nat"),
        **block_by_command_line("xt_owner", dependency="x_tables"),
    )
    step = find_step(preparation_plan(node, override_conflicts=True), "conflict")
    assert step["what"] == "remove nf_nat, x_tables from module_blacklist= on the kernel command line"
    assert step["why"] == "it keeps xt_REDIRECT, xt_owner from loading (the kernel command line)"
    assert step["where"] == "/proc/cmdline"
    assert step["reboot"]


def test_the_parameter_of_a_blacklist_on_the_kernel_command_line_is_that_of_modprobe():
    blacklisted = {"autoload": "denied", "reasons": [make_reason("autoload", "blacklist", "/proc/cmdline")]}
    step = find_step(preparation_plan(make_node(xt_owner=blacklisted)), "conflict")
    assert step["what"] == "remove xt_owner from modprobe.blacklist= on the kernel command line"


@pytest.mark.parametrize("override_conflicts", [False, True])
def test_consent_that_does_not_help_is_not_requested(override_conflicts):
    lines = [make_reason("autoload", "blacklist", where) for where in (VENDOR_FILE + ":3", ADMIN_FILE + ":1")]
    conflicts = VENDOR_CONFLICT | {ADMIN_FILE: make_conflict_file({"1": "blacklist xt_owner"})}
    node = make_node(xt_owner={"autoload": "denied", "reasons": lines}, conflicts=conflicts)
    plan = preparation_plan(node, override_conflicts=override_conflicts)
    assert list_kinds(plan, "owner") == ["conflict", "conflict"]
    assert "overrides" not in list_kinds(plan)
    assert plan["steps"][0]["what"].endswith(" (overriding this line alone would not help)")
    assert plan["steps"][1]["what"].endswith(" (the role cannot override it)")


@pytest.mark.parametrize(
    "code, is_overridden",
    [
        ("unsigned_module", False),
        ("alias_override", False),
        ("modules_disabled_at_boot", False),
        ("modules_disabled", True),
    ],
)
def test_a_line_is_not_overridden_for_a_module_that_stays_blocked(code, is_overridden):
    reasons = [make_reason("now", code), make_reason("autoload", "blacklist", VENDOR_FILE + ":3")]
    module = {"state": "blocked", "autoload": "denied", "reasons": reasons}
    plan = preparation_plan(make_node(xt_owner=module, conflicts=VENDOR_CONFLICT), override_conflicts=True)
    assert ("overrides" in list_kinds(plan)) is is_overridden
    assert ("conflict" in list_kinds(plan, "owner")) is not is_overridden


def test_a_line_is_overridden_if_that_unblocks_one_of_its_modules():
    shared = make_reason("now", "install_override", ADMIN_FILE + ":2") | {"dependency": "x_tables"}
    own = make_reason("autoload", "blacklist", ADMIN_FILE + ":1")
    lines = {"1": "blacklist xt_REDIRECT", "2": "install x_tables /bin/false"}
    node = make_node(
        xt_owner={"state": "blocked", "autoload": "denied", "reasons": [shared]},
        xt_REDIRECT={"state": "blocked", "autoload": "denied", "reasons": [shared, own]},
        conflicts={ADMIN_FILE: make_conflict_file(lines)},
    )
    plan = preparation_plan(node, override_conflicts=True)
    assert "xt_owner" in plan["load"]
    assert list_not_loadable(plan) == ["xt_REDIRECT"]
    assert find_step(plan, "overrides")["args"] == {"lines": [{"path": ADMIN_FILE, "line": lines["2"]}]}
    assert list_kinds(plan, "owner") == ["conflict"]


def test_lines_that_the_facts_do_not_list_are_a_step_of_the_owner():
    reasons = [*BLACKLISTED["reasons"], make_reason("autoload", "blacklist")]
    node = make_node(xt_owner=BLACKLISTED | {"reasons": reasons}, conflicts=VENDOR_CONFLICT)
    plan = preparation_plan(node, override_conflicts=True)
    assert "overrides" not in list_kinds(plan)
    assert list_not_loadable(plan) == ["xt_owner"]
    listed, unlisted = [step for step in plan["steps"] if step["by"] == "owner"]
    assert listed["where"] == VENDOR_FILE + ":3"
    assert unlisted["what"] == "remove the 'blacklist' and 'install' lines of xt_owner in modprobe.d"
    assert unlisted["why"] == "these lines keep the modules from loading and are too many to list"
    assert unlisted["command"][:3] == ["grep", "-rnE", "^ *(blacklist|install) .*(xt_owner)"]


def test_a_module_of_a_new_package_may_still_be_blacklisted():
    reasons = [*NOT_INSTALLED["reasons"], make_reason("autoload", "blacklist", VENDOR_FILE + ":3")]
    module = NOT_INSTALLED | {"reasons": reasons}
    node = make_node("rocky", "6.12.0-124.el10_1.x86_64", xt_owner=module, conflicts=VENDOR_CONFLICT)
    assert list_kinds(preparation_plan(node), "owner") == ["packages"]

    installed = preparation_plan(node, install_packages=True)
    assert list_kinds(installed, "owner") == ["conflict"]
    assert list_not_loadable(installed) == ["xt_owner"]
    assert installed["expected"]["verdict"] == "not_ready"

    overridden = preparation_plan(node, install_packages=True, override_conflicts=True)
    assert list_kinds(overridden) == ["packages", "overrides", "modules"]
    assert list_not_loadable(overridden) == []
    assert overridden["expected"]["verdict"] == "ready"


EDITED_FILE = "/etc/modprobe.d/hard.conf"
EDITED = {EDITED_FILE: {"source": VENDOR_FILE, "lines": ["blacklist dccp"], "current": True, "edited": True}}


@pytest.mark.parametrize("override_conflicts", [True, False])
def test_an_edited_override_file_is_left_to_the_owner(override_conflicts):
    node = make_node(state="builtin", boot="not_applicable", managed={"overrides": EDITED})
    plan = preparation_plan(node, override_conflicts=override_conflicts)
    assert not plan["change"]
    step = find_step(plan, "conflict")
    assert step["what"] == f"move the changes in {EDITED_FILE} to another file, delete {EDITED_FILE}, and run again"
    assert step["where"] == EDITED_FILE


@pytest.mark.parametrize("override_conflicts", [True, False])
def test_a_line_in_an_edited_override_file_is_not_overridden(override_conflicts):
    blacklisted = {"autoload": "denied", "reasons": [make_reason("autoload", "blacklist", EDITED_FILE + ":9")]}
    conflicts = {EDITED_FILE: make_conflict_file({"9": "blacklist xt_owner"})}
    node = make_node(xt_owner=blacklisted, conflicts=conflicts, managed={"overrides": EDITED})
    plan = preparation_plan(node, override_conflicts=override_conflicts)
    assert "overrides" not in list_kinds(plan)
    assert plan["steps"][0]["what"].endswith(" (the role cannot override it)")


def test_a_copy_whose_source_changed_is_updated():
    overrides = {EDITED_FILE: {"source": VENDOR_FILE, "lines": [], "current": False}}
    plan = preparation_plan(make_node(state="builtin", boot="not_applicable", managed={"overrides": overrides}))
    assert list_kinds(plan) == ["overrides"]
    step = find_step(plan, "overrides")
    assert step["what"] == f"update {EDITED_FILE} from the file that it replaces"
    assert step["why"] == "the original file changed"
    assert step["args"] == {"lines": []}


def test_a_hint_names_the_override_files_of_an_earlier_run():
    node = make_node(state="builtin", boot="not_applicable", managed={"overrides": {EDITED_FILE: {"current": True}}})
    assert preparation_plan(node)["hints"] == [
        f"{EDITED_FILE}: these files from an earlier run still override conflicts; "
        "to remove them, set istio_node_state: absent"
    ]
    assert preparation_plan(node, override_conflicts=True)["hints"] == []


@pytest.mark.parametrize("override_conflicts", [False, True])
def test_a_line_about_modules_that_no_rule_needs_is_a_hint(override_conflicts):
    names = {"1": "xt_owner", "2": "br_netfilter", "3": "xt_tcpudp"}
    modules = {}
    for number, name in names.items():
        reason = make_reason("now", "install_override", f"{ADMIN_FILE}:{number}")
        modules[name] = {"state": "blocked", "autoload": "denied", "boot": "no", "reasons": [reason]}
    lines = {number: f"install {name} /bin/false" for number, name in names.items()}
    node = make_node(**modules, conflicts={ADMIN_FILE: make_conflict_file(lines)})
    plan = preparation_plan(node, override_conflicts=override_conflicts)
    (hint,) = [hint for hint in plan["hints"] if "from loading" in hint]
    assert hint.startswith(f"{ADMIN_FILE} keeps br_netfilter, xt_tcpudp from loading; no rule on this node needs them")
    assert "xt_owner" in str(plan["steps"])
    assert "br_netfilter /bin" not in str(plan["steps"])


def test_the_lines_of_one_file_are_one_clause_in_the_order_of_the_file():
    names = {"10": "xt_owner", "2": "xt_REDIRECT"}
    modules = {}
    for number, name in names.items():
        reason = make_reason("now", "install_override", f"{ADMIN_FILE}:{number}")
        modules[name] = {"state": "blocked", "autoload": "denied", "boot": "no", "reasons": [reason]}
    lines = {number: f"install {name} /bin/false" for number, name in names.items()}
    node = make_node(**modules, conflicts={ADMIN_FILE: make_conflict_file(lines, package="hard")})
    step = find_step(preparation_plan(node, override_conflicts=True), "overrides")
    assert step["what"] == (
        "override line 2 'install xt_REDIRECT /bin/false', line 10 'install xt_owner /bin/false' "
        f"of {ADMIN_FILE} with a file in /etc/modprobe.d"
    )
    assert step["why"] == f"{ADMIN_FILE} keeps xt_REDIRECT, xt_owner from loading (package hard)"


# Recorded nodes. "{0}" in a file is the name of a module.
CONF = "/usr/lib/modprobe.d/a.conf"
MERGED = [name for name in KNOWN_MODULES if name.endswith(("_ipv4", "_ipv6")) or name == "nf_nat_redirect"]
BLACKLIST = "blacklist {0}\n"
ALL_BLACKLISTED = "# CIS 3.2\n" + "".join(f"blacklist {name}\n" for name in KNOWN_MODULES)
LONG = "x" * 240  # The facts then shorten what they list.
ALL_OVERRIDDEN = "".join(f"install {name} /bin/false\n" for name in KNOWN_MODULES)
SITUATIONS = {
    "a vendor's blacklist": {CONF: BLACKLIST},
    "two vendors' files": {CONF: BLACKLIST, "/usr/lib/modprobe.d/b.conf": "# b\n" + BLACKLIST},
    "a vendor's and an admin's": {CONF: BLACKLIST, "/etc/modprobe.d/b.conf": BLACKLIST},
    "a vendor's and modprobe.blacklist=": {CONF: BLACKLIST, "/proc/cmdline": "modprobe.blacklist={0}\n"},
    "modprobe.blacklist=": {"/proc/cmdline": "modprobe.blacklist={0}\n"},
    "module_blacklist=": {"/proc/cmdline": "module_blacklist={0}\n"},
    "twice in one file": {CONF: BLACKLIST + "blacklist {0} # again\n"},
    "more lines than the facts list": {CONF: "".join("blacklist {0} # " + number + "\n" for number in "1234567")},
    "blacklist and install": {CONF: BLACKLIST + "install {0} /bin/true\n"},
    "install of it and of its dependencies": {
        CONF: "install {0} /bin/true\ninstall x_tables /bin/true\ninstall nf_nat /bin/true\n"
    },
    "install of loaded dependencies": {
        CONF: "install x_tables /bin/true\ninstall nf_nat /bin/true\n",
        "/proc/modules": "x_tables 16384 0 - Live 0x0\nnf_nat 16384 0 - Live 0x0\n",
    },
    "install of a loaded module until a reboot, and an alias": {
        "/run/modprobe.d/r.conf": "install nf_tables /bin/false\n",
        CONF: "alias nft_compat off\n",
        "/proc/modules": "nf_tables 16384 0 - Live 0x0\nnft_compat 16384 0 - Live 0x0\n",
    },
    "install of a loaded module": {
        CONF: "install {0} /bin/false\n",
        "/proc/modules": "{0} 16384 0 - Live 0x0\n",
    },
    "install of a request": {CONF: "install nfnetlink-subsys-10 /bin/false\n"},
    "install of a request, and modules are disabled": {
        CONF: "install nfnetlink-subsys-10 /bin/false\n",
        "/proc/sys/kernel/modules_disabled": "1",
    },
    "an alias to nowhere": {CONF: BLACKLIST + "alias {0} off\n"},
    "every module overridden and blacklisted": {
        "/etc/modprobe.d/hardening.conf": ALL_OVERRIDDEN,
        "/usr/lib/modprobe.d/hardening-blacklist.conf": ALL_BLACKLISTED,
    },
    "a file with a long name for each line": {
        **{f"/etc/modprobe.d/{LONG}{number}.conf": f"blacklist {name}\n" for number, name in enumerate(KNOWN_MODULES)},
        **{f"/etc/modules-load.d/{LONG}{number}.conf": f"{name}\n" for number, name in enumerate(KNOWN_MODULES)},
    },
    "a directory has the path of the copy": {CONF: BLACKLIST, "/etc/modprobe.d/a.conf/x": ""},
    "a file of the role without its mark": {
        CONF: "install {0} /bin/true\n",
        INSTALL_OVERRIDE_FILE: "options nf_conntrack hashsize=131072\n",
    },
    "comments that look like the mark": {CONF: "#- Hardening\n#- blacklist dccp\nblacklist dccp\n" + BLACKLIST},
}


@pytest.fixture
def node(tmp_path):
    """Return a recorded Debian node whose kernel has all modules."""
    recorded = RecordedNode(tmp_path)
    modules = {}
    for name in KNOWN_MODULES:
        if name not in MERGED or name == "nf_defrag_ipv4":
            folder, dependencies = STANDARD.get(name, (NETFILTER, [], []))[:2]
            modules[name] = (folder, dependencies, list(AUTOLOAD_REQUESTS.get(name, ())))
    recorded.tree([], **modules)
    recorded.write("/etc/os-release", "ID=debian\n")
    return recorded


def write_files(node, files, name):
    for path, text in files.items():
        node.write(path, text.format(name))


def plan_for(node, **options):
    facts = node.facts(list(KNOWN_MODULES))
    facts["platform"] = {"systemd": True, "managed_by": None}
    return preparation_plan(facts, backend="iptables", **options)


def write_overrides(node, plan):
    """Write the overrides of a plan as nodeprep.istio.modprobe_overrides does."""
    for step in plan["steps"]:
        if step["kind"] == "overrides":
            lines = [Line(line["path"], normalize_line(line["line"])) for line in step["args"]["lines"]]
            for path, override in plan_overrides(node.files, read_overrides(node.files), lines).items():
                node.write(path, render_for_node(node.files, override).encode("utf-8", "surrogateescape"))


def assert_node_loads_what_the_plan_says(node, plan):
    """Compare the plan with what nodeprep.istio.kernel_modules would do on the node."""
    names = [name for name in plan["modules"] if name not in plan["boot_only"]]
    to_load, failures = split_loadable(node.observe(plan["modules"]), names)
    assert to_load == plan["load"]
    assert [failure["name"] for failure in failures] == list_not_loadable(plan)


@pytest.mark.parametrize("profile", ["documented", "combined"])
@pytest.mark.parametrize("name", ["br_netfilter", "iptable_nat", "nf_nat", "xt_owner"])
@pytest.mark.parametrize("files", SITUATIONS.values(), ids=SITUATIONS)
def test_the_node_agrees_with_the_plan_and_a_second_run_changes_nothing(node, files, name, profile):
    write_files(node, files, name)
    without_consent = plan_for(node, profile=profile)
    assert_node_loads_what_the_plan_says(node, without_consent)

    plan = plan_for(node, profile=profile, override_conflicts=True)
    write_overrides(node, plan)
    assert_node_loads_what_the_plan_says(node, plan)
    if "overrides" in list_kinds(plan):
        # A file is written only if that changes the result.
        assert (plan["load"], plan["expected"]) != (without_consent["load"], without_consent["expected"])

    again = plan_for(node, profile=profile, override_conflicts=True)
    assert "overrides" not in list_kinds(again)
    assert again["load"] == plan["load"]
    assert again["not_loadable"] == plan["not_loadable"]
    assert again["expected"] == plan["expected"]


@pytest.mark.parametrize("files", SITUATIONS.values(), ids=SITUATIONS)
def test_the_facts_have_each_line_as_it_is_written(node, files):
    write_files(node, files, "xt_owner")
    node.write(
        "/etc/modprobe.d/c.conf",
        "blacklist   xt_mark # why\ninstall xt_m* /bin/false\ninstall xt-nat \\\n /bin/true\nblacklist\txt_nat\n",
    )
    facts = parse_facts(node.facts(list(KNOWN_MODULES)))
    paths = set()
    for module in facts.modules.values():
        for reason in module.reasons:
            path, _colon, number = (reason.where or "").rpartition(":")
            if reason.code in CONFLICT_CODES and path in facts.conflicts:
                raw = dict(split_raw_lines(read_exact(node.files, path)))[int(number)]
                assert facts.conflicts[path].lines[number] == normalize_line(raw)
                paths.add(path)
    assert paths == set(facts.conflicts)


@pytest.mark.parametrize(
    "name, verdict",
    [
        ("br_netfilter", "not_ready"),
        # The kernel never requests ip_tables, and so not x_tables, before it requests a table.
        ("ip_tables", "not_ready"),
        ("x_tables", "not_ready"),
        # The kernel loads these as dependencies despite the blacklist.
        ("nf_conntrack", "on_demand"),
        ("nf_nat", "on_demand"),
    ],
)
def test_a_blacklist_also_counts_for_modules_that_the_kernel_never_requests(node, name, verdict):
    node.write(CONF, BLACKLIST.format(name))
    plan = plan_for(node, profile="documented")
    dependents = [other for other in KNOWN_MODULES if name in STANDARD.get(other, ("", []))[1]]
    assert not {name, *dependents} & {*plan["load"], *plan["persist"]}
    assert plan["expected"]["verdict"] == verdict
    (step,) = [step for step in plan["steps"] if step["by"] == "owner"]
    assert step["kind"] == "conflict"
    assert step["where"] == f"{CONF}:1"
    assert f"it keeps {name} from loading" in step["why"]
    assert all(other in step["why"] for other in dependents if other in plan["modules"])


@pytest.mark.parametrize("name", ["ip_tables", "nf_conntrack", "nf_nat", "x_tables"])
def test_with_consent_the_blacklist_of_a_dependency_is_overridden(node, name):
    node.write(CONF, BLACKLIST.format(name))
    plan = plan_for(node, profile="documented", override_conflicts=True)
    assert plan["expected"]["verdict"] == "ready"
    assert list_kinds(plan, "owner") == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_the_node_and_the_plan_leave_an_edited_override_as_it_is(node, state):
    node.write(CONF, BLACKLIST.format("xt_owner"))
    write_overrides(node, plan_for(node, override_conflicts=True))
    (path,) = list(read_overrides(node.files))
    node.write(path, node.path(path).read_text() + "options nf_conntrack hashsize=131072\n")
    assert plan_changes(node.files, state, []) == ({}, [path])
    if state == "present":
        plan = plan_for(node)
        texts = [step["what"] for step in plan["steps"] if step["by"] == "owner"]
    else:
        plan = plan_for(node, state="absent")
        texts = plan["not_removed"]
    assert "overrides" not in list_kinds(plan)
    assert any(path in text for text in texts)
