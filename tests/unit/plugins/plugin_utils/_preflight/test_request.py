# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a run: each mistake is reported once, with its hosts."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.request import (
    NotTemplatableYetError,
    Request,
    describe_ambiguous_hosts,
    describe_missing_hosts,
)


def build_template(variables):
    """Return a function that returns a variable, unless it is a template."""

    def template(name):
        if "{{" in str(variables[name]):
            raise NotTemplatableYetError(name)
        return variables[name]

    return template


def errors(**by_host):
    """Return the errors for hosts with these variables."""
    hosts = ((host, variables, build_template(variables)) for host, variables in by_host.items())
    return list(Request(hosts).find_errors())


def test_absent_and_valid_variables_have_no_errors(tmp_path):
    assert errors(a={}, b={}) == []
    node = {
        "istio_node_backend": "nftables",
        "istio_node_mode": ["sidecar", "ambient"],
        "istio_node_istio_version": "1.30",
        "istio_node_dns_capture": None,
        "istio_node_serial": [1, "5", "100%"],
        "istio_node_max_fail_percentage": "12.5",
    }
    report = {
        "istio_report_dir": str(tmp_path / "new"),
        "istio_report_formats": "html,csv",
        "istio_report_fail_on": ["probe_failed"],
        "istio_report_previous": "",
    }
    assert errors(a={**node, **report}) == []


def test_the_files_of_recordings_are_checked(tmp_path):
    assert errors(a={"istio_recordings": str(tmp_path), "istio_recordings_dir": str(tmp_path)}) == []
    first, second = errors(a={"istio_recordings": "/nowhere", "istio_recordings_dir": "/dev/null/x"})
    assert first.startswith("istio_recordings: /nowhere: no such file or directory; ")
    assert second == "istio_recordings_dir: /dev/null is not a directory; choose another path"


@pytest.mark.parametrize(
    "target, message",
    [
        ({"mdoe": "ambient"}, "istio_node_target: unknown option 'mdoe'; valid options: "),
        ({"mode": "ambent"}, "istio_node_target: mode: unknown value 'ambent'; valid values: sidecar, ambient"),
        ("ambient", "istio_node_target: 'ambient' is not a mapping; give the options that change, "),
        ({"backend": "nftables"}, "istio_node_target: backend: Istio 1.26 has no nftables rules for sidecar mode; "),
    ],
)
def test_a_mistake_in_the_target_is_one_error(target, message):
    variables = {"istio_node_target": target, "istio_node_istio_version": "1.26"}
    (error,) = errors(a=variables, b=variables)
    assert error.startswith(message)


def test_a_valid_or_empty_target_has_no_error():
    assert errors(a={"istio_node_target": {}}, b={"istio_node_target": {"istio_version": "1.30"}}) == []


def test_a_target_is_checked_only_if_the_selection_is_valid():
    (error,) = errors(a={"istio_node_target": {"backend": "nftables"}, "istio_node_mode": "mesh"})
    assert error.startswith("istio_node_mode: ")


def test_a_variable_that_only_the_node_can_template_is_not_checked():
    later = {"istio_node_mode": "{{ later }}", "istio_node_serial": "{{ later }}", "istio_report_dir": "{{ later }}"}
    assert errors(a={**later, "istio_report_time": "yesterday"}) == []
    (error,) = errors(a={**later, "istio_node_profile": "best"})
    assert error.startswith("istio_node_profile: ")


@pytest.mark.parametrize(
    "variables, message",
    [
        ({"istio_node_bakend": "nftables"}, "unknown variable 'istio_node_bakend'; rename it to 'istio_node_backend'"),
        ({"istio_node_mode": "sidecars"}, "istio_node_mode: unknown value 'sidecars'; valid values: sidecar, ambient"),
        (
            {"istio_node_interception": "redirect,tproxy"},
            "istio_node_interception: 'redirect,tproxy' is not a list; give one value, or a list, "
            """on the command line -e '{"istio_node_interception": ["redirect", "tproxy"]}'""",
        ),
        (
            {"istio_node_selinux_domains": "container_t,spc_t"},
            "istio_node_selinux_domains: 'container_t,spc_t' is not a list of SELinux types; give one such as "
            """[container_t], on the command line -e '{"istio_node_selinux_domains": ["container_t"]}'""",
        ),
        ({"istio_node_istio_version": 1.3}, "istio_node_istio_version: 1.3 is not a string; quote the version"),
        (
            {"istio_node_backend": "nftables", "istio_node_istio_version": "1.25"},
            "istio_node_backend: Istio 1.25 has no nftables rules",
        ),
        ({"istio_node_selinux": "policies"}, "istio_node_selinux: "),
        ({"istio_node_cni_plugin": "maybe"}, "istio_node_cni_plugin: unknown value 'maybe'; valid values: true, false"),
        ({"istio_node_serial": "ten"}, "istio_node_serial: invalid value 'ten'; give a number from 1, "),
        (
            {"istio_node_max_fail_percentage": "lots"},
            "istio_node_max_fail_percentage: invalid value 'lots'; give a number from 0 to 100",
        ),
        ({"istio_report_time": "yesterday"}, "istio_report_time: invalid time 'yesterday'; "),
        ({"istio_report_formats": ["pdf"]}, "istio_report_formats: invalid value \"['pdf']\"; give a list of html, "),
        ({"istio_report_dir": "/dev/null/report"}, "istio_report_dir: /dev/null is not a directory"),
    ],
)
def test_a_mistake_is_reported_once_regardless_of_the_number_of_hosts(variables, message):
    (error,) = errors(a=variables, b=dict(variables))
    assert error.startswith(message)
    assert " (for " not in error


