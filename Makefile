# Exit codes and signals go straight through: each recipe ends in the program itself.
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help
.PHONY: help setup test-setup run test check bench chaos clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile

setup:  ## make .venv and fetch everything; quick when nothing changed
	@exec scripts/setup

test-setup:
	@exec scripts/setup --tests

run: setup  ## broker, bridge and sandbox, with no phone and no internet
	@exec .venv/bin/wa up --sandbox

check: setup  ## style, types, import rules
	@exec scripts/check

test: test-setup check  ## the checks, then all tests
	@exec scripts/test

bench: setup  ## the figures on the real path, into docs/BENCHMARKS.md; takes minutes
	@exec .venv/bin/python -m bench --write

chaos: setup  ## faults injected under load, counted, into docs/RELIABILITY.md; SEED= ROUNDS= MINUTES= to choose
	@exec .venv/bin/python -m tests.chaos --write docs/RELIABILITY.md $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MINUTES),--minutes $(MINUTES))

clean:  ## remove what set-up and tests made; data/ stays, it holds your sessions
	@rm -rf .venv bridge/drivers/web/node_modules tests/docs/node/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
