# make run: the study of config.yaml.   make test: every test.   make help: the rest.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
CORES ?= all
# GPUs that CUDA_VISIBLE_DEVICES names, else all; counted as jobs see them, when a run needs it.
GPUS = $(shell env $(if $(CUDA_VISIBLE_DEVICES),,-u CUDA_VISIBLE_DEVICES) PYTHONPATH=scripts $(BIN)/python -c 'from smartnet.job.devices import visible_devices; print(len(visible_devices()))')
SNAKEMAKE = $(BIN)/snakemake --resources gpu=$(GPUS)
# Further options for Snakemake: make run ARGS="--configfile config/paper.yaml"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup doctor run why figures report verify test lint format docs lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## make .venv and install the exact pins of requirements.lock

.venv/.ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; give it as PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

# Answers before anything is installed too: it needs nothing but a Python.
doctor: ## what this machine lacks for the study, one line each
	@python=$(BIN)/python; test -x $$python || python=$(PYTHON); PYTHONPATH=scripts $$python -m smartnet.doctor

run: setup ## run the study, then make results/report.html
	$(SNAKEMAKE) --cores $(CORES) $(ARGS)
	@$(MAKE) --no-print-directory results/report.html

why: setup ## what a run would do, why, and what that cost last time
	@PYTHONPATH=scripts $(SNAKEMAKE) --cores $(CORES) $(ARGS) --executor why --quiet all

figures: setup ## redraw figures and tables whose style, code or numbers changed
	$(SNAKEMAKE) --cores $(CORES) $(ARGS) -- figures tables

# The report is redone when a figure, a table or a caption is newer.
results/report.html: $(wildcard results/figures/* results/tables/* report/*) config.yaml
	PYTHONPATH=scripts $(SNAKEMAKE) --reporter smartnet --report-smartnet-path $@ $(ARGS)
	@PYTHONPATH=scripts $(BIN)/python -m smartnet.privacy $@ || { rm -f $@; exit 1; }

report: results/report.html ## results/report.html from what is there

# Needs nothing but a Python.
verify: ## whether results/ is as results/provenance.json says
	@python=$(BIN)/python; test -x $$python || python=$(PYTHON); PYTHONPATH=scripts $$python -m smartnet.provenance verify results

test: setup ## every test: style, units, the DAG, a whole small study, also killed, and on a real Slurm
	$(BIN)/python -m pytest --ignore=tests/end_to_end --ignore=tests/browser --ignore=tests/cluster --numprocesses 2 --dist loadfile
	$(BIN)/python -m pytest tests/end_to_end tests/browser tests/cluster

lint: setup ## style of Python and Snakemake
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules workflow
	$(BIN)/snakemake --lint

format: setup ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules workflow

docs: setup ## config/README.md from schema and defaults, docs/reference/rerun.md from the workflow
	cd scripts && ../$(BIN)/python -m smartnet.config_reference
	cd scripts && ../$(BIN)/python -m snakemake_reruns

lock: ## new pins from requirements.in, in a fresh environment
	rm -rf .venv && $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.in
	$(BIN)/python -m pip freeze | sed 's/+c[pu][0-9a-z]*$$//' | grep -v '^nvidia-\|^triton' > requirements.lock

clean: ## remove what the study made (not the environment, not the key of the pseudonyms)
	rm -rf results logs benchmarks resources/phantom resources/index resources/runs resources/state
