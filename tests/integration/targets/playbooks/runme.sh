#!/usr/bin/env bash
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Each shipped playbook on this machine, which none of them changes. What the kernel of the machine lacks decides the verdict.
set -eu
OUTPUT_DIR=${OUTPUT_DIR:-$(mktemp -d)}
output=$OUTPUT_DIR/output

# play EXIT_CODES TEXT PLAYBOOK [OPTION...]: run a playbook, and compare its exit code and output with patterns
play() {
  local codes=$1 text=$2 found=0
  shift 2
  ansible-playbook -i node-1, -c local -e istio_node_become=false -e 'ansible_python_interpreter={{ ansible_playbook_python }}' \
    "$@" >"$output" 2>&1 || found=$?
  if ! [[ $found =~ ^[$codes]$ ]] || ! grep -qE "$text" "$output"; then
    cat "$output"
    echo "FAILED: $*: exit code $found instead of one of $codes, or this is missing: $text" >&2
    exit 1
  fi
}

summary='^node-1 .* (ready|on_demand|at_risk|not_ready|unknown) '
play 0 "$summary" nodeprep.istio.audit_istio_nodes
play 02 "$summary" nodeprep.istio.prepare_istio_nodes --check
play 02 'predicted: .*, probe: |the probe needs root|no namespace can be created' nodeprep.istio.probe_istio_nodes
play 0 '^Declarations: ' nodeprep.istio.declare_istio_nodes -e '{"istio_declaration_formats": ["talos"]}'
play 0 '1 of 1 nodes recorded' nodeprep.istio.record_istio_nodes -e "istio_recordings_dir=$OUTPUT_DIR/recordings"
play 0 "$summary" nodeprep.istio.audit_recordings -e "istio_recordings=$OUTPUT_DIR/recordings"
play 0 "^Report: $OUTPUT_DIR/report/" nodeprep.istio.report_from_facts \
  -e "{\"istio_report_sources\": [\"$OUTPUT_DIR/recordings\"], \"istio_report_dir\": \"$OUTPUT_DIR/report\", \"istio_report_fail_on\": []}"
