# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps modules from loading, from a node's files to the plan and back: the node agrees with the plan, and the second run has nothing to do."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _reasons
from ansible_collections.nodeprep.istio.plugins.module_utils._act import load
from ansible_collections.nodeprep.istio.plugins.module_utils._files import Files
from ansible_collections.nodeprep.istio.plugins.module_utils._kmod import modprobe_conf
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import modprobe_overrides as _overrides
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS, KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.modules import modprobe_overrides
from ansible_collections.nodeprep.istio.tests.unit.plugins.module_utils._observe import test_size_limit
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import checked, preparation_plan
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import NETFILTER, STANDARD
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode

MERGED = [name for name in KNOWN_MODULES if name.endswith(("_ipv4", "_ipv6")) or name == "nf_nat_redirect"]
VENDOR = "/usr/lib/modprobe.d/a.conf"


@pytest.fixture
def node(tmp_path):
    made = RecordedNode(tmp_path)
    whole = {
        name: STANDARD.get(name, (NETFILTER, [], []))[:2]
        for name in KNOWN_MODULES
        if name not in MERGED or name == "nf_defrag_ipv4"
    }
    made.tree([], **{name: (*rest, list(AUTOLOAD_REQUESTS.get(name, ()))) for name, rest in whole.items()})
    made.write("/etc/os-release", "ID=debian\n")
    return made


def plan_of(node, **options):
    facts = node.facts(list(KNOWN_MODULES))
    facts["platform"] = {"systemd": True, "managed_by": None}
    return preparation_plan(facts, backend="iptables", **options)


def run(node, plan):
    """Do the plan's overrides as modprobe_overrides does; return (names to load, names that fail) as kernel_modules then says."""
    for step in plan["steps"]:
        if step["kind"] == "overrides":
            lines = [(one["path"], _overrides.normal(one["line"])) for one in step["args"]["lines"]]
            for path, override in _overrides.wanted(node.files, _overrides.existing(node.files), lines).items():
                node.write(path, override.text(node.files).encode("utf-8", "surrogateescape"))
    to_load, failures = load.sort_out(
        node.observe(plan["modules"]), [name for name in plan["modules"] if name not in plan["boot_only"]]
    )
    return to_load, [failure["name"] for failure in failures]


BLACKLIST = "blacklist {0}\n"
SITUATIONS = {
    "a vendor's blacklist": {VENDOR: BLACKLIST},
    "two vendors' files": {VENDOR: BLACKLIST, "/usr/lib/modprobe.d/b.conf": "# b\n" + BLACKLIST},
    "a vendor's and an admin's": {VENDOR: BLACKLIST, "/etc/modprobe.d/b.conf": BLACKLIST},
    "a vendor's and modprobe.blacklist=": {VENDOR: BLACKLIST, "/proc/cmdline": "modprobe.blacklist={0}\n"},
    "modprobe.blacklist=": {"/proc/cmdline": "modprobe.blacklist={0}\n"},
    "module_blacklist=": {"/proc/cmdline": "module_blacklist={0}\n"},
    "twice in one file": {VENDOR: BLACKLIST + "blacklist {0} # again\n"},
    "more often than is told": {VENDOR: "".join("blacklist {0} # " + number + "\n" for number in "1234567")},
    "blacklist and install": {VENDOR: BLACKLIST + "install {0} /bin/true\n"},
    "install of it and of what it needs": {
        VENDOR: "install {0} /bin/true\ninstall x_tables /bin/true\ninstall nf_nat /bin/true\n"
    },
    "install of what it needs and is loaded": {
        VENDOR: "install x_tables /bin/true\ninstall nf_nat /bin/true\n",
        "/proc/modules": "x_tables 16384 0 - Live 0x0\nnf_nat 16384 0 - Live 0x0\n",
    },
    "what is loaded, until a reboot, and what needs it": {
        "/run/modprobe.d/r.conf": "install nf_tables /bin/false\n",
        VENDOR: "alias nft_compat off\n",
        "/proc/modules": "nf_tables 16384 0 - Live 0x0\nnft_compat 16384 0 - Live 0x0\n",
    },
    "what is loaded, and its own install": {
        VENDOR: "install {0} /bin/false\n",
        "/proc/modules": "{0} 16384 0 - Live 0x0\n",
    },
    "install of a request": {VENDOR: "install nfnetlink-subsys-10 /bin/false\n"},
    "install of a request, and nothing is loaded any more": {
        VENDOR: "install nfnetlink-subsys-10 /bin/false\n",
        "/proc/sys/kernel/modules_disabled": "1",
    },
    "an alias to nowhere": {VENDOR: BLACKLIST + "alias {0} off\n"},
    "every module overridden and blacklisted": {**test_size_limit.OVERRIDDEN, **test_size_limit.BLACKLISTED},
    "more than the facts tell": test_size_limit.SITUATIONS["a file for each line"][0],
    "a directory where our copy would be": {VENDOR: BLACKLIST, "/etc/modprobe.d/a.conf/x": ""},
    "a file of ours without its mark": {
        VENDOR: "install {0} /bin/true\n",
        _overrides.BEATING: "options nf_conntrack hashsize=131072\n",
    },
    "bullets": {VENDOR: "#- Hardening\n#- blacklist dccp\nblacklist dccp\n" + BLACKLIST},
}


