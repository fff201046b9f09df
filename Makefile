# Every target sets itself up first; what is already there costs no time.
#   make demo [FOOTAGE=folder] [MODEL=file.onnx] [ARGS="--for 60 --json"]   the whole system on this machine
#   make test [ARGS="tests/hub -k names"]                                   rules, types and tests; needs no GPU, no camera
#   make chaos [EVENTS=100000] [FAULTS=200] [SEED=n]                        custody under drawn faults
#   make check | fix | bench | bench-streams | bench-quality | bench-engine | bench-custody | train-detector | openapi | requirements       see below
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help demo test check fix fuzz bench bench-streams bench-quality bench-engine bench-custody chaos openapi requirements set-up train-detector
BIN := .venv/bin
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent
SOURCES := appliance federation firmware_profiles hil_tests hub image_build tests docs
export PYTHON
unexport PYTHONDONTWRITEBYTECODE # every program started would compile all of ours anew
# Tests commit to databases many thousand times: in memory, where there is enough of it (boxes leave 4 GiB free), no
# commit waits for a disk.
IN_MEMORY = $(shell [ "$$(df -k --output=avail /dev/shm | tail -n 1)" -gt 8000000 ] 2> /dev/null \
	&& ! findmnt -no OPTIONS /dev/shm | grep -q noexec && echo TMPDIR=/dev/shm)
# Tests wait for other programs more than they compute: two for each core, as far as 2 GiB for each of them reach.
AT_ONCE = $(shell awk -v cores="$$(nproc)" '/^MemAvailable/ { room = int($$2 / 2097152); n = 2 * cores; \
	if (n > room) n = room; if (n > 8) n = 8; print n < 2 ? 2 : n }' /proc/meminfo)

help:
	@sed -n 's/^#   //p' Makefile

demo: ## hub, broker, three appliances and their cameras, all on loopback
	@./set-up.sh demo
	@exec $(BIN)/fengsui demo $(if $(FOOTAGE),--footage "$(FOOTAGE)") $(if $(MODEL),--model "$(MODEL)") $(ARGS)

test: check ## all that a machine without GPU or camera can prove
	@echo "test: the front end's unit tests, then pytest, $(AT_ONCE) files at once"
	@$(NPM) test
	@$(IN_MEMORY) $(BIN)/pytest -q -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder $(ARGS)

check: ## rules and types, no test is run
	@./set-up.sh develop
	@echo "check: ruff, mypy, import contracts, types of the front end"
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/ruff format --quiet --check $(SOURCES)
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .venv/.stamps/imports.log 2>&1 || { cat .venv/.stamps/imports.log; exit 1; }
	@./set-up.sh front-end-types

fix: ## mend what ruff can mend
	@./set-up.sh develop
	@$(BIN)/ruff check --quiet --fix $(SOURCES) ; $(BIN)/ruff format --quiet $(SOURCES)

bench: ## measure against baselines of the same run: bench/results.json and bench/results.md
	@./set-up.sh develop
	@$(BIN)/pytest -q -p no:randomly -m bench tests/bench $(ARGS)

bench-streams: ## what pulling a hundred cameras costs, how soon they come back, what two thousand reconnects leave behind
	@./set-up.sh develop
	@exec $(BIN)/python -m tests.bench.streams $(ARGS)

bench-quality: ## how often picture diagnosis is right, and what a key frame costs it; ARGS="--footage folder" for real ones
	@./set-up.sh develop
	@exec $(BIN)/python -m tests.bench.quality $(ARGS)

bench-engine: ## what the engine adds to a bare model, what a camera and 64 packages cost; needs ../shared/data for the rest
	@./set-up.sh develop
	@exec $(BIN)/python -m tests.bench.engine $(ARGS)

fuzz: ## everything that reads a camera's bytes, coverage-guided: TARGET=rtp|rtsp|sdp|sets ARGS="-max_total_time=60"
	@./set-up.sh fuzz
	@exec $(BIN)/python -m tests.fuzz.streams $(or $(TARGET),rtp) $(or $(ARGS),-max_total_time=60)

chaos: ## real boxes, broker and hub under faults drawn from a seed; then every event is counted
	@./set-up.sh develop
	@exec $(BIN)/fengsui chaos --events $(or $(EVENTS),100000) --faults $(or $(FAULTS),200) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench-custody: ## events per second, latency, backlog, CPU and memory of real boxes, broker and hub
	@./set-up.sh develop
	@exec $(BIN)/fengsui load $(ARGS)

train-detector: ## draw streets, train a detector on them and write its package to build/street_objects
	@./set-up.sh training
	@exec $(BIN)/python -m hil_tests.training $(ARGS)

openapi: ## describe both APIs anew, and make the front end's client from that
	@./set-up.sh develop
	@$(BIN)/fengsui hub openapi > federation/webkit/api/hub.openapi.json
	@$(BIN)/fengsui appliance openapi > federation/webkit/api/appliance.openapi.json
	@$(NPM) generate

requirements: ## make the hashed requirement files again; ARGS=--upgrade for the newest
	@./set-up.sh develop
	@requirements/compile.sh $(ARGS)
