# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that finds the errors of apt-get."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nodeprep.istio.plugins.filter.apt_errors import apt_errors


def test_errors_are_returned_without_their_prefix():
    assert apt_errors(["E: Unable to locate package nft", "N: See apt-secure(8)"]) == ["Unable to locate package nft"]


def test_a_wrong_input_is_an_error():
    with pytest.raises(AnsibleFilterError, match="apt_errors: the input is not a list; give the lines of stderr"):
        apt_errors("E: Unable to locate package nft")
