# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that lists the modules that a selection requires."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.required_modules import required_modules


def test_the_backend_is_the_input():
    assert "nft_redir" in required_modules("nftables")


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"backend": "nftables"}, "nft_redir"),
        ({"backend": "nftables", "mode": ["ambient"], "reconcile": None, "extra_checks": []}, "nft_nat"),
    ],
)
def test_a_selection_that_was_assessed_can_be_the_options(options, expected):
    assert expected in required_modules("nftables", **options)


@pytest.mark.parametrize(
    "backend, options, message",
    [
        ("ebpf", {}, "required_modules: backend: unknown value 'ebpf'; valid values: iptables, nftables"),
        (
            "iptables",
            {"backend": "nftables"},
            "required_modules: backend: the input is 'iptables', but the option is 'nftables'; leave the option out",
        ),
    ],
)
def test_a_wrong_input_is_an_error(backend, options, message):
    with pytest.raises(AnsibleFilterError, match=message):
        required_modules(backend, **options)
