#!/usr/bin/env bash
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# node_facts as a facts module of a play, and defaults for the action groups of the collection.
set -eux
ANSIBLE_INJECT_FACT_VARS=false ansible-playbook -i localhost, -c local -e 'ansible_python_interpreter={{ ansible_playbook_python }}' \
  gather_facts.yml "$@"