@pytest.mark.parametrize(
    "option", ["hosts", "become", "serial", "max_fail_percentage", "reboot_timeout", "state", "load"]
)
def test_null_is_a_mistake_in_a_variable_that_has_no_such_value(option):
    (error,) = errors(a={f"istio_node_{option}": None}, b={f"istio_node_{option}": None})
    assert error.startswith(f"istio_node_{option}: ")
    assert " None; " in error


def test_words_of_the_command_line_are_booleans_and_numbers():
    words = {
        "istio_node_install_packages": "true",
        "istio_node_load": "no",
        "istio_node_cni_plugin": "on",
        "istio_node_dns_capture": "",
        "istio_node_probe_selinux_domain": "",
        "istio_node_selinux_priority": "400",
    }
    assert errors(a=words) == []
    (error,) = errors(a={"istio_node_load": ""})
    assert error.startswith("istio_node_load: ")


def test_the_value_of_a_template_is_checked():
    written = {"istio_node_cni_plugin": "{{ x }}", "istio_node_istio_version": "{{ y }}"}
    # Native Jinja returns a version as a number.
    values = {"istio_node_cni_plugin": True, "istio_node_istio_version": 1.31}
    assert list(Request([("a", written, values.get)]).find_errors()) == []
    values = {"istio_node_cni_plugin": 5, "istio_node_istio_version": 1.31}
    (error,) = Request([("a", written, values.get)]).find_errors()
    assert error == "istio_node_cni_plugin: unknown value 5; valid values: true, false"


def test_a_play_variable_in_the_inventory_is_reported():
    variables = {"istio_node_serial": 1, "istio_node_hosts": "a", "istio_node_max_fail_percentage": 5}
    hosts = [("a", variables, variables.get)]
    (error,) = Request(hosts, frozenset(["istio_node_hosts"])).find_errors()
    assert error == (
        "istio_node_serial: Ansible does not read this variable from the inventory; "
        "move it to -e, or to the vars of import_playbook"
    )
    assert list(Request(hosts, frozenset(["istio_node_hosts", "istio_node_serial"])).find_errors()) == []


def test_all_mistakes_are_reported():
    mistakes = {"istio_node_mode": "x", "istio_node_profile": "y", "istio_node_state": "z", "istio_node_reboot": "?"}
    assert len(errors(a=mistakes)) == len(mistakes)


def test_a_mistake_of_some_hosts_names_them():
    wrong = {"istio_node_profile": "best"}
    other = {**wrong, "istio_node_mode": "ambient"}
    (error,) = errors(a={}, b=wrong, c=dict(wrong), d=other, e=dict(other))
    assert error.startswith("istio_node_profile: unknown value 'best'; valid values: ")
    assert error.endswith(" (for b, c, d and 1 more host)")


def test_the_report_of_the_first_host_that_has_one_is_checked(tmp_path):
    (tmp_path / "waivers.yml").write_text("- {requirement: xt_owner}\n")
    report = {"istio_report_dir": str(tmp_path), "istio_report_waivers": str(tmp_path / "waivers.yml")}
    (error,) = errors(a={}, b=report)
    assert error.startswith(f"istio_report_waivers: {tmp_path}/waivers.yml:1: ")


def test_an_unknown_variable_that_resembles_no_option_is_a_warning():
    request = Request([("a", {"istio_node_pool": "x"}, lambda name: name)])
    assert list(request.find_errors()) == []
    assert request.list_warnings() == ["unknown variable 'istio_node_pool': nodeprep.istio ignores it"]


def test_a_run_without_hosts_names_the_cause():
    assert describe_missing_hosts("typo", in_inventory=False) == (
        "no host in the inventory matches 'typo'; check istio_node_hosts and the inventory (-i)"
    )
    assert describe_missing_hosts("bad", in_inventory=True) == (
        "no host of 'bad' is in this run; --limit excludes all of them"
    )


def test_hosts_with_ambiguous_names_are_named():
    assert describe_ambiguous_hosts(["a b", "c,d"]) == (
        "a play cannot address these hosts: a b, c,d; rename them in the inventory, without spaces, commas or colons"
    )


def test_a_task_file_that_cannot_be_run_is_one_error_for_the_hosts_that_name_it():
    def check_tasks(path):
        return "" if path == "drain.yml" else f"{path}: no such file"

    by_host = {
        "a": {"istio_node_before_disruption_tasks": "drain.yml", "istio_node_after_disruption_tasks": None},
        "b": {"istio_node_before_disruption_tasks": "absent.yml"},
        "c": {"istio_node_before_disruption_tasks": ["drain.yml"]},
        "d": {"istio_node_after_disruption_tasks": ""},
    }
    hosts = ((host, variables, build_template(variables)) for host, variables in by_host.items())
    assert list(Request(hosts, check_tasks=check_tasks).find_errors()) == [
        "istio_node_before_disruption_tasks: absent.yml: no such file (for b)",
        "istio_node_before_disruption_tasks: ['drain.yml'] is not a path; give the path of a file with tasks (for c)",
    ]
