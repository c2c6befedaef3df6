# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random blacklists, dependencies and soft dependencies: without consent no blacklisted module is loaded."""

from __future__ import annotations

from ansible_collections.nodeprep.istio.plugins.module_utils._act import load
from ansible_collections.nodeprep.istio.plugins.module_utils._managed import boot_block
from ansible_collections.nodeprep.istio.plugins.module_utils._module_names import AUTOLOAD_REQUESTS, KNOWN_MODULES
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node import read_node
from ansible_collections.nodeprep.istio.plugins.module_utils._observe.node_facts import gather_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._facts.schema import parse_facts
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.builder import build_plan
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.consent import Consent
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.selection import Selection
from ansible_collections.nodeprep.istio.tests.unit.support.memory import MemoryFiles
from ansible_collections.nodeprep.istio.tests.unit.support.module_tree import RELEASE, build_module
from hypothesis import example, given, settings
from hypothesis import strategies as st

TREE = f"/lib/modules/{RELEASE}"
# Modules outside the catalogue.
OTHERS = ("nfnetlink", "libcrc32c", "nf_tproxy_ipv4")
MODULES = ("nf_tables", "nft_compat", "nft_chain_nat", "nft_redir", "xt_REDIRECT", "xt_owner", "xt_tcpudp", "x_tables")
MODULES += ("nf_nat", "nf_conntrack", "ip_tables", "iptable_nat", *OTHERS)
NUMBERS = {name: number for number, name in enumerate((*MODULES[::-1],))}
NAMES = st.sampled_from(MODULES)
FEW = st.lists(NAMES, max_size=3, unique=True)
SELECTIONS = (
    {},
    {"backend": "nftables"},
    {"iptables_variant": "legacy"},
    {"profile": "documented"},
)


@st.composite
def nodes(draw):
    """Return the dependencies, the soft dependencies, the blacklisted modules, and the loaded ones."""
    depends = {}
    for name in sorted(MODULES, key=NUMBERS.__getitem__):
        # modules.dep has no cycles, and lists all modules that a module needs.
        direct = [other for other in draw(FEW) if NUMBERS[other] < NUMBERS[name]]
        depends[name] = sorted({*direct, *(deeper for other in direct for deeper in depends[other])})
    softdeps = draw(st.dictionaries(NAMES, st.tuples(st.sampled_from(["pre", "post"]), FEW), max_size=3))
    blacklisted = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    loaded = set()
    for name in draw(FEW):
        loaded |= {name, *depends[name]}
    return depends, softdeps, blacklisted, loaded


def write(depends, softdeps, blacklisted, loaded):
    """Return the files of a node."""
    aliases = []
    for name in MODULES:
        aliases += [f"alias {request} {name}\n" for request in AUTOLOAD_REQUESTS.get(name, ()) if request != name]
    texts = {
        "/proc/sys/kernel/osrelease": RELEASE,
        "/proc/modules": "".join(f"{name} 1 0 - Live 0x0\n" for name in sorted(loaded)),
        "/usr/lib/systemd/systemd": "",
        "/etc/os-release": "ID=debian\n",
        "/etc/modprobe.d/a.conf": "".join(f"blacklist {name}\n" for name in blacklisted),
        "/etc/modprobe.d/b.conf": "".join(
            f"softdep {name} {kind}: {' '.join(names)}\n" for name, (kind, names) in softdeps.items()
        ),
        f"{TREE}/modules.dep": "".join(
            f"kernel/{name}.ko: {' '.join(f'kernel/{other}.ko' for other in depends[name])}\n" for name in MODULES
        ),
        f"{TREE}/modules.dep.bin": "",
        f"{TREE}/modules.alias": "".join(aliases),
        "/proc/self/status": "CapEff:\t000001ffffffffff\n",
    }
    contents = {path: text.encode() for path, text in texts.items()}
    for name in MODULES:
        contents[f"{TREE}/kernel/{name}.ko"] = build_module(name)
    return MemoryFiles(contents)


def list_loaded_with(name, depends, softdeps):
    """Return what modprobe loads for a module, itself included. It shares no code with the collection."""
    found = set()
    pending = [name]
    while pending:
        module = pending.pop()
        if module not in found:
            found.add(module)
            pending += depends.get(module, ())
            pending += softdeps.get(module, ("", ()))[1]
    return found


# A module with a blacklisted soft dependency, and one that depends on the same module.
SOFT = (
    {name: ["xt_owner"] if name == "xt_REDIRECT" else [] for name in MODULES},
    {"nf_tables": ("pre", ["xt_REDIRECT"])},
    ["xt_owner", "nf_tables"],
    set(),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@example(SOFT, {"backend": "nftables"})
@given(nodes(), st.sampled_from(SELECTIONS))
def test_without_consent_nothing_blacklisted_is_loaded_and_the_node_decides_as_the_plan(made, options):
    depends, softdeps, blacklisted, loaded = made
    files = write(*made)
    facts = parse_facts(gather_facts(files, KNOWN_MODULES, "2026-01-01T00:00:00Z", None))
    plan = build_plan(facts, Selection.from_options(options), Consent())
    for name in (*plan.load, *plan.persist):
        brought = list_loaded_with(name, depends, softdeps)
        assert not brought & set(blacklisted) - loaded, (name, brought)
    if plan.refused:
        return

    node = read_node(files, list(plan.modules))
    names = [name for name in plan.modules if name not in plan.boot_only]
    loadable = load.split_loadable(node, names)
    assert loadable.names == list(plan.load)
    assert [failure["name"] for failure in loadable.failures] == [failure.name for failure in plan.not_loadable]
    other_names = boot_block.list_other_names("")
    assert load.select_persistable(node, list(plan.modules), other_names) == list(plan.persist)

    # Each blacklisted module that keeps a required one from being loaded is named for the owner.
    texts = " ".join(step.what for step in plan.steps if step.by == "owner")
    required = [name for name in plan.modules if name not in plan.optional and facts.modules[name].state == "loadable"]
    for name in required:
        for other in list_loaded_with(name, depends, softdeps) & set(blacklisted) - loaded:
            assert f"blacklist {other}" in texts, (name, other, texts)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(nodes())
def test_the_blacklist_of_a_dependency_changes_no_answer_about_the_kernel(made):
    depends, softdeps, blacklisted, loaded = made
    with_lines = gather_facts(write(*made), KNOWN_MODULES, "2026-01-01T00:00:00Z", None)["modules"]
    without = gather_facts(write(depends, softdeps, [], loaded), KNOWN_MODULES, "2026-01-01T00:00:00Z", None)["modules"]
    for name in KNOWN_MODULES:
        if name not in blacklisted:
            assert with_lines[name] == without[name]
