# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each filter has the name of its file and documents its options."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

FILTERS = sorted(path.stem for path in (Path(__file__).parents[4] / "plugins" / "filter").glob("*.py"))


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_the_name_of_its_file(name):
    module = importlib.import_module(f"ansible_collections.nodeprep.istio.plugins.filter.{name}")
    assert list(module.FilterModule().filters()) == [name]
    assert yaml.safe_load(module.DOCUMENTATION)["name"] == name
