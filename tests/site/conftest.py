# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser of the tests of the report."""

from ansible_collections.nodeprep.istio.tests.report.conftest import browser

__all__ = ["browser"]
