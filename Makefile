# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# make run: prepare in check mode. make test: everything. make help: the rest.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/dev/bin
TREE := .cache/ansible_collections/nodeprep/istio
INSTALLED := .cache/installed
lab_on = ANSIBLE_PIPELINING=true ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache $(BIN)/ansible-playbook -i tests/lab/machines.yml --limit "$(1)"
LAB := $(call lab_on,$(or $(NODEPREP_LAB_MACHINES),lab))
FAST := $(or $(NODEPREP_LAB_MACHINES),bullseye:bookworm)
LAB_ONE := $(call lab_on,$(or $(NODEPREP_LAB_MACHINES),bookworm))
# One life of the machines. Those that are too old for nftables are refused in the iptables run, and left out of the other.
# Molecule remembers what it has prepared; here each life begins anew.
lab_cycle = export PATH=$(CURDIR)/$(BIN):$$PATH NODEPREP_BACKEND=$(1) NODEPREP_MODE=$(2) \
  NODEPREP_LAB_MACHINES='$(or $(NODEPREP_LAB_MACHINES),lab)$(if $(filter nftables,$(1)),:!nftables_refused)'; \
  molecule reset --scenario-name prepare && molecule test --scenario-name prepare
NODE_PYTHON ?= 3.6 3.13
PACKAGES := chromium gnumeric iproute2 ipset iptables kmod nftables

.PHONY: help run check lint types unit unit-node slow test lab-up lab-down lab-test lab-full truth truth-fast reference lab-probe lab-probe-fast clean lab-modules report-test packages lab-remedies test-selinux budget lab-report

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/run/.done ## Check this machine, or INVENTORY=file; APPLY=1 prepares for real; ARGS= for ansible-playbook
	@mkdir -p build && rm -f build/nodeprep-istio-*.tar.gz
	.venv/run/bin/ansible-galaxy collection build --force --output-path build . >/dev/null
	ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(INSTALLED) .venv/run/bin/ansible-galaxy collection install --force --no-deps -p $(INSTALLED) build/nodeprep-istio-*.tar.gz >/dev/null
	ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/$(INSTALLED) .venv/run/bin/ansible-playbook \
	  $(if $(INVENTORY),-i $(INVENTORY),-i localhost$(,) -c local -e istio_node_become=false -e ansible_python_interpreter=$(CURDIR)/.venv/run/bin/python) \
	  $(if $(APPLY),,--check --diff) prepare-istio-nodes.yml $(ARGS)

, := ,

check: lint types unit ## Lint, types and unit tests

lint: .venv/dev/.done $(TREE)
	$(BIN)/ruff format --check plugins tests docs
	$(BIN)/ruff check plugins tests docs
	$(BIN)/yamllint --strict .
	PATH=$(CURDIR)/$(BIN):$$PATH ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache $(BIN)/ansible-lint --strict --nocolor -q
	$(BIN)/antsibull-changelog lint

types: .venv/dev/.done $(TREE)
	cd .cache && MYPYPATH=. $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml \
	  ansible_collections/nodeprep/istio/plugins/{plugin_utils,filter,action}

unit: .venv/dev/.done $(TREE)
	@PATH=$$PATH:/usr/sbin:/sbin command -v depmod >/dev/null || { echo "depmod is not here, and the tests of module trees need it: apt-get install kmod" >&2; exit 1; }
	PYTHONPATH=.cache $(BIN)/pytest -q tests/unit

unit-node: $(TREE) ## Unit tests of the code that runs on nodes, with the oldest and the newest Python
	for version in $(NODE_PYTHON); do bash tests/unit-node.sh $$version || exit 1; done

report-test: .venv/dev/.done $(TREE) packages ## The report in a browser, a spreadsheet and playbooks
	PYTHONPATH=.cache $(BIN)/pytest -q tests/report

packages: ## Install what the tests run and is missing here, with apt
	@missing=$$(for name in $(PACKAGES); do dpkg-query -W -f '$${db:Status-Status}' $$name 2>/dev/null | grep -qx installed || echo $$name; done); \
	[ -z "$$missing" ] || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }

slow: .venv/nox/.done ## ansible-test, documentation, Galaxy's importer, and Molecule in an empty repository
	.venv/nox/bin/nox

test: packages check unit-node report-test slow run lab-test truth-fast lab-probe-fast lab-report test-selinux ## Everything, real kernels included: three quarters of an hour

lab-up: .venv/dev/.done $(TREE) ## Start the lab's virtual machines, building their images first
	$(LAB) tests/lab/up.yml

lab-down: .venv/dev/.done ## Stop them
	$(LAB) tests/lab/down.yml

lab-test: lab-up ## Audit, prepare, reboot, verify and undo on each kernel, with each backend
	$(call lab_cycle,iptables,ambient)
	$(call lab_cycle,nftables,ambient)
	$(LAB) tests/lab/down.yml

