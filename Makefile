# Two commands matter: `make run` and `make test`. Each sets up what it needs; a second time is quick.

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := run
.PHONY: run test check bench chaos screenshots setup browser engine clean

run: setup
	@exec $(BIN)/activity-log up

# Side by side, as tests/support/side_by_side.py says.
test: setup browser engine
	@$(BIN)/pytest -n auto

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@.ci/node node node_modules/@biomejs/biome/bin/biome ci --error-on-warnings

bench: setup browser engine
	@$(BIN)/python -m bench --write

# The long run of the tests in which processes are killed: 24,000 containers, 24 faults. CHAOS_SEED repeats one.
chaos: setup engine
	@CHAOS=long $(BIN)/pytest -s tests/chaos tests/runtime/test_truth.py

screenshots: setup browser
	@$(BIN)/python -m tests.screenshots

setup: .venv/installed node_modules/.installed

browser: setup
	@.ci/browser

engine: setup
	@.ci/engine

# The environment of a folder that was copied or moved still speaks of the old place: it is made anew.
ifneq ($(shell cat .venv/installed 2>/dev/null),)
ifneq ($(shell cat .venv/installed),$(CURDIR))
$(shell rm -f .venv/installed)
endif
endif

# A marker is written last, and taken away first: a set-up that was interrupted starts over from nothing.
.venv/installed: requirements-dev.lock pyproject.toml
	@test -w . || { echo "Packages cannot be set up in $(CURDIR), which cannot be written to: copy it to a folder of your own."; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed, and there is no $(PYTHON). Set PYTHON=python3.x."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d. Set PYTHON=python3.x." % sys.version_info[:2])'
	@echo "Setting up Python packages …"
	@clear=$$(test -e $@ || echo --clear); rm -f $@; $(PYTHON) -m venv $$clear .venv || \
	{ echo "A virtual environment cannot be made: install Python's venv and ensurepip (Debian: apt-get install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@echo "$(CURDIR)" > $@

node_modules/.installed: package.json package-lock.json .venv/installed
	@echo "Setting up what the pages load …"
	@.ci/node npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:
	rm -rf .venv node_modules build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
