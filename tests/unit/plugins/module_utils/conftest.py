# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests for code that runs on nodes."""

import builtins

import pytest
from ansible_collections.nodeprep.istio.plugins.module_utils import _files
from ansible_collections.nodeprep.istio.tests.unit.support.recorded_node import RecordedNode


@pytest.fixture
def node(tmp_path):
    """An empty recorded node."""
    return RecordedNode(tmp_path)


@pytest.fixture
def forbid(monkeypatch):
    """Deny the permission to open a path, even for tests that run as root."""

    def forbid(path):
        def refuse(opened, *arguments, **options):
            if str(opened).endswith(path):
                raise PermissionError(13, "Permission denied")
            return builtins.open(opened, *arguments, **options)

        monkeypatch.setattr(_files, "open", refuse, raising=False)

    return forbid
