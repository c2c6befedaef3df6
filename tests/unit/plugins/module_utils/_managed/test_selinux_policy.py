# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the SELinux policy module."""

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils._managed.selinux_policy import (
    abbreviate_policy,
    render_policy,
)


def test_the_policy_has_one_rule_for_each_domain():
    assert render_policy(["container_t", "spc_t"]) == (
        "(allow container_t kernel_t (system (module_request)))\n(allow spc_t kernel_t (system (module_request)))\n"
    )


def test_a_policy_of_this_collection_is_reported_as_it_is():
    text = render_policy(["container_t"])
    assert abbreviate_policy(text) == text


@pytest.mark.parametrize(
    "text", [render_policy(["container_t"]) * 100, "(caf\u00e9)", "\x1b[31m"], ids=["long", "not ASCII", "control"]
)
def test_another_policy_is_reported_by_its_digest(text):
    abbreviated = abbreviate_policy(text)
    assert abbreviated.startswith("SHA-256 ")
    assert len(abbreviated) == len("SHA-256 ") + 64
    assert abbreviate_policy(text + " ") != abbreviated
