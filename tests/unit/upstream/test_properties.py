# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of releases, compared with the files of Istio."""

from __future__ import annotations

import pytest
from ansible_collections.nodeprep.istio.plugins.plugin_utils._selection.releases import Release
from ansible_collections.nodeprep.istio.tests.unit.support.istio_checkout import RELEASE, add_release
from ansible_collections.nodeprep.istio.tests.upstream.checkout import Checkout
from ansible_collections.nodeprep.istio.tests.upstream.differences import Differences
from ansible_collections.nodeprep.istio.tests.upstream.properties import PROPERTIES, compare_properties

VALUES = "manifests/charts/istio-cni/values.yaml"
DETECTION = "tools/istio-iptables/pkg/dependencies/implementation_linux.go"


@pytest.fixture
def contradicted(tmp_path):
    """Return the function that compares one release: the names of the properties that its files contradict."""

    def compare(release, changes):
        add_release(tmp_path, release, changes)
        checkout, differences = Checkout(tmp_path), Differences()
        compare_properties(checkout, checkout.list_tags()[0], differences)
        assert all(text.startswith("releases.py contradicts ") for text in differences.places)
        return {text.rsplit(": ", 1)[1] for text in differences.places}

    return compare


def test_files_that_show_each_property_contradict_nothing(contradicted):
    assert contradicted(RELEASE, {}) == set()


@pytest.mark.parametrize(
    "path, text, names",
    [
        (VALUES, "ambient:\n  dnsCapture: false\n  ipv6: true\n", {"captures_ambient_dns"}),
        (VALUES, None, {"captures_ambient_dns", "has_ambient_ipv6"}),
        (
            VALUES,
            "ambient:\n  dnsCapture: true\n  ipv6: true\n  reconcileIptablesOnStartup: true\n",
            {"reconciles"},
        ),
        ("cni/pkg/cmd/root.go", "func main() {}\n", {"reads_forced_binary"}),
        (
            DETECTION,
            'var testRuleAdd = []string{"-t", "filter", "-m", "comment"}\n',
            {"probe_has_comment", "probe_table 'filter'", "probe_table 'nat'"},
        ),
        (
            DETECTION,
            'var testRuleAdd = []string{"-t", "nat"}\nstrings.HasPrefix(line, "-A ")\nexec.LookPath("nsenter")\n',
            {"rules_decide", "enters_user_namespaces"},
        ),
        ("cni/pkg/nodeagent/detect_artifacts_linux.go", None, {"detects_old_ipsets"}),
        ("docker/Dockerfile.base", "FROM ubuntu:jammy\n", {"has_old_iptables"}),
        ("docker/iptables.yaml", "packages:\n  - nftables-slim\n", {"image_has_new_nft"}),
        (
            "manifests/helm-profiles/platform-openshift.yaml",
            "global:\n  nativeNftables: true\n",
            {"openshift_uses_nftables"},
        ),
        (
            "cni/pkg/nftables/kubeletuid_linux.go",
            'names := []string{"kubelet", "kubelite", "k3s"}\n',
            {"kubelet_names 'kubelite'", "kubelet_names 'k3s'"},
        ),
    ],
)
def test_a_file_that_changes_contradicts_what_it_shows(contradicted, path, text, names):
    assert contradicted(RELEASE, {path: text}) == names


def test_each_property_differs_between_releases():
    releases = [Release.from_version(version) for version in ("1.22", "1.26.6", "1.28", "1.32")]
    for known in PROPERTIES:
        assert {known.holds(release) for release in releases} == {True, False}
