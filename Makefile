# Everything a person does with a checkout. PYTHON is the interpreter that the virtual environment is made with
# (3.11 or 3.12): make PYTHON=python3.12 demo

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BLENDERS := 4.5.15 5.0.1
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test lint extension schema bench clean

demo: $(VENV)/installed
	$(BIN)/understudy demo --out build/demo

# As many processes as cores, up to four, each with a thread of its own: threads that share cores wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile

# Each Blender's tests mostly wait for Blender: two at a time take hardly longer than one.
test: lint
	$(PYTEST)
	$(MAKE) --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) $(BLENDERS:%=test-blender-%)

test-blender-%: $(VENV)/installed-dev
	$(BIN)/python tests/blender/run.py $*

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

extension:
	$(PYTHON) tests/blender/bundle.py $(lastword $(BLENDERS)) dist

# What the add-on's panels are made from; to be renewed when an option changes.
schema: $(VENV)/installed
	$(BIN)/understudy schema > addon/schema.json

bench: $(VENV)/installed
	$(BIN)/understudy bench all --json build/bench.json

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name '*.egg-info' -prune -exec rm -rf {} +

# The stamps are made last, so that an installation that failed is tried again.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install -c constraints.txt -e '.[dev]'
	touch $@
