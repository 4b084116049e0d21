# These are all commands of the project. `make` alone lists them. Nothing is installed outside this directory,
# except Debian's python3-venv: it is installed if it is missing and you are root.

AIRFLOW ?= 3.3.2
PYTEST_ARGS ?=
# More than the cores of a small machine: tests that wait for an Airflow leave one idle.
TEST_PROCESSES ?= 3
PRODUCTION_ARGS ?=
BENCH_ARGS ?=
MICRO_ARGS ?=
INSTALL_ARGS ?=
BASE ?=
# Names of servers, of devtools/servers/table.py. All of them where it is empty.
SERVERS ?=

NEWEST := 3.3.2
COSMOS := 1.15.1
# What `make release-check` asks for: a target, run whole, has passed on this commit.
PASSED = $(if $(strip $(2)),:,$(or $(3),$(PY)) -m devtools.release passed $(1))
VENV := $(if $(filter $(NEWEST),$(AIRFLOW)),.venv,.venv-airflow-$(AIRFLOW))
LOCK := $(if $(filter $(NEWEST),$(AIRFLOW)),requirements/dev.txt,requirements/airflow-$(AIRFLOW).txt)
ENV := .make/airflow-$(AIRFLOW)
PY := $(VENV)/bin/python
# 42 is the oldest release that Airflow itself takes. Constraints of Airflow 3.1 and 3.2 pin the other two.
CRYPTOGRAPHY := 42.0.8 46.0.4 46.0.7
LOCKS := dev airflow-3.2.2 airflow-3.1.8 production release

# Airflow starts four times slower when Python may not keep its bytecode.
unexport PYTHONDONTWRITEBYTECODE
# An active virtual environment is not the one of this project.
unexport VIRTUAL_ENV
# Interpreters come from this machine, packages from the configured index.
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help env demo test test-airflow test-servers test-cryptography test-install test-cosmos test-production lint format pictures bench bench-growth bench-postgresql bench-docs bench-micro bench-ring bench-access bench-pages bench-celery bench-memory mutants up down lock clean python docs reference dist release-check release-date

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
		while IFS='|' read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

env: $(ENV) ## Create or refresh the Python environment, as all targets do (make PYTHON=python3.12 env: with that Python)

demo: $(ENV) ## Run a hostile task in a real Airflow: the consumer gets the token, the hostile task does not (1-2 minutes)
	@$(PY) -m devtools.demo
	@$(call PASSED,demo,)

test: $(ENV) ## Run the tests: unit, integration, acceptance (PYTEST_ARGS="-k word" for some)
	@$(PY) -m pytest -n $(TEST_PROCESSES) $(PYTEST_ARGS)
	@$(call PASSED,test-$(AIRFLOW),$(PYTEST_ARGS))

test-airflow: test ## Run the same tests on another Airflow: make test-airflow AIRFLOW=3.1.8

test-cryptography: $(ENV) ## Test sealing on older releases of cryptography, as Airflow's constraints pin them (1-2 minutes)
	@set -e; for version in $(CRYPTOGRAPHY); do \
		.make/uv pip install --quiet --no-deps --python $(PY) --target .make/cryptography-$$version cryptography==$$version; \
		echo "cryptography $$version"; \
		PYTHONPATH=.make/cryptography-$$version $(PY) -m pytest -q -p no:cacheprovider tests/unit/crypto tests/integration/test_recorded.py; \
	done

test-install: $(ENV) dist ## Install the wheel of make dist beside each Airflow, under its constraints' pins; run the demo in both modes (5-11 minutes; not in CI)
	@$(PY) -m devtools.installed $(INSTALL_ARGS)
	@$(call PASSED,test-install,$(INSTALL_ARGS))

test-servers: $(ENV) ## Run the integration tests on each Redis and Valkey that can be had here (SERVERS="valkey-forky" for some; not in CI)
	@$(PY) -m devtools.servers $(SERVERS) -- -n $(TEST_PROCESSES) $(PYTEST_ARGS)

test-cosmos: .make/uv ## Run the watcher mode of astronomer-cosmos with this backend, in an environment of its own (4 minutes; not in CI)
	@devtools/uv.sh sync .venv-cosmos requirements/dev.txt
	@if .make/uv pip install --quiet --python .venv-cosmos/bin/python "astronomer-cosmos==$(COSMOS)"; then \
		.venv-cosmos/bin/python -m devtools.cosmos; \
	else echo "skipped: astronomer-cosmos $(COSMOS) does not install beside Airflow $(NEWEST) here"; fi

test-production: .make/uv ## Test a whole Airflow: Celery, PostgreSQL, FAB, two API servers (as root; 10-12 minutes for each mode, see PRODUCTION_ARGS="--mode server"; CI runs PRODUCTION_ARGS=--short)
	@if python=$$(devtools/production/python.sh); then \
		PYTHON="$$python" devtools/uv.sh sync .venv-production requirements/production.txt && \
		.venv-production/bin/python -m pytest -p no:cacheprovider tests/production $(PRODUCTION_ARGS) && \
		$(call PASSED,test-production,$(PRODUCTION_ARGS),.venv-production/bin/python); \
	else echo "skipped: the worker is another Unix user, and there is no Python 3.10 to 3.14 that every user may execute"; fi

docs: $(ENV) ## Build the site of docs/ into build/site, and check it (10 seconds)
	@$(PY) -m devtools.site

reference: $(ENV) ## Write what comes from the code into the pages of docs/
	@$(PY) -m devtools.reference

