# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Short names for the commands of this project. nox runs the tests and checks (noxfile.py); tests/lab/lab.sh runs the parts of the lab.
# The versions of all tools are in requirements/.
SHELL := /bin/bash
PYTHON ?= python3
NOX := .venv/nox/bin/nox
INSTALLED := $(CURDIR)/.cache/installed
# What the unit, report and lab tests start on this machine.
PACKAGES := busybox-static chromium gnumeric iproute2 ipset iptables kmod nftables

# `make run` checks this machine if INVENTORY is not set.
ifdef INVENTORY
NODES := -i $(INVENTORY)
else
NODES := -i localhost, -c local -e istio_node_become=false -e ansible_python_interpreter=$(CURDIR)/.venv/run/bin/python
endif
ifndef APPLY
CHECK := --check --diff
endif

.NOTPARALLEL:
.PHONY: help run check test lint types unit unit-node recorder-test report-test slow packages reference upstream manifest clean declarations-test \
  lab-up lab-down lab-test lab-full truth truth-fast truth-auto lab-probe lab-probe-fast lab-modules lab-remedies lab-rollout lab-report \
  lab-inits lab-places lab-declarations lab-recordings lab-arm64 lab-kernels test-selinux bench bench-fleet bench-plots

help: ## List all targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: export ANSIBLE_COLLECTIONS_PATH = $(INSTALLED)
run: .venv/run/.done ## Check this machine, or the nodes in INVENTORY=file; APPLY=1 prepares them; ARGS= adds options of ansible-playbook
	@mkdir -p build && rm -f build/nodeprep-istio-*.tar.gz
	.venv/run/bin/ansible-galaxy collection build --force --output-path build . >/dev/null
	.venv/run/bin/ansible-galaxy collection install --force --no-deps -p $(INSTALLED) build/nodeprep-istio-*.tar.gz >/dev/null
	.venv/run/bin/ansible-playbook $(NODES) $(CHECK) prepare-istio-nodes.yml $(ARGS)

check: lint types unit ## Run the fast tests

# In order, the fast tests first. lint and types need no packages; the unit tests need kmod.
test: lint types packages check unit-node recorder-test report-test slow run ## Run all tests, with real kernels, as root on Debian: about an hour
test: lab-test truth-fast lab-probe-fast lab-report test-selinux

lint: .venv/nox/.done ## Check format and style of Python, YAML, roles, playbooks and changelog
	$(NOX) -s lint

types: .venv/nox/.done ## Check the type annotations
	$(NOX) -s types

unit: .venv/nox/.done ## Run the unit tests
	$(NOX) -s unit

unit-node: .venv/nox/.done ## Run the unit tests of the code for nodes with the oldest and the newest Python (NODE_PYTHON="3.6 3.13")
	$(NOX) -j 2 -s unit-node

report-test: .venv/nox/.done packages ## Test the report in a browser, in a spreadsheet and in playbooks
	$(NOX) -s report

recorder-test: .venv/nox/.done packages ## Compare recordings of made nodes and of this machine with node_facts, in each shell
	$(NOX) -s recorder

declarations-test: PACKAGES := ignition nix-bin python3-configobj python3-jinja2 python3-jsonpatch python3-jsonschema python3-netifaces python3-oauthlib python3-requests python3-serial python3-yaml
declarations-test: .venv/nox/.done packages ## Have cloud-init, Ignition and Nix read the declarations; on Debian, as root
	$(NOX) -s declarations

slow: .venv/nox/.done ## Run ansible-test, the documentation check, Galaxy's importer, and Molecule in an empty repository
	$(NOX) -j 2 -t slow

packages: ## Install the missing Debian packages that the tests need, with apt
	@missing=$$(for name in $(PACKAGES); do dpkg-query -W -f '$${db:Status-Status}' $$name 2>/dev/null | grep -qx installed || echo $$name; done); \
	[ -z "$$missing" ] || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }

reference: .venv/nox/.done ## Generate docs/requirements.md, docs/reasons.md and the tables of record-node.sh from the tables in the code
	$(NOX) -s reference

upstream: .venv/nox/.done ## Compare the catalogue with Istio's own rules: ISTIO=checkout of istio/istio; TAGS="1.32.0 1.32.1" selects releases
	$(NOX) -s upstream -- $(or $(ISTIO),$(error ISTIO: not set; give a checkout of istio/istio, as in make upstream ISTIO=../istio)) $(TAGS)

