# Everything stands on `setup`: an environment in .venv, every version pinned in requirements.lock.
PYTHON ?= python3.11
BIN := .venv/bin
LOCK := requirements.lock
STAMP := .venv/.installed
UV_VERSION := 0.13.9

PORT ?= 8501
UI_OPTIONS ?=

.PHONY: setup demo ui test lint bench apertium chromium lock clean

setup: $(STAMP)

$(STAMP): $(LOCK) pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" UV_VERSION="$(UV_VERSION)" sh scripts/setup.sh

demo: setup
	@$(BIN)/python -m dubbing.demo

# The workspace in the browser, with its workers: make ui PORT=8600
ui: setup
	@exec $(BIN)/dubbing ui --port $(PORT) $(UI_OPTIONS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest

bench: setup
	$(BIN)/dubbing bench

# Rule-based translation between Spanish and its neighbours without a model hub; needs Debian or Ubuntu.
apertium:
	@sh scripts/apertium.sh

# The browser that the tests of the pages drive; needs Debian (Ubuntu's package is a snap).
chromium:
	@sh scripts/chromium.sh

# Re-pin after a change of pyproject.toml.
lock:
	$(BIN)/uv pip compile -q pyproject.toml --all-extras --python-version 3.11 \
	  --python-platform x86_64-manylinux_2_28 --generate-hashes --no-annotate --no-emit-index-url \
	  --no-header -o $(LOCK)

clean:
	rm -rf .venv build dist *.egg-info
