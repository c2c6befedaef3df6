# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration: its texts have the syntax of their format, list the modules, and name the lines in their way."""

from __future__ import annotations

import json
import re
import subprocess
from urllib.parse import unquote

import pytest
import yaml
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.declaration import (
    Declaration,
    make_declaration,
)
from ansible_collections.nodeprep.istio.plugins.plugin_utils._plan.declarations.formats import FORMATS, FORMATS_BY_KEY
from ansible_collections.nodeprep.istio.plugins.plugin_utils._records import StructureError
from ansible_collections.nodeprep.istio.tests.unit.support.fact_factory import parse_facts
from ansible_collections.nodeprep.istio.tests.unit.support.plan_factory import (
    BLACKLISTED,
    BOOT_FILE,
    FEDORA_COREOS,
    VENDOR_CONFLICT,
    VENDOR_FILE,
    make_conflict_file,
    make_node,
    make_reason,
)

MODULES = ("xt_owner", "xt_REDIRECT", "nft-compat")
CONFLICT = f"{VENDOR_FILE}:3 (blacklist xt_mark) keeps xt_mark from loading; remove the line"
KEYS = sorted(FORMATS_BY_KEY)


def declare(key, **parts):
    return Declaration(key, MODULES, **{"conflicts": (CONFLICT,), **parts})


