.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip -q --disable-pip-version-check

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.run ## Run everything here, with the demo workspace loaded
	@$(BIN)/dripgraph up --demo

test: $(VENV)/.dev ## Run the tests; ARGS="-k name" chooses among them
	@$(BIN)/pytest $(ARGS)

check: $(VENV)/.dev ## Check format, lint, types, layers, the schema's text and the migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.check_generated
	$(BIN)/python -m scripts.check_schema_changes

bench: $(VENV)/.dev ## Run a benchmark: make bench NAME=import
	@test -n "$(NAME)" || { echo "name one: make bench NAME=$$(ls bench | sed -n 's/\.py$$//p' | grep -v __ | paste -sd'|')"; exit 2; }
	@$(BIN)/python -m bench.$(NAME) $(ARGS)

schema: $(VENV)/.run ## Write schema/schema.graphql and the types of the TypeScript client
	@$(BIN)/python -m resolvers.schema
	@command -v npm >/dev/null || echo "npm is missing: the types of clients/typescript are not written anew"
	@! command -v npm >/dev/null || $(MAKE) --no-print-directory client

release-schema: $(VENV)/.run ## Promise clients the schema as it is now
	@$(BIN)/python -m scripts.check_schema_changes release

client: ## Generate clients/typescript from schema/schema.graphql
	@cd clients/typescript && npm ci --no-fund --no-audit --loglevel=error && npm run --silent generate

migration: $(VENV)/.run ## Write a migration for what the models say and no migration does
	@$(BIN)/python -m scripts.write_migration

migrate: $(VENV)/.run ## Bring the database to the newest migration
	@$(BIN)/dripgraph migrate

docs: $(VENV)/.dev ## Build the documentation's site into .artifacts/site
	@$(BIN)/mkdocs build --strict -q
	@echo "open .artifacts/site/index.html"

doctor: $(VENV)/.run ## Say what is set up and what is not
	@$(BIN)/dripgraph doctor

lock: $(VENV)/.run ## Write the lock files from requirements*.in
	@$(PIP) install uv
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header requirements.in -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header requirements-dev.in -o requirements-dev.lock

clean-data: $(VENV)/.run ## Remove the embedded servers' data
	@$(BIN)/python -m server.embedded.clean

install: $(VENV)/.run ## Create .venv from the lock

dev: $(VENV)/.dev ## The same with what checks and tests

$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@test -x $(BIN)/pip || { echo "Installing into $(VENV) (a minute or two)"; $(PYTHON) -m venv $(VENV); } \
		|| { echo "this Python makes no virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help run test check bench schema release-schema client migration migrate docs doctor lock clean-data install dev
