# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of a node, as data, by the axis that they are about: corpus_now, corpus_autoload, corpus_boot."""

from ansible_collections.nodeprep.istio.tests.unit.plugins.module_utils import corpus_autoload, corpus_boot, corpus_now

CASES = corpus_now.NOW + corpus_autoload.AUTOLOAD + corpus_boot.BOOT