def read_lines(text):
    """Return the names in a boot file."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def read_url(url):
    assert url.startswith("data:,")
    return unquote(url.removeprefix("data:,")).splitlines()


def read_ignition(config):
    assert config["ignition"] == {"version": "3.2.0"}
    (file,) = config["storage"]["files"]
    assert (file["path"], file["mode"], file["overwrite"]) == (BOOT_FILE, 0o644, True)
    return read_url(file["contents"]["source"])


def read_machine_config(text):
    document = yaml.safe_load(text)
    assert (document["apiVersion"], document["kind"]) == ("machineconfiguration.openshift.io/v1", "MachineConfig")
    return read_ignition(document["spec"]["config"])


def read_butane(text):
    (file,) = yaml.safe_load(text)["storage"]["files"]
    assert (file["path"], file["mode"], file["overwrite"]) == (BOOT_FILE, 0o644, True)
    return read_lines(file["contents"]["inline"])


def read_talos(text):
    return [module["name"] for module in yaml.safe_load(text)["machine"]["kernel"]["modules"]]


def read_nixos(text):
    return re.findall(r'"([^"]+)"', text)


def read_bottlerocket(text):
    tomllib = pytest.importorskip("tomllib")  # since Python 3.11
    modules = tomllib.loads(text)["settings"]["kernel"]["modules"]
    assert all(module == {"allowed": True, "autoload": True} for module in modules.values())
    return list(modules)


def read_cloud_init(text):
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    (file,) = document["write_files"]
    assert (file["path"], file["permissions"]) == (BOOT_FILE, "0644")
    assert document["bootcmd"] == [["modprobe", "-a", "-b", *read_lines(file["content"])]]
    return read_lines(file["content"])


def read_kubeadm_config(text):
    document = yaml.safe_load(text)
    assert document["kind"] == "KubeadmConfigTemplate"
    spec = document["spec"]["template"]["spec"]
    (file,) = spec["files"]
    assert (file["path"], file["permissions"]) == (BOOT_FILE, "0644")
    names = read_lines(file["content"])
    assert spec["preKubeadmCommands"] == [f"modprobe -a -b {' '.join(names)} || true"]
    return names


def read_incus(text):
    return yaml.safe_load(text)["config"]["linux.kernel_modules"].split(",")


def read_script(text):
    """Return the modules of a script, which is run with other programs."""
    program = 'modprobe() { for name; do echo "$name"; done; }\n'
    done = subprocess.run(["sh"], input=program + text, capture_output=True, text=True, check=True)
    return [word for word in done.stdout.split() if not word.startswith("-")]


def read_lbu(text):
    """Return what the script writes into the boot file."""
    program = "lbu() { test $1 = commit; }\n" + text.replace(f"> {BOOT_FILE}", "")
    return subprocess.run(["sh", "-e"], input=program, capture_output=True, text=True, check=True).stdout.splitlines()


READERS = {
    "bottlerocket": read_bottlerocket,
    "butane": read_butane,
    "butane_flatcar": read_butane,
    "cloud_init": read_cloud_init,
    "host_file": read_lines,
    "ignition": lambda text: read_ignition(json.loads(text)),
    "incus": read_incus,
    "kubeadm_config": read_kubeadm_config,
    "lbu": read_lbu,
    "machine_config": read_machine_config,
    "modules_load": read_lines,
    "nixos": read_nixos,
    "startup_script": read_script,
    "talos": read_talos,
}


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("key", KEYS)
def test_a_text_has_the_syntax_of_its_format_and_lists_the_modules(key, exact):
    assert READERS[key](declare(key, exact=exact).text) == list(MODULES)


@pytest.mark.parametrize("key", [entry.key for entry in FORMATS if entry.comment])
def test_a_text_names_the_lines_in_its_way_before_anything_else(key):
    first_line = FORMATS_BY_KEY[key].first_line
    assert declare(key).text.removeprefix(first_line).startswith(f"# {CONFLICT}\n")


def test_json_has_no_comment():
    assert "#" not in declare("ignition", exact=False).text


@pytest.mark.parametrize("key", KEYS)
def test_a_text_says_if_it_was_made_of_the_selection_alone(key):
    assert ("selection alone" in declare(key, exact=False).text) is bool(FORMATS_BY_KEY[key].comment)
    assert "selection alone" not in declare(key).text


POD = "kubectl debug node/NODE --stdin --tty --profile=sysadmin --image=busybox -- chroot /host"
LOAD_COMMANDS = {
    "bottlerocket": f"{POD} apiclient set settings.kernel.modules.xt_owner.allowed=true ",
    "host_file": "modprobe -a -b xt_owner xt_REDIRECT nft-compat",
    "incus": "incus profile create istio-modules < istio-modules-incus.yaml && ",
    "lbu": "modprobe -a -b xt_owner xt_REDIRECT nft-compat",
    "machine_config": "oc debug node/NODE -- chroot /host modprobe -a -b xt_owner xt_REDIRECT",
    "modules_load": "modprobe -a -b xt_owner xt_REDIRECT nft-compat",
    "nixos": "nixos-rebuild switch",
    "startup_script": "modprobe -a -b xt_owner xt_REDIRECT nft-compat",
    "talos": "talosctl --nodes NODE patch machineconfig --patch @istio-modules-talos.yaml",
}


@pytest.mark.parametrize("key", KEYS)
def test_a_command_loads_the_modules_now_but_no_others_of_the_boot_file(key):
    command = declare(key, kept=("wireguard",)).load_now
    assert command.startswith(LOAD_COMMANDS.get(key, f"{POD} modprobe -a -b xt_owner xt_REDIRECT nft-compat"))
    assert "wireguard" not in command
    assert "{" not in command


def test_the_command_for_bottlerocket_makes_the_same_settings_as_the_text():
    arguments = declare("bottlerocket").load_now.split(" apiclient set ", 1)[1]
    tables = re.findall(r"^\[(.+)\]$", declare("bottlerocket").text, re.MULTILINE)
    expected = [f"{table}.{setting}=true" for table in tables for setting in ("allowed", "autoload")]
    assert len(tables) == len(MODULES)
    assert arguments.split() == expected


def test_the_command_for_incus_fills_the_profile_also_if_create_reads_no_file_and_restarts_nothing():
    commands = declare("incus").load_now.split(" && ")
    assert "incus profile edit istio-modules < istio-modules-incus.yaml" in commands
    assert commands[-1] == "incus profile add NODE istio-modules"


def test_no_command_in_a_pod_reads_a_file():
    commands = [declare(key).load_now for key in KEYS]
    assert not [command for command in commands if " -- chroot " in command and "<" in command]


def test_the_mode_in_a_machine_config_is_the_same_number_in_each_version_of_yaml():
    assert "mode: 420 " in declare("machine_config").text


def test_names_that_the_boot_file_lists_already_come_first_and_once():
    text = declare("modules_load", kept=("wireguard", "xt_owner")).text
    assert read_lines(text) == ["wireguard", "xt_owner", "xt_REDIRECT", "nft-compat"]


@pytest.mark.parametrize(
    "values, problem",
    [
        (("docker", ("xt_owner",)), "'format' is not a declaration format"),
        (("talos", ("xt_owner: x",)), "'modules' contains an invalid module name"),
        (("talos", (), ("a\nb",)), "'kept' contains an invalid module name"),
    ],
)
def test_what_is_not_a_declaration_is_rejected(values, problem):
    with pytest.raises(StructureError) as raised:
        Declaration(*values)
    assert str(raised.value) == problem


def test_a_declaration_as_data_has_everything_to_copy():
    data = declare("talos", kept=()).as_dict()
    assert json.loads(json.dumps(data)) == data
    assert (data["kind"], data["format"], data["modules"]) == ("Talos", "talos", list(MODULES))
    assert data["exact"] is True
    assert data["conflicts"] == [CONFLICT]
    assert data["text"] == declare("talos").text
    assert data["load_now"] == declare("talos").load_now


def test_keys_and_files_are_unique():
    assert len(FORMATS_BY_KEY) == len(FORMATS)
    assert len({entry.file for entry in FORMATS}) == len(FORMATS)
    assert READERS.keys() == FORMATS_BY_KEY.keys()


def test_the_lines_that_keep_a_required_module_from_loading_are_the_conflicts():
    facts = parse_facts(make_node(**FEDORA_COREOS, xt_owner=BLACKLISTED, conflicts=VENDOR_CONFLICT))
    declaration = make_declaration(facts, ["xt_mark"], ["xt_owner", "xt_mark"])
    assert declaration is not None
    (conflict,) = declaration.conflicts
    assert conflict.startswith(f"{VENDOR_FILE}:3 (blacklist xt_owner) keeps xt_owner from loading; remove the line")
    assert declaration.modules == ("xt_mark",)


def test_a_line_of_a_node_does_not_end_the_comment():
    path = "/etc/modprobe.d/a\nb.conf"
    blocked = {"autoload": "denied", "reasons": [make_reason("autoload", "blacklist", f"{path}:1")]}
    conflicts = {path: make_conflict_file({"1": "blacklist xt_owner\nevil: true"})}
    facts = parse_facts(make_node(**FEDORA_COREOS, xt_owner=blocked, conflicts=conflicts))
    declaration = make_declaration(facts, ["xt_mark"], ["xt_owner"])
    assert declaration is not None
    assert "evil" in declaration.text
    assert "evil" not in yaml.safe_load(declaration.text)
