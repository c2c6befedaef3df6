# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of the pure code."""

from __future__ import annotations


class InvalidInput(ValueError):
    """An option value or a set of facts that cannot be used; the message names it and the remedy."""
