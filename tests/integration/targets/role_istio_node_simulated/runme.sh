#!/usr/bin/env bash
# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The shipped playbook on simulated nodes: its output and its exit code.
set -eu
export ANSIBLE_CONNECTION_PLUGINS=$PWD/connection_plugins
OUTPUT_DIR=${OUTPUT_DIR:-$(mktemp -d)}
output=$OUTPUT_DIR/output

# play KIND EXIT_CODE TEXT [OPTION...]
play() {
  local kind=$1 code=$2 text=$3 found=0
  shift 3
  rm -f "$OUTPUT_DIR/prepared"
  ansible-playbook -i node-1, -c simulated -e "simulated_kind=$kind" -e "simulated_state=$OUTPUT_DIR/prepared" \
    -e istio_node_become=false -e ansible_python_interpreter=/usr/bin/python3 nodeprep.istio.prepare_istio_nodes "$@" >"$output" 2>&1 || found=$?
  if [ "$found" != "$code" ] || ! grep -qE "$text" "$output"; then
    cat "$output"
    echo "FAILED: kind $kind, $*: exit code $found instead of $code, or this is missing: $text" >&2
    exit 1
  fi
}

play good 0 'node-1 .* ready ' -e istio_node_istio_version=1.30
# ansible-core 2.19 and newer have only native types, and warn about the variable.
if ansible --version | grep -q 'core 2\.1[678]\.'; then export ANSIBLE_JINJA2_NATIVE=true; fi
play good 0 'Istio 1\.30' -e istio_node_istio_version=1.30
play good 0 'node-1 .* ready ' -e '{"istio_node_istio_version": "1.30", "istio_node_mode": ["sidecar", "ambient"]}'
unset ANSIBLE_JINJA2_NATIVE
play good 0 'After the change to iptables, ambient, .* of 1 node ' -e '{"istio_node_target": {"mode": "ambient"}}'
play good 2 "istio_node_target: unknown option 'mdoe'; valid options: " -e '{"istio_node_target": {"mdoe": "ambient"}}'
play good 0 'node-1 ' --check
[ ! -e "$OUTPUT_DIR/prepared" ] || { echo "FAILED: check mode prepared the node" >&2; exit 1; }
play lost 2 'unreachable: .*the cable was pulled'
play not_ready 2 'not_ready .*xt_owner' --check
play not_ready 2 'not_ready .*xt_owner'
play not_ready 0 'not_ready .*xt_owner' -e istio_node_load=false -e istio_node_persist=no -e istio_node_probe=off
play no_sudo 2 'did not finish on the node: sudo: a password is required'
