# Everything a contributor runs. `make` alone lists it; what `make test` does, stage by stage, is in scripts/check.py.
SHELL := /bin/sh
PYTHON := .venv/bin/python
STAGE ?=
CHECK := $(PYTHON) scripts/check.py

.DEFAULT_GOAL := help
.PHONY: help venv demo test unit conformance integration trust trust-page mutants live lint format generate coverage bench check-generated build html lock upgrade clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "make %-30s %s\n", $$1, $$2}' Makefile

venv: ## Make .venv: ansible-core, the libraries and every tool, pinned (quick when current)
	@scripts/venv.sh .venv main 3.12 3.13

demo: venv ## Bootstrap two mail domains on a stand-in server, twice, and repair a drift
	@$(PYTHON) -m tests.demo

test: venv ## Check everything; STAGE="unit ruff" runs only those stages
	@$(CHECK) $(STAGE)

unit conformance integration trust: venv ## Run only these tests, on the main ansible-core line
	@$(CHECK) $@

live: venv ## Run tests/live against STALWART_URL with STALWART_USER and STALWART_PASSWORD
	@$(PYTHON) -m pytest tests/live

lint: venv ## Only the checks that run nothing: generated files, ruff, mypy, yamllint, ansible-lint, tracked files
	@$(CHECK) generated ruff mypy yamllint ansible-lint files

format: venv ## Let ruff mend and format the Python files
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format --quiet .

generate: venv ## Write the files that follow from others (plugins/action, meta/runtime.yml)
	@$(PYTHON) scripts/generate.py

coverage: venv ## Write docs/coverage.md: run every module and note which paths of the API it asks for
	@$(PYTHON) -m tests.api_coverage

bench: venv ## Write docs/benchmarks.md: BENCH_ACCOUNTS (10000) on STALWART_URL, else on stand-ins of both generations, or SERVER=0.16.18
	@$(PYTHON) -m tests.bench

trust-page: venv ## Write the table of docs/trust.md: each promise, its tests and how many cases they have
	@$(PYTHON) -m tests.trust.page

mutants: venv ## Change _reconcile and _secrets in every way, and see whether their tests notice (a quarter of an hour)
	@scripts/venv.sh .cache/venv-mutants mutants 3.12 3.13
	@.cache/venv-mutants/bin/python scripts/mutants.py

check-generated: venv ## Fail when a generated file is not current
	@$(PYTHON) scripts/generate.py --check

build: venv ## Build the collection's artifact into dist
	@.venv/bin/ansible-galaxy collection build --force --output-path dist

html: venv ## Render the documentation of every plugin into .cache/html
	@$(PYTHON) scripts/render_docs.py

lock: venv ## Resolve tests/requirements/*.in anew into the pinned .txt files
	@$(PYTHON) scripts/lock.py

upgrade: venv ## The same, with the newest version of everything
	@$(PYTHON) scripts/lock.py --upgrade

clean: ## Remove the environments and everything else that was made here
	rm -rf .venv .cache .ansible dist tests/output
