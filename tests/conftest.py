# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings are errors. This is not in pyproject.toml, because ansible-test does not read that file."""


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")
