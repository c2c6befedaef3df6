# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for is looked at before any node is: each mistake once, with the file and line or the hosts that it is in."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._preflight.request import NotNow, Request


def errors(**by_host):
    """Return the errors on hosts with these variables."""

    def templated(variables):
        def one(name):
            if "{{" in str(variables[name]):
                raise NotNow(name)
            return variables[name]

        return one

    return list(Request((host, variables, templated(variables)) for host, variables in by_host.items()).errors())


def test_nothing_is_wrong_with_nothing_and_with_what_is_right(tmp_path):
    assert errors(a={}, b={}) == []
    right = {
        "istio_node_backend": "nftables",
        "istio_node_mode": ["sidecar", "ambient"],
        "istio_node_istio_version": "1.30",
        "istio_node_dns_capture": None,
    }
    report = {
        "istio_report_dir": str(tmp_path / "to" / "make"),
        "istio_report_formats": "html,csv",
        "istio_report_fail_on": ["probe_failed"],
        "istio_report_previous": "",
    }
    assert errors(a={**right, **report}) == []
    for serial in (1, "2", "20%", [1, "5", "100%"]):
        assert errors(a={"istio_node_serial": serial, "istio_node_max_fail_percentage": "12.5"}) == []
    # The command line has words for truth values, and templates may want what only the node can tell.
    assert (
        errors(
            a={
                "istio_node_cni_plugin": "true",
                "istio_node_load": "no",
                "istio_node_probe_selinux_domain": "",
                "istio_node_mode": "{{ later }}",
            }
        )
        == []
    )


@pytest.mark.parametrize(
    "variables, message",
    [
        ({"istio_node_bakend": "nftables"}, "there is no variable 'istio_node_bakend'; 'istio_node_backend' is meant"),
        ({"istio_node_mode": "sidecars"}, "istio_node_mode: 'sidecars' is not one of sidecar, ambient"),
        ({"istio_node_istio_version": 1.3}, "istio_node_istio_version: 1.3 is no text; quote the version"),
        (
            {"istio_node_backend": "nftables", "istio_node_istio_version": "1.25"},
            "istio_node_backend: Istio 1.25 has no nftables rules",
        ),
        ({"istio_node_selinux": "policies"}, "istio_node_selinux: 'policies' is not one of preload, policy, none"),
        ({"istio_node_cni_plugin": "maybe"}, "istio_node_cni_plugin: 'maybe' is not true or false"),
        (
            {"istio_report_formats": ["pdf"]},
            "istio_report_formats: \"['pdf']\" is no list of html, json, junit, csv, markdown, prometheus",
        ),
        ({"istio_report_fail_on": ""}, "istio_report_fail_on: '' is no list of ready, "),
        ({"istio_report_max_age_hours": "old"}, "istio_report_max_age_hours: 'old' is no number"),
        (
            {"istio_node_serial": "ten"},
            "istio_node_serial: 'ten' is no number from 1 on, percentage such as 20%, or list of them",
        ),
        ({"istio_node_serial": 0}, "istio_node_serial: 0 is no number from 1 on"),
        ({"istio_node_serial": [1, "0%"]}, "istio_node_serial: [1, '0%'] is no number from 1 on"),
        ({"istio_node_serial": [1, -5]}, "istio_node_serial: [1, -5] is no number from 1 on, percentage"),
        (
            {"istio_node_max_fail_percentage": "lots"},
            "istio_node_max_fail_percentage: 'lots' is no number from 0 to 100",
        ),
        ({"istio_report_time": "yesterday"}, "istio_report_time: 'yesterday' is no time in UTC"),
        (
            {"istio_report_previous": "/nowhere/report.json"},
            "istio_report_previous: /nowhere/report.json: cannot be read",
        ),
        ({"istio_report_dir": "/dev/null/report"}, "istio_report_dir: /dev/null is no directory"),
        (
            {"istio_report_dir": "/proc/report"},
            "istio_report_dir: /proc cannot be written to by the user who runs this (",
        ),
        ({"istio_report_templates": "/nowhere"}, "istio_report_templates: /nowhere/report.html.j2: cannot be read"),
        (
            {"istio_report_waivers": "/nowhere/waivers.yml"},
            "istio_report_waivers: /nowhere/waivers.yml: cannot be read",
        ),
    ],
)
def test_a_mistake_is_told_once_whatever_the_number_of_hosts(variables, message):
    (error,) = errors(a=variables, b=dict(variables))
    assert message in error and " (for " not in error


def test_words_of_the_command_line_are_right_where_a_truth_value_or_a_number_is_meant():
    given = {
        "istio_node_install_packages": "true",
        "istio_node_load": "no",
        "istio_node_cni_plugin": "on",
        "istio_node_dns_capture": "",
        "istio_node_selinux_priority": "400",
    }
    assert errors(a=given) == []
    assert errors(a={"istio_node_load": ""}) == ["istio_node_load: '' is not one of true, false"]


def test_what_a_template_gives_is_looked_at():
    kinds = [
        (
            "a",
            {"istio_node_cni_plugin": "{{ x }}", "istio_node_istio_version": "{{ y }}"},
            {"istio_node_cni_plugin": True, "istio_node_istio_version": 1.31}.get,
        )
    ]
    assert list(Request(kinds).errors()) == []
    assert list(Request([("a", {"istio_node_cni_plugin": "{{ x }}"}, {"istio_node_cni_plugin": 5}.get)]).errors()) == [
        "istio_node_cni_plugin: 5 is not true or false"
    ]


def test_what_ansible_does_not_read_from_the_inventory_is_told():
    kinds = [
        (
            "a",
            {"istio_node_serial": 1, "istio_node_hosts": "a", "istio_node_max_fail_percentage": 5},
            {"istio_node_serial": 1}.get,
        )
    ]
    (error,) = Request(kinds, frozenset(["istio_node_hosts"])).errors()
    assert (
        error == "istio_node_serial: Ansible does not read it from the inventory; give it with -e, or take it out there"
    )
    assert list(Request(kinds, frozenset(["istio_node_hosts", "istio_node_serial"])).errors()) == []


def test_all_mistakes_are_told():
    assert (
        len(
            errors(
                a={"istio_node_mode": "x", "istio_node_profile": "y", "istio_node_state": "z", "istio_node_reboot": "?"}
            )
        )
        == 4
    )


def test_a_mistake_of_some_hosts_names_them():
    bad = {"istio_node_profile": "best"}
    (error,) = errors(
        a={}, b=bad, c=dict(bad), d={**bad, "istio_node_mode": "ambient"}, e={**bad, "istio_node_mode": "ambient"}
    )
    assert error.startswith("istio_node_profile: 'best' is not one of ") and error.endswith(
        "(for b, c, d and 1 more host)"
    )


def test_a_bad_waiver_is_named_by_file_and_line(tmp_path):
    (tmp_path / "waivers.yml").write_text(
        "- {requirement: xt_owner, reason: x, until: 2999-12-31}\n- {requirement: xt_owner}\n"
    )
    (error,) = errors(
        a={}, b={"istio_report_dir": str(tmp_path), "istio_report_waivers": str(tmp_path / "waivers.yml")}
    )
    assert error.startswith(f"istio_report_waivers: {tmp_path}/waivers.yml:2: reason is missing, until is missing; ")


def test_a_name_that_is_like_none_is_a_warning():
    request = Request([("a", {"istio_node_pool": "x"}, lambda name: "x")])
    assert list(request.errors()) == [] and request.warnings() == ["nodeprep.istio reads no variable 'istio_node_pool'"]