pictures: $(ENV) ## Draw docs/img/*.svg from docs/img/src/*.yaml (1 second)
	@$(PY) -m devtools.pictures

lint: $(ENV) ## Check style, types, layers, docstrings, prose and texts of errors
	@status=0; check() { echo "$$1"; shift; "$$@" || status=1; }; \
	check "ruff check" $(VENV)/bin/ruff check --quiet --output-format concise . ; \
	check "ruff format" $(VENV)/bin/ruff format --check --quiet . ; \
	check "mypy" $(VENV)/bin/mypy ; \
	check "docstrings" $(PY) -m devtools.docstrings ; \
	check "prose" $(PY) -m devtools.prose ; \
	check "errors" $(PY) -m devtools.error_texts ; \
	check "imports" $(VENV)/bin/lint-imports --no-logo ; \
	exit $$status

format: $(ENV) ## Let ruff format and fix what it can
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format .

dist: .make/release ## Build sdist, wheel and SBOM of the last commit into dist/, twice, and check them (2 minutes)
	@.venv-release/bin/python -m devtools.release dist

release-check: .make/release $(ENV) ## Go through the checklist of a release; print what publishes it once all is ok (10 minutes)
	@.venv-release/bin/python -m devtools.release check

release-date: .make/release ## Put today's date into CHANGELOG.md, for the version in exclusive_redis_xcom/__init__.py
	@.venv-release/bin/python -m devtools.release date

bench: $(ENV) ## Compare backends in a real Airflow; write docs/explanation/performance.md (15 minutes; 5 with BENCH_ARGS=--quick; with BASE=<revision>, that build takes turns in each row)
	@$(PY) -m benchmarks run $(if $(BASE),--base "$(BASE)") $(BENCH_ARGS)

bench-growth: $(ENV) ## Measure growing numbers of results, sizes and processes on one Redis (BENCH_ARGS=--quick)
	@$(PY) -m benchmarks growth $(BENCH_ARGS)

bench-postgresql: .make/uv ## Measure all results of a mapped task in server mode on PostgreSQL (BENCH_ARGS=--quick)
	@if python=$$(devtools/production/python.sh); then \
		PYTHON="$$python" devtools/uv.sh sync .venv-production requirements/production.txt && \
		.venv-production/bin/python -m benchmarks.scale.postgresql $(BENCH_ARGS); \
	else echo "skipped: there is no Python 3.10 to 3.14 that every user may execute, for the environment of test-production"; fi

bench-docs: $(ENV) ## Write the latest figures into docs/explanation/performance.md, and draw the chart
	@$(PY) -m benchmarks render $(BENCH_ARGS)

bench-micro: $(ENV) ## Measure single operations in a warmed process, to compare commits (MICRO_ARGS="-o before.json")
	@$(PY) -m benchmarks.micro $(MICRO_ARGS)

bench-ring: $(ENV) ## Measure what server enforcement costs the API server
	@$(PY) -m benchmarks.ring

bench-access: $(ENV) ## Measure who-can-read-what on 1,000 serialized DAGs: time, memory, one question (1 minute)
	@$(PY) -m benchmarks.access

bench-pages: $(ENV) ## Measure the pages in Airflow's UI beside Airflow's own requests (1 minute)
	@$(PY) -m benchmarks.pages

bench-memory: $(ENV) ## Show the bytes of small XComs part by part, in Redis and in Airflow's rows (10 seconds; BASE=<revision> for that build beside)
	@$(PY) -m benchmarks.stored $(if $(BASE),--base "$(BASE)")

bench-celery: .make/uv ## Compare cold starts under Celery, with Redis and with RabbitMQ as its broker (15 minutes; 8 with BENCH_ARGS=--quick)
	@devtools/uv.sh sync .venv-production requirements/production.txt
	@.venv-production/bin/python -m benchmarks.celery $(BENCH_ARGS)

mutants: $(ENV) ## Change the security core in small ways, and list changes that no test notices (about an hour)
	@.make/uv pip install --quiet --python $(PY) mutmut
	@$(VENV)/bin/mutmut run; $(VENV)/bin/mutmut results

up: $(ENV) ## Start a local Airflow that keeps running, with Docker Compose if an engine runs, else native; print URL and login
	@$(PY) -m devtools.local up

down: $(ENV) ## Stop the local Airflow, and remove its database, logs, passwords and XComs
	@$(PY) -m devtools.local down

lock: .make/uv ## Renew the hash-locked requirements/*.txt
	@for name in uv $(LOCKS); do \
		echo "locking requirements/$$name.txt"; \
		devtools/lock.sh "$$name" || exit; \
	done

clean: ## Remove environments and caches
	@if [ -e .stack/local.json ]; then $(MAKE) --no-print-directory down; fi
	rm -rf .venv .venv-airflow-* .venv-cosmos .venv-production .venv-release .make .stack mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
		build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.make/release: requirements/release.txt pyproject.toml devtools/uv.sh | .make/uv
	@devtools/uv.sh sync .venv-release requirements/release.txt
	@touch $@

.make/uv: requirements/uv.txt devtools/uv.sh
	@devtools/uv.sh install

.make/airflow-%: $(LOCK) pyproject.toml devtools/uv.sh | .make/uv
	@devtools/uv.sh sync $(VENV) $(LOCK)
	@touch $@

# With PYTHON, the environment is looked at each time: another Python may have made it.
ifneq ($(PYTHON),)
$(ENV): python
python:
endif
