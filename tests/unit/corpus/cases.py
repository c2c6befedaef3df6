# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All situations of the corpus, as data, by the axis that they are about: now, autoload, boot."""

from ansible_collections.nodeprep.istio.tests.unit.corpus import autoload, boot, now

CASES = now.NOW + autoload.AUTOLOAD + boot.BOOT
