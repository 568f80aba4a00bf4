# Everything runs in .venv, made from requirements.lock: no other tool is needed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help check test demo bench bench-push bench-workers sim proof sabotage record reference lock format clean
help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tieout needs Python 3.11 or newer; set PYTHON=python3.12 or the like.")'
	@echo "Making .venv from requirements.lock (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

check: $(READY) ## style, types, import contracts, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/tidy

# Three at once on two cores, because many wait for a disk or a server; then those that measure
# themselves against real servers, with the machine to themselves; then two hundred histories.
test: $(READY) ## every test
	$(BIN)/pytest -n 3 --dist worksteal --ignore=tests/processes
	$(BIN)/pytest tests/processes
	$(BIN)/python -m tests.sim.run --seeds 200

demo: $(READY) ## a firm's two months against local stand-ins of the vendors
	$(BIN)/tieout demo

bench: $(READY) ## figures, beside a bare loop in the same run
	$(BIN)/python -m benches.main

bench-push: $(READY) ## 10,000 invoices at the ledger's limits, on a virtual clock
	$(BIN)/python -m benches.push

bench-workers: $(READY) ## four workers beside one, on real PostgreSQL, Redis and Celery
	$(BIN)/python -m benches.workers

SEEDS ?= 200
sim: $(READY) ## seeded histories with faults: SEEDS=20000 for many, SEED=123 to be told one
	$(BIN)/python -m tests.sim.run $(if $(SEED),--seed $(SEED) --story,--seeds $(SEEDS))

proof: $(READY) ## the long run of histories, written into docs/reference/proof.md
	$(BIN)/python -m tests.sim.run --seeds $(if $(filter 200,$(SEEDS)),20000,$(SEEDS)) --record

sabotage: $(READY) ## take out one guard at a time: the tests must notice
	$(BIN)/python -m tests.sabotage.run

record: $(READY) ## record the cassettes anew: see cassettes/README.md for VENDOR=name and LIVE=1
	$(BIN)/python -m tests.connectors.record $(VENDOR) $(if $(LIVE),--live)

reference: $(READY) ## write docs/reference anew, from the code
	$(BIN)/python -m tieout.config.schema docs/reference/schema
	$(BIN)/python -m tools.reference

lock: $(READY) ## compile requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --group dev --extra postgres --extra worker --extra web --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