lab-full: lab-up ## The same with each mode too
	$(foreach mode,sidecar ambient,$(foreach backend,iptables nftables,$(call lab_cycle,$(backend),$(mode)) && )) true
	$(LAB) tests/lab/down.yml

truth: lab-up ## Hold the verdicts against what really loads, in every state, on each kernel
	$(LAB) tests/lab/truth.yml
	$(LAB) tests/lab/down.yml

truth-fast: .venv/dev/.done $(TREE) ## The same in a few states, on two machines
	$(MAKE) lab-up NODEPREP_LAB_MACHINES='$(FAST)'
	$(call lab_on,$(FAST)) tests/lab/truth.yml -e lab_truth_fast=true
	$(MAKE) lab-down NODEPREP_LAB_MACHINES='$(FAST)'

reference: .venv/dev/.done $(TREE) ## Write docs/requirements.md and docs/reasons.md out of the tables in the code
	for page in requirements reasons; do \
	  PYTHONPATH=.cache $(BIN)/python docs/$$page.py >docs/$$page.md.new && mv docs/$$page.md.new docs/$$page.md || exit 1; done

lab-probe: lab-up ## Prove the rule sets on each kernel, and again with each module taken away in turn
	$(LAB) tests/lab/probe.yml
	$(LAB) tests/lab/down.yml

lab-probe-fast: .venv/dev/.done $(TREE) ## The same on two machines, with two modules taken away
	$(MAKE) lab-up NODEPREP_LAB_MACHINES='$(FAST)'
	NODEPREP_PROBE_WITHOUT='xt_CT nft_redir' $(call lab_on,$(FAST)) tests/lab/probe.yml
	$(MAKE) lab-down NODEPREP_LAB_MACHINES='$(FAST)'

# What node_facts predicts of each module against what happens. The machines are spoilt afterwards, so they begin and end with this.
lab-modules: .venv/dev/.done $(TREE) ## Break one machine (NODEPREP_LAB_MACHINES: others) in every way, and compare
	$(LAB_ONE) tests/lab/down.yml
	$(LAB_ONE) -e @tests/lab/modules/boot.yml tests/lab/up.yml
	$(LAB_ONE) tests/lab/modules/play.yml
	$(LAB_ONE) tests/lab/down.yml

lab-remedies: ## Mend conflicts and packages on two machines, and do to one what can go wrong
	$(MAKE) lab-up NODEPREP_LAB_MACHINES=forky:trixie
	$(LAB) --limit forky tests/lab/remedies.yml
	$(LAB) --limit trixie -e '{"lab_parts": ["dnf"]}' tests/lab/remedies.yml
	$(MAKE) lab-down NODEPREP_LAB_MACHINES=forky:trixie

budget: ## Measure what audits and preparations cost the controller, against a ping
	$(MAKE) lab-up NODEPREP_LAB_MACHINES=bookworm
	PATH=$(CURDIR)/$(BIN):$$PATH ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache $(BIN)/python tests/lab/budget/measure.py --inventory tests/lab/machines.yml --machine bookworm
	$(MAKE) lab-down NODEPREP_LAB_MACHINES=bookworm

# The gate is shut: one node is not ready, and one gives no answer.
lab-report: packages ## Report on four machines in different states, one of them off, and look at it in a browser
	$(MAKE) lab-up NODEPREP_LAB_MACHINES='lab:!trixie'
	$(LAB) tests/lab/report.yml
	rm -rf build/report/lab
	$(LAB) -e istio_node_hosts=lab -e istio_report_dir=$(CURDIR)/build/report/lab -e '{"istio_report_formats": ["html", "junit", "csv", "markdown", "prometheus"]}' \
	  playbooks/audit_istio_nodes.yml; [ $$? -eq 2 ]
	PYTHONPATH=.cache $(BIN)/pytest -q tests/report/lab_report.py
	$(MAKE) lab-down NODEPREP_LAB_MACHINES=lab

test-selinux: ## Prepare a machine on which SELinux enforces, by each way there is, and take it back
	$(MAKE) lab-up NODEPREP_LAB_MACHINES=selinux_lab
	export PATH=$(CURDIR)/$(BIN):$$PATH; molecule reset --scenario-name selinux && molecule test --scenario-name selinux
	$(MAKE) lab-down NODEPREP_LAB_MACHINES=selinux_lab

clean: ## Remove what was made here; the lab's images stay in the user's cache
	rm -rf .venv .cache build

$(TREE):
	mkdir -p $(dir $@) && ln -sfn $(CURDIR) $@

.venv/%/.done: requirements/%.txt requirements/run.txt
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install -q -r requirements/$*.txt
	touch $@