manifest: .venv/nox/.done ## Validate the manifest that records the nodes of a cluster; needs kubectl
	$(NOX) -s manifest

lab-up: .venv/nox/.done ## Build missing images and start the lab's virtual machines (NODEPREP_LAB_MACHINES=pattern selects some)
	$(NOX) -s lab -- up

lab-down: .venv/nox/.done ## Stop the lab's virtual machines and delete their disks
	$(NOX) -s lab -- down

lab-test: .venv/nox/.done ## Audit, prepare, reboot, verify and undo, on each kernel and with each backend
	$(NOX) -s lab -- test

lab-full: .venv/nox/.done ## Run lab-test in both modes
	$(NOX) -s lab -- full

truth: .venv/nox/.done ## Compare the verdicts with the rules that really load, in every state, on each kernel
	$(NOX) -s lab -- truth

truth-fast: .venv/nox/.done ## Run a few states of truth, on two machines
	$(NOX) -s lab -- truth-fast

truth-auto: .venv/nox/.done ## Compare the forecast of the iptables variant with what Istio picks, on each kernel
	$(NOX) -s lab -- truth-auto

lab-probe: .venv/nox/.done ## Run the probe on each kernel, with all modules and then without each of them (or NODEPREP_PROBE_WITHOUT)
	$(NOX) -s lab -- probe

lab-probe-fast: .venv/nox/.done ## Run lab-probe on two machines, without two modules
	$(NOX) -s lab -- probe-fast

lab-modules: .venv/nox/.done ## Block modules on one machine in every known way, and compare node_facts with what then loads
	$(NOX) -s lab -- modules

lab-remedies: .venv/nox/.done ## Test conflicts, packages and reboots on two machines, and faults on one of them
	$(NOX) -s lab -- remedies

lab-rollout: .venv/nox/.done ## Roll out to four machines that need a reboot: drain, stop, resume, and a machine that does not come back
	$(NOX) -s lab -- rollout

lab-report: .venv/nox/.done packages ## Report on four machines in different states, and check the report in a browser
	$(NOX) -s lab -- report

lab-kernels: .venv/nox/.done ## Build kernels that lack options, and compare verdicts, reasons and probes with what really works
	$(NOX) -s lab -- kernels

test-selinux: .venv/nox/.done ## Prepare a machine on which SELinux enforces, in each supported way, and undo it
	$(NOX) -s lab -- selinux

lab-inits: .venv/nox/.done ## Compare node_facts with a reboot on sysvinit, OpenRC and runit (NODEPREP_INIT_SCRIPTS=directory adds scripts of other projects)
	$(NOX) -s lab -- inits

lab-places: .venv/nox/.done ## Audit and prepare containers, and a machine whose /etc is in memory
	$(NOX) -s lab -- places

lab-declarations: .venv/nox/.done ## Boot images that were made with a declaration, by cloud-init and by Ignition
	$(NOX) -s lab -- declarations

lab-recordings: .venv/nox/.done ## Compare recordings of machines with node_facts: over SSH, without Python, and from containers
	$(NOX) -s lab -- recordings

lab-arm64: .venv/nox/.done ## Audit, prepare and probe a machine of architecture arm64
	$(NOX) -s lab -- arm64

# Both replace the results in docs/cost, from which "make reference" and "make bench-plots" make docs/cost.md and its plots.
bench: PACKAGES := openssh-client openssh-server
bench: BENCH := tests/bench/bench.py --output docs/cost/playbooks.json
bench-fleet: BENCH := tests/bench/fleet.py --output docs/cost/fleet.json
bench-plots: BENCH := tests/bench/plot.py
bench: packages ## Measure playbooks, gather_facts and a loop of modprobe next to ping, over ssh on this machine (ARGS=--full: all settings)
bench-fleet: ## Measure an audit of 10,000 nodes in slices, and the merge of their reports: about half an hour
bench-plots: ## Draw the plots of docs/cost.md
bench bench-fleet bench-plots: .venv/bench/.done
	@mkdir -p .cache/ansible_collections/nodeprep && ln -sfn $(CURDIR) .cache/ansible_collections/nodeprep/istio
	PYTHONPATH=.cache .venv/bench/bin/python $(BENCH) $(ARGS)

clean: ## Delete what was made in this checkout; the images of the lab stay in the user's cache
	rm -rf .venv .nox .cache build

.venv/%/.done: requirements/%.txt requirements/collection.txt
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install -q -r requirements/$*.txt
	touch $@
