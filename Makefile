# Each recipe execs the program, so that exit codes and signals pass through.
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help
.PHONY: help setup test-setup run test check bench rivals chaos takeover kills lists day cluster wheel home-assistant clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile

setup:  ## create .venv and fetch everything; quick if nothing changed
	@exec scripts/setup

test-setup:
	@exec scripts/setup --tests

run: setup  ## run broker, bridge and sandbox, without phone and internet
	@exec .venv/bin/wa up --sandbox

check: setup  ## check style, types, import rules
	@exec scripts/check

test: test-setup  ## run the checks and all tests
	@exec scripts/test --with-checks

bench: setup  ## measure the real path, write docs/BENCHMARKS.md; takes minutes
	@exec .venv/bin/python -m bench --write

rivals: setup  ## compare with the legacy pair, wppconnect and a raw loop, draw the curves; 400 MB from npm, ten minutes; SHORT=1 writes nothing
	@cmp -s bench/rivals/package-lock.json bench/rivals/node_modules/.made-from || { cd bench/rivals && PUPPETEER_SKIP_DOWNLOAD=1 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.made-from; }
	@exec .venv/bin/python -m bench.rivals $(if $(SHORT),--short,--write)

chaos: setup  ## inject faults under load, write docs/RELIABILITY.md; options: SEED= ROUNDS= MINUTES=
	@exec .venv/bin/python -m tests.chaos --write docs/RELIABILITY.md $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MINUTES),--minutes $(MINUTES))

takeover: setup  ## faults on two bridges that share a session, under load; options: ROUNDS= SEED=
	@exec .venv/bin/python -m tests.takeover $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

kills: setup  ## a campaign whose parts are killed again and again; options: RECIPIENTS= ROUNDS= SEED=
	@exec .venv/bin/python -m tests.campaigns.kill_run $(if $(RECIPIENTS),--recipients $(RECIPIENTS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

lists: setup  ## memory and time of importing a list of 100,000 rows as CSV and as XLSX; option: ROWS=
	@exec .venv/bin/python -m bench.list_import $(ROWS)

day: setup  ## a squeezed day of the responder with wrong clock, small packets, slow posts; options: MINUTES= PEOPLE= DATABASE=
	@exec .venv/bin/python -m tests.responder.day $(if $(MINUTES),--minutes $(MINUTES)) $(if $(PEOPLE),--people $(PEOPLE)) $(if $(DATABASE),--database $(DATABASE))

cluster: setup  ## kill every node of a real NATS cluster under load; option: ROUNDS=
	@exec .venv/bin/python -m tests.cluster $(if $(ROUNDS),--rounds $(ROUNDS))

wheel: setup  ## build dist/*.whl with all that it needs, install it away from here, carry a message each way
	@rm -rf dist && .venv/bin/hatchling build -t wheel && exec .venv/bin/python -m tests.installed_wheel dist

home-assistant: setup  ## run the recipe of the docs on a real Home Assistant; needs Python 3.13, installs 600 MB; option: PYTHON=
	@test -x .venv-home-assistant/bin/hass || { $(or $(PYTHON),$(firstword $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.13.*/bin/python3.13)),python3.13) -m venv .venv-home-assistant && .venv-home-assistant/bin/pip install -q homeassistant==2025.4.4 paho-mqtt==2.1.0 home-assistant-frontend==20250411.0; }
	@WA_HASS=.venv-home-assistant/bin/hass exec timeout 600 .venv/bin/python -m tests.home_assistant.real

clean:  ## delete what setup and tests created; data/ stays, it holds your sessions
	@rm -rf .venv .venv-second .venv-home-assistant .coverage bridge/drivers/web/node_modules tests/docs/node/node_modules bench/rivals/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
