# Every target sets up what it needs. `make demo` and `make test` are the two commands to know.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-strip-extras

.DEFAULT_GOAL := help

help: ## What there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# A stamp for each set-up: it is done anew when the lock file changes, and not otherwise.
$(VENV)/.run: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Bridge needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ". Name one that is: make PYTHON=python3.13 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV), once …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock -r requirements-build.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Installing what the tests need, once …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.run ## See the bridge work: four providers play, a simulated Slack listens
	@$(BIN)/bridge demo $(ARGS)

# Rooms whose tests need no service, no socket and no store: what `make test-quick` runs.
PURE := $(addprefix tests/,core config sources routing templating messages lint test_events.py test_walks.py)
# Compiled modules are kept even where the environment says otherwise: without them each process starts a second later.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --dist worksteal

test: $(VENV)/.dev ## Run the tests but the slow ones (ARGS="-k name" for some)
	@$(PYTEST) -m "not slow" $(ARGS)

test-quick: $(VENV)/.dev ## Run the pure tests in seconds, without their long searches
	@$(PYTEST) -m "not slow and not thorough" $(PURE) $(ARGS)

test-slow: $(VENV)/.dev ## Run the slow tests alone: real processes, floods, chaos, a browser, long searches
	@$(PYTEST) -m slow $(ARGS)

test-all: $(VENV)/.dev ## Run all tests: `make test` and `make test-slow`
	@$(PYTEST) $(ARGS)

coverage: $(VENV)/.dev ## Run the tests and say what they did not reach
	@$(PYTEST) --cov --cov-report=term-missing:skip-covered $(ARGS)

lint: $(VENV)/.dev ## Lint and check the format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

types: $(VENV)/.dev ## Check the types
	@$(BIN)/mypy

golden: $(VENV)/.dev ## Write the messages that the tests compare with anew, after a change of a template
	@$(BIN)/python -m tests.messages.golden

docs: $(VENV)/.dev ## Write docs/events.md and docs/architecture.svg again, after a change of what they show
	@$(BIN)/python -m tools.event_catalog > docs/events.md.new && mv docs/events.md.new docs/events.md
	@$(BIN)/python -m tools.architecture_picture > docs/architecture.svg.new && mv docs/architecture.svg.new docs/architecture.svg

chaos: $(VENV)/.dev ## Kill, cut off and starve a bridge for ten minutes, then count (ARGS="--seconds 60 --seed 7")
	@$(BIN)/python -m tests.chaos.chaos $(ARGS)

bench: $(VENV)/.dev ## Measure, as ratios within one run
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

lock: $(VENV)/.dev ## Write the lock files anew after a change in pyproject.toml
	$(UV_COMPILE) --upgrade pyproject.toml -o requirements.lock
	$(UV_COMPILE) --upgrade --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(UV_COMPILE) --upgrade -c requirements-dev.lock requirements-build.in -o requirements-build.lock

clean: ## Remove what was set up and built
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

.PHONY: help demo test test-quick test-slow test-all coverage lint types golden docs chaos bench lock clean
