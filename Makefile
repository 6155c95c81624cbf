PYTHON ?= python3
VENV := .venv
OLDEST := .venv-oldest
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo check test test-oldest test-all bench eval clean

setup: $(STAMP)

# setup, demo: what a user needs. check, test, test-all, bench, eval: what a developer needs, torch included.
# torch comes first and pinned, or another package would pull in the newest. Where the index gives a CUDA build for it,
# install the CPU build of that version into .venv beforehand.
$(STAMP): pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --editable ".[langchain,llama-index]"
	touch $@

$(VENV)/.dev: $(STAMP)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --group dev --editable ".[agents,classic,llama-index,sentence-transformers,fast,languages,mem0,postgres,summaries,eval]"
	touch $@

demo: $(STAMP)
	$(BIN)/memgarden demo

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.dev
	$(BIN)/pytest -m "not slow"

# The adapters with the oldest frameworks they take; everything else has the newest.
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest tests/langchain tests/adapters tests/llama_index

$(OLDEST)/.installed: tests/oldest.txt pyproject.toml
	test -d $(OLDEST) || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(OLDEST)/bin/pip install --quiet --constraint tests/oldest.txt --group adapters --editable ".[agents,classic,llama-index,summaries]"
	touch $@

test-all: test test-oldest
	$(BIN)/pytest -m slow

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

eval: $(VENV)/.dev
	$(BIN)/python -m benchmarks.quality

clean:
	rm -rf $(VENV) $(OLDEST) dist build
