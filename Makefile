# Baton's commands. On a machine with Python 3.11+, make, git and the package registries, nothing else is needed:
# the first command makes a virtual environment in .venv from requirements.lock (every package pinned by its hash).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The example extensions, in a folder of their own: the demo shows them, tests see only what they install themselves.
EXTENSIONS := $(addprefix examples/extensions/,approvals inventory)
EXTENDED := $(VENV)/extensions
WITH_EXTENSIONS := PYTHONPATH="$(CURDIR)/$(EXTENDED)$${PYTHONPATH:+:$$PYTHONPATH}"
ENGINE ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# What `make image` makes, of what, and with which program: a word like docker, or a whole command line.
IMAGE ?= baton:$(VERSION)
IMAGE_CONTEXT ?= .
IMAGE_ARCHIVE ?=
BUILDER ?=
BUILD_FLAGS ?=
PIP_INDEX_URL ?=
SITE_CA ?=
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header
AIRFLOW := operator/baton_operator/local/python/airflow/requirements
SUPPLY := PYTHONPATH=supply $(BIN)/python -m
# Words for pip-audit: which vulnerability service `make audit` asks.
AUDIT ?=
SOURCES := models migrations operator charts supply $(wildcard docs/*.py) tests bench examples

.PHONY: docs help demo up down check format test mutate test-chart bench crash crash-real crash-tasks crash-wrong image build audit lock generate clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

$(READY): requirements.lock pyproject.toml
	@echo "Making the virtual environment $(VENV) (about a minute, once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Baton needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

$(EXTENDED)/.ready: $(READY) $(shell find $(EXTENSIONS) -name '*.py' -o -name '*.toml')
	@rm -rf $(EXTENDED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target $(EXTENDED) $(EXTENSIONS:%=./%)
	@touch $@

demo: $(EXTENDED)/.ready ## Start a whole Baton, watch Runs travel, read one's history, stop (ENGINE=argo or airflow)
	@$(WITH_EXTENSIONS) $(BIN)/baton demo $(if $(ENGINE),--engine $(ENGINE))

up: $(EXTENDED)/.ready ## Start a whole Baton on this machine and leave it running (ENGINE=argo or airflow adds one)
	@$(WITH_EXTENSIONS) $(BIN)/baton local up $(if $(ENGINE),--engine $(ENGINE))

down: $(READY) ## Stop what `make up` started
	@$(BIN)/baton local down

check: $(READY) ## Format, lint, types, imports and unit tests: under a minute
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "not formatted: make format"; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > .imports.log 2>&1 || { cat .imports.log; rm -f .imports.log; exit 1; }; rm -f .imports.log
	@$(BIN)/python charts/copy_crds.py --check
	@$(BIN)/python charts/describe_values.py --check
	@$(BIN)/python -m pytest -q -n 2 tests/unit

format: $(READY) ## Format the code
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format --quiet $(SOURCES)

# GOGC: Go's servers spend a quarter of their time on garbage otherwise, and these live for minutes.
test: check ## Every tier of the tests, on real servers; nothing is skipped
	@GOGC=400 $(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder tests/crash tests/cluster tests/engines tests/integration tests/contract

test-chart: $(READY) ## The image and the chart on a cluster that runs Pods (KUBECONFIG, BATON_LOAD_IMAGE; CONTRIBUTING.md)
	@$(BIN)/python -m pytest -q tests/chart

mutate: $(READY) ## Switch off one guard after the other and see that a test fails each time
	@$(BIN)/python tests/mutation/mutate.py

bench: $(READY) ## Measure: 1,000 Runs, two replicas; writes, statements and requests a Run; what a task's write costs, what a small tenant notices
	@$(BIN)/python bench/bench.py
	@$(BIN)/python bench/task_data.py
	@$(BIN)/python bench/fair_share.py

crash: $(READY) ## Kill the operator at every side effect and in the middle of every word, on three engines (an hour)
	@$(BIN)/python tests/crash/crash.py

crash-real: $(READY) ## Kill operator and engine while 200 Runs each travel through Argo's and Airflow's own servers
	@$(BIN)/python tests/crash/real.py

crash-tasks: $(READY) ## Kill the worker 500 times while tasks insert one row each (a few minutes)
	@$(BIN)/python tests/crash/task_kills.py

crash-wrong: $(READY) ## See that the proof can fail: an operator that records after it submitted is caught
	@$(BIN)/python tests/crash/crash.py --wrong

image: ## Build the image with docker, podman or buildah (IMAGE, PIP_INDEX_URL, SITE_CA; docs/image.md)
	@builder="$(BUILDER)"; \
	for each in docker podman buildah; do test -n "$$builder" || ! $$each info > /dev/null 2>&1 || builder=$$each; done; \
	test -n "$$builder" || { echo "make image needs docker, podman or buildah: install one (of docker, its daemon runs too)"; exit 1; }; \
	test -z "$(SITE_CA)" || set -- --build-arg "SITE_CA=$$(cat $(SITE_CA))"; \
	$$builder build --tag $(IMAGE) --build-arg PIP_INDEX_URL=$(PIP_INDEX_URL) --build-arg BATON_VERSION=$(VERSION) \
	  --build-arg BATON_REVISION="$$(git describe --always --dirty --abbrev=40 2> /dev/null || echo unknown)" \
	  "$$@" $(BUILD_FLAGS) $(IMAGE_CONTEXT); \
	test -z "$(IMAGE_ARCHIVE)" || rm -f $(IMAGE_ARCHIVE); \
	test -z "$(IMAGE_ARCHIVE)" || case "$$builder" in \
	  *buildah*) $$builder push --quiet $(IMAGE) docker-archive:$(IMAGE_ARCHIVE):$(IMAGE) ;; \
	  *) $$builder save --output $(IMAGE_ARCHIVE) $(IMAGE) ;; \
	esac

build: $(READY) ## Build wheel, chart, bill of materials and checksums into dist/: from one commit always the same bytes
	@$(SUPPLY) baton_supply.build

audit: $(READY) ## Look for licences, secrets and vulnerabilities that must not be there (AUDIT=words for pip-audit)
	@$(SUPPLY) baton_supply.audit $(AUDIT)

lock: $(READY) ## Compile requirements.lock from pyproject.toml, then those of the image and of the local Airflow
	@$(COMPILE) --all-extras --group dev pyproject.toml -o requirements.lock
	@$(COMPILE) --no-annotate -c requirements.lock --extra fast --extra otel pyproject.toml -o requirements-image.lock
	@$(COMPILE) --no-annotate -c requirements.lock --group build -o requirements-build.lock
	@$(COMPILE) --python-version 3.11 $(AIRFLOW).in -o $(AIRFLOW).lock

docs: $(READY) ## Build the documentation as a site, into site/
	@$(BIN)/python -m mkdocs build --quiet
	@echo "site/index.html"

generate: $(READY) ## Copy the CRDs into the chart, describe its values and the reference, render what the tests compare with
	@$(BIN)/python charts/copy_crds.py
	@$(BIN)/python charts/describe_values.py
	@$(BIN)/python docs/write_reference.py
	@$(SUPPLY) baton_supply.licences
	@PYTHONPATH=tests/fakes $(BIN)/python -m baton_chart

clean: ## Remove the virtual environment, the local Baton's folder and build products
	@test ! -x $(BIN)/baton || $(BIN)/baton local down || true
	@rm -rf $(VENV) .baton dist build site
