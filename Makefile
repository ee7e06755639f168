# Each target is a thin call of a script; `make` alone lists them.
PYTHON = .venv/bin/python
SOURCES = ledger web tests scripts

.PHONY: help setup check test test-all test-kill contracts attack bench docs lock

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:  ## .venv with everything that tests need
	@scripts/setup dev

check: setup  ## format, lint, types, house rules: what CI runs first
	$(PYTHON) -m ruff format --check $(SOURCES)
	$(PYTHON) -m ruff check $(SOURCES)
	$(PYTHON) -m mypy
	@scripts/test tests/house

test:  ## unit, property, ports, house: the quick ones
	@scripts/test tests/unit tests/property tests/ports tests/house tests/matrix tests/vectors

test-all:  ## every folder, browser and interop included
	@scripts/test

test-kill:  ## 200 random kills
	@scripts/test -m kill --kills 200

contracts: setup  ## recompile; artifacts must stay as they are
	scripts/compile
	git diff --exit-code contracts/artifacts

attack: setup  ## forge against the contracts, for longer than in the tests
	scripts/attack deep

bench: setup  ## the table of figures
	scripts/bench

docs: setup  ## generated pages and screenshots
	$(PYTHON) scripts/docs
	rm -rf .ecert/pictures
	.venv/bin/ecert --home .ecert/pictures demo
	$(PYTHON) scripts/screenshots .ecert/pictures

lock:  ## new hash-locked requirements
	@scripts/lock