@pytest.mark.parametrize("profile", ["documented", "combined"])
@pytest.mark.parametrize("name", ["br_netfilter", "iptable_nat", "nf_nat", "xt_owner"])
@pytest.mark.parametrize("files", SITUATIONS.values(), ids=SITUATIONS)
def test_the_node_agrees_with_the_plan(node, files, name, profile):
    for path, text in files.items():
        node.write(path, text.format(name))
    without = plan_of(node, profile=profile)
    assert run(node, without) == (without["load"], [failure["name"] for failure in without["not_loadable"]])
    plan = plan_of(node, profile=profile, override_conflicts=True)
    assert run(node, plan) == (plan["load"], [failure["name"] for failure in plan["not_loadable"]])
    if "overrides" in [step["kind"] for step in plan["steps"]]:
        # Nothing is written for nothing.
        assert (plan["load"], plan["expected"]) != (without["load"], without["expected"])
    # What can be done is done at once.
    again = plan_of(node, profile=profile, override_conflicts=True)
    assert "overrides" not in [step["kind"] for step in again["steps"]]
    assert (again["load"], again["not_loadable"]) == (plan["load"], plan["not_loadable"]) and again["expected"] == plan[
        "expected"
    ]


@pytest.mark.parametrize("files", SITUATIONS.values(), ids=SITUATIONS)
def test_each_line_is_told_as_it_is_written(node, files):
    for path, text in files.items():
        node.write(path, text.format("xt_owner"))
    node.write(
        "/etc/modprobe.d/c.conf",
        "blacklist   xt_mark # why\ninstall xt_m* /bin/false\ninstall xt-nat \\\n /bin/true\nblacklist\txt_nat\n",
    )
    facts = checked(node.facts(list(KNOWN_MODULES)))
    told = set()
    for reason in (
        reason
        for entry in facts["modules"].values()
        for reason in entry["reasons"]
        if reason["code"] in _reasons.REFUSALS
    ):
        path, _colon, number = reason.get("where", "").rpartition(":")
        if path in facts["conflicts"]:
            raw = dict(modprobe_conf.raw_lines(_overrides.read(node.files, path)))[int(number)]
            assert facts["conflicts"][path]["lines"][number] == _overrides.normal(raw)
            told.add(path)
    assert told == set(facts["conflicts"])


@pytest.mark.parametrize("name", ["br_netfilter", "ip_tables", "nf_conntrack", "nf_nat", "x_tables"])
def test_a_blacklist_counts_where_the_kernel_never_asks(node, name):
    node.write(VENDOR, BLACKLIST.format(name))
    comes_along = name in ("nf_conntrack", "nf_nat", "x_tables", "ip_tables")
    plan = plan_of(node, profile="documented")
    assert name not in plan["load"] + plan["persist"] and plan["expected"]["verdict"] == (
        "ready" if comes_along else "not_ready"
    )
    assert [step["kind"] for step in plan["steps"] if step["by"] == "owner"] == ([] if comes_along else ["conflict"])


@pytest.mark.parametrize("state", ["present", "absent"])
def test_the_module_passes_over_what_somebody_changed(node, monkeypatch, state):
    node.write(VENDOR, BLACKLIST.format("xt_owner"))
    run(node, plan_of(node, override_conflicts=True))
    ours = next(iter(_overrides.existing(node.files)))
    node.write(ours, node.path(ours).read_text() + "options nf_conntrack hashsize=131072\n")
    monkeypatch.setattr(modprobe_overrides, "Files", lambda: Files(str(node.root)))
    assert modprobe_overrides.texts(state, []) == ({}, [ours])
    plan = plan_of(node, state=state.replace("present", "prepared"))
    assert "overrides" not in [step["kind"] for step in plan["steps"]]
    told = (
        [step["what"] for step in plan["steps"] if step["by"] == "owner"] if state == "present" else plan["not_removed"]
    )
    assert any(ours in words for words in told)
