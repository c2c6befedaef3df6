# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare versions of kernels and tools."""

from __future__ import annotations


def at_least(found: str, minimum: str) -> bool | None:
    """Tell whether I(found) is I(minimum) or newer; None where I(found) is no version."""
    # Imported here, since ansible-test imports every plugin without ansible-core's own requirements, of which this is one.
    from packaging.version import InvalidVersion, Version

    try:
        return Version(found) >= Version(minimum)
    except InvalidVersion:
        return None
