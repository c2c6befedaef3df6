# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Run one part of the lab: bash tests/lab/lab.sh PART. docs/lab.md describes the parts, and `make` runs this through nox.
# NODEPREP_LAB_MACHINES selects machines. If a part fails, its machines stay up.
set -eu
cd "$(dirname "$0")/../.."
part=${1:-}
machines=${NODEPREP_LAB_MACHINES:-}
all=${machines:-lab}
two=${machines:-bullseye:bookworm}
one=${machines:-bookworm}
collections=$PWD/.cache

play() { # play MACHINES ARGUMENT...: run ansible-playbook on machines of the lab
  local limit=$1
  shift
  ANSIBLE_PIPELINING=true ANSIBLE_COLLECTIONS_PATH=$collections ansible-playbook -i tests/lab/machines.yml --limit "$limit" "$@"
}

up() { # up MACHINES: build missing images, start machines, wait for ssh
  play "$1" tests/lab/up.yml
}

down() { # down MACHINES: stop machines and delete their disks
  play "$1" tests/lab/down.yml
}

play_once() { # play_once MACHINES ARGUMENT...: start machines, run ansible-playbook on them, stop them
  up "$1"
  play "$@"
  down "$1"
}

run_scenario() { # run_scenario NAME: run a Molecule scenario. Molecule remembers what it has prepared, but these machines are new.
  molecule reset --scenario-name "$1"
  molecule test --scenario-name "$1"
}

# run_cycle MODE BACKEND: audit, prepare, reboot, verify and undo. Molecule starts the machines that are down, and stops all at the end.
run_cycle() (
  export NODEPREP_MODE=$1 NODEPREP_BACKEND=$2 NODEPREP_LAB_MACHINES=$all
  # With iptables the role refuses the machines that are too old for nftables; with nftables they do not take part.
  [ "$2" = iptables ] || NODEPREP_LAB_MACHINES+=':!nftables_refused'
  run_scenario prepare
)

case $part in
  up | down)
    "$part" "$all"
    ;;
  test)
    up "$all"
    run_cycle ambient iptables
    run_cycle ambient nftables
    down "$all"
    ;;
  full)
    up "$all"
    for mode in sidecar ambient; do
      for backend in iptables nftables; do
        run_cycle "$mode" "$backend"
      done
    done
    down "$all"
    ;;
  truth)
    play_once "$all" tests/lab/truth.yml
    ;;
  truth-fast)
    play_once "$two" tests/lab/truth.yml -e lab_truth_fast=true
    ;;
  truth-auto)
    play_once "$all" tests/lab/truth_auto.yml
    ;;
  probe)
    play_once "$all" tests/lab/probe.yml
    ;;
  probe-fast)
    export NODEPREP_PROBE_WITHOUT='xt_CT nft_redir'
    play_once "$two" tests/lab/probe.yml
    ;;
  modules)
    # The machine is unusable afterwards, so this part starts and ends with none.
    down "$one"
    play "$one" -e @tests/lab/modules/boot.yml tests/lab/up.yml
    play "$one" tests/lab/modules/play.yml
    down "$one"
    ;;
  remedies)
    up forky:trixie
    play forky tests/lab/remedies.yml
    play trixie -e '{"lab_parts": ["dnf"]}' tests/lab/remedies.yml
    down forky:trixie
    ;;
  rollout)
    up "$all"
    play "$all" tests/lab/rollout/play.yml
    down "$all"
    ;;
  report)
    up 'lab:!trixie'
    play "$all" tests/lab/report.yml
    rm -rf build/report/lab
    status=0
    play "$all" -e istio_node_hosts=lab -e "istio_report_dir=$PWD/build/report/lab" \
      -e '{"istio_report_formats": ["html", "junit", "csv", "markdown", "prometheus"]}' playbooks/audit_istio_nodes.yml || status=$?
    # The gate fails the play: one node is not ready, and one does not answer.
    if [ "$status" -ne 2 ]; then
      echo "playbooks/audit_istio_nodes.yml: exit status $status instead of 2; the output above says why" >&2
      exit 1
    fi
    PYTHONPATH=$collections pytest -q tests/report/lab_report.py
    down lab
    ;;
  selinux)
    up selinux_lab
    run_scenario selinux
    down selinux_lab
    ;;
  inits)
    play_once "${machines:-inits_lab}" tests/lab/inits/play.yml
    ;;
  places)
    play_once "${machines:-places_lab}" tests/lab/places/play.yml
    ;;
  declarations)
    # Only the first boot of an image counts, so this part starts with no machine.
    down "${machines:-declarations_lab}"
    play_once "${machines:-declarations_lab}" tests/lab/declarations.yml
    ;;
  recordings)
    command -v kubectl >/dev/null || { echo "kubectl: not found; install kubernetes-client" >&2; exit 1; }
    # More machines at a time only slow each other down.
    for pair in ${machines:-recorded-trixie:recorded-forky recorded-bullseye:recorded-bookworm recorded-selinux}; do
      play_once "$pair" tests/lab/recordings/play.yml
    done
    ;;
  arm64)
    up "${machines:-arm64_lab}"
    play "${machines:-arm64_lab}" tests/lab/cycle.yml
    NODEPREP_PROBE_WITHOUT='xt_CT nft_redir' play "${machines:-arm64_lab}" tests/lab/probe.yml
    down "${machines:-arm64_lab}"
    ;;
  controller)
    # NODEPREP_LAB_CONTROLLER is a directory with another ansible-playbook. It drives the machine after its start.
    up "$one"
    PATH=${NODEPREP_LAB_CONTROLLER:?not set; run make lab-controller}:$PATH play "$one" tests/lab/cycle.yml
    down "$one"
    ;;
  kernels)
    up "${machines:-kernels_lab}"
    play "${machines:-kernels_lab}" tests/lab/truth.yml
    play "${machines:-kernels_lab}" tests/lab/kernels.yml
    down "${machines:-kernels_lab}"
    ;;
  *)
    echo "lab.sh: unknown part '$part'; valid parts: up, down, test, full, truth, truth-fast, truth-auto, probe, probe-fast, modules, remedies, rollout, report, selinux, inits, places, declarations, recordings, arm64, controller, kernels" >&2
    exit 1
    ;;
esac
