# One environment for everything: made once, reused while pyproject.toml stays as it is.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.test
SITE := $(VENV)/.docs
RAY := $(VENV)/.ray
MERMAID := $(VENV)/mermaid.min.js
AXE := tests/axe/node_modules/.package-lock.json
PEERS := benchmarks/.venv
JOBS ?= 4

.PHONY: quickstart test faults check docs site tutorial bench clean

quickstart: $(INSTALLED)  ## a first search on MNIST, and its winner confirmed: some minutes
	@$(VENV)/bin/hpsearch run studies/quickstart.yaml
	@$(VENV)/bin/hpsearch confirm quickstart --top 2 --seeds 3

test: $(READY) $(AXE)  ## every test that needs no GPU
	@PYTHONUTF8=1 $(VENV)/bin/python -m pytest -q -rs -n auto --dist loadfile --no-loadscope-reorder

faults: $(READY) $(RAY)  ## every fault of docs/reliability.md in a full round, and its table (JOBS=2: two at a time)
	@PYTHONUTF8=1 HPSEARCH_FAULTS=full HPSEARCH_HISTORIES=24 HPSEARCH_FUZZ_S=120 $(VENV)/bin/python -m pytest \
		-q -rs -n $(JOBS) --dist worksteal --timeout 900 tests/faults tests/engines/test_engine_contract.py \
		tests/search/confirm/test_intervals.py \
		tests/search/coordinator/test_interleavings.py tests/search/test_histories.py \
		tests/search/store/test_creation.py tests/studyfile/test_loader_fuzz.py \
		tests/test_init_command.py tests/test_shapes.py tests/trial/test_validations.py

check: $(READY)  ## format, lint and types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/hadolint Dockerfile

docs: $(READY)  ## the pages written from the code: docs/cli.md, docs/api.md
	@$(VENV)/bin/python docs/reference.py

site: $(SITE) $(MERMAID)  ## the pages of docs/ as a site, in site/; it makes no requests to other hosts
	@$(VENV)/bin/mkdocs build --strict

tutorial: $(READY)  ## the tutorial's networks and exercises on the full data, three seeds each (hours)
	@$(VENV)/bin/python benchmarks/tutorial.py
	@$(VENV)/bin/python benchmarks/exercises.py

bench: $(READY) $(PEERS)/.ready  ## the races against peers (hours); one of them: make bench RACES=augmentation
	@$(VENV)/bin/python benchmarks/run.py $(RACES)

clean:
	rm -rf $(VENV)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hpsearch needs Python 3.11 or newer; this is $(PYTHON) " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "making the environment in $(VENV): some minutes, once"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(READY) $(SITE) $(RAY): $(VENV)/.%: $(INSTALLED)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# Draws the diagrams of the site, which would otherwise load it from another host.
$(MERMAID): $(INSTALLED)
	@command -v npm > /dev/null || { echo "make site needs npm, for the script that draws the diagrams"; exit 1; }
	@cd $(VENV) && tar -xzmf "$$(npm pack --silent mermaid@11.6.0)" --strip-components=2 package/dist/mermaid.min.js
	@rm -f $(VENV)/mermaid-*.tgz

# Checks the accessibility of the pages that tests open; without npm, these tests are skipped.
$(AXE): tests/axe/package-lock.json
	@! command -v npm > /dev/null || npm ci --silent --no-audit --no-fund --prefix tests/axe

$(PEERS)/.ready: benchmarks/peers.txt
	@echo "making the environment of the peers in $(PEERS): some minutes, once"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
