# Everything a person types. `make demo` and `make test` need nothing done before.
#   make build DUCKDB_ROOT=/opt/duckdb   takes a DuckDB of your own
#   make build JOBS=8                    more or fewer compilers at once
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
PRESET ?= release
CONFIGURE_LOG = build/$(PRESET)/configure.log
ifneq ($(DUCKDB_ROOT),)
export DUCKDB_ROOT
endif
ifneq ($(RDKAFKA_ROOT),)
export RDKAFKA_ROOT
endif
DUCKDB_HOME = $$(scripts/bootstrap --print-duckdb-root)

.PHONY: stream-proof bench-ingest jinja-diff kafka-storm s3-storm bench-delta bench-delta-20m bench-delta-merge crash sim help bootstrap configure build all demo demo-retail test check bench fmt asan tsan debug clean

help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

bootstrap: ## install what is missing to build (packages, DuckDB)
	@scripts/bootstrap

# Configuring again only when there is no cache or DuckDB moved keeps a warm `make build` at seconds; a
# changed CMakeLists.txt or a new file is seen by the build itself.
configure: bootstrap
	@mkdir -p build/$(PRESET)
	@if ! grep -qxF "DUCKDB_ROOT:PATH=$(DUCKDB_HOME)" build/$(PRESET)/CMakeCache.txt 2>/dev/null \
	    || [ ! -f build/$(PRESET)/build.ninja ]; then \
	  cmake --preset $(PRESET) -DDUCKDB_ROOT="$(DUCKDB_HOME)" >$(CONFIGURE_LOG) 2>&1 \
	    || { cat $(CONFIGURE_LOG); exit 1; }; \
	fi

build: configure ## build/release/tarn
	@ninja -C build/$(PRESET) -j $(JOBS) --quiet tarn

all: configure ## the binary and every test binary
	@ninja -C build/$(PRESET) -j $(JOBS) --quiet

demo: build ## generate -> Bronze -> Silver -> Gold, into ./demo-lake; a second run finds nothing new
	@scripts/demo

demo-retail: build ## the same road on real invoices (TARN_SHARED_DATA)
	@scripts/demo-retail

test: all ## every suite; the last line counts passed, failed, skipped
	@scripts/bootstrap --test
	@tests/run

check: all ## format, layers, unit tests, quick SQL tests
	@scripts/format --check
	@tests/run --quick

bench: configure ## the benchmarks of every room
	@ninja -C build/$(PRESET) -j $(JOBS) --quiet benches
	@scripts/bench build/$(PRESET)

bench-delta: build ## Tarn beside delta-rs and DuckDB, about 15 minutes; SCALE=rows ONLY=W1,W5 FRESH=1
	@scripts/bootstrap --bench
	@bench/delta/run --scale $(or $(SCALE),2000000) --only "$(ONLY)" --out build/bench-delta $(if $(FRESH),--fresh)

bench-delta-20m: build ## W1, W5 and W7 at 20 million rows: about 10 minutes and 12 GB of disk
	@scripts/bootstrap --bench
	@bench/delta/run --scale 20000000 --rounds 2 --only W1,W5,W7 --out build/bench-delta-20m $(if $(FRESH),--fresh)

bench-ingest: build ## Kafka into a table beside Python and Kafka Connect, about 20 minutes (COUNT=messages)
	@scripts/bootstrap --bench-ingest
	@bench/ingest/run --count $(or $(COUNT),1000000) --out build/bench-ingest

bench-delta-merge: build ## MERGE of 200,000 keys into 100 million rows within 2 GB: about 15 minutes and 25 GB of disk
	@scripts/bootstrap --bench
	@bench/delta/merge_large --rows $(or $(SCALE),100000000)

fmt: ## format every C++ file in place
	@scripts/format

jinja-diff: all ## the template language against Jinja2 (N=templates, TARN_JINJA_CORPUS=folder)
	@TARN_BUILD=build/$(PRESET) tests/jinja/suite --templates $(or $(N),100000)

.PHONY: dbt-projects
dbt-projects: build ## public dbt projects beside dbt-core (PROJECTS=folder with copies, ONLY="dbt-utils …")
	@[ -n "$(PROJECTS)" ] || { echo "make dbt-projects PROJECTS=folder; see tests/dbt/real_projects.py" >&2; exit 2; }
	@scripts/bootstrap --test
	@TARN_BIN=build/$(PRESET)/tarn tests/dbt/compare --all $(PROJECTS) $(ONLY)

crash: all ## kill -9 of ingest and MERGE at 200 random moments (KILLS=n)
	@TARN_CRASHES=$(or $(KILLS),200) TARN_BUILD=build/$(PRESET) tests/crash/suite

.PHONY: crash-dbt bench-dbt
crash-dbt: build ## kill -9 of dbt builds at 100 random moments, then retry (KILLS=n)
	@TARN_BIN=build/$(PRESET)/tarn tests/dbt/kills.py $(or $(KILLS),100)

bench-dbt: build ## dbt projects beside dbt-core and the Rust engine: 20 minutes (ROUNDS=n MODELS=n FRESH=1)
	@scripts/bootstrap --bench
	@bench/dbt/run --models $(or $(MODELS),1000) --rounds $(or $(ROUNDS),3) --out build/bench-dbt $(if $(FRESH),--fresh)

s3-storm: all ## the S3 suite with 8 writers x 50 commits in every storm
	@scripts/bootstrap --test
	@TARN_S3_STORM=1 TARN_BUILD=build/$(PRESET) tests/s3/suite

.PHONY: sim-replay sim-mutants
stream-proof: all ## streaming Silver: 1,000 batches, 50 kills (ten minutes)
	@TARN_BIN=$(CURDIR)/build/$(PRESET)/tarn TARN_STREAM_ONLY=proof TARN_STREAM_BATCHES=1000 TARN_STREAM_KILLS=50 \
	  tests/stream/suite

kafka-storm: all ## 2 million Kafka messages into S3, 100 kills, broker and S3 server restarts, a full disk
	@TARN_STORM=1 TARN_BIN=build/$(PRESET)/tarn tests/kafka/suite storm_s3

sim: configure ## the commit protocol under seeded faults (SEEDS=n FIRST=n)
	@ninja -C build/$(PRESET) -j $(JOBS) --quiet sim
	@build/$(PRESET)/sim --seeds $(or $(SEEDS),100000) --first $(or $(FIRST),1) --require-all

sim-replay: configure ## one seed of it with all it does (SEED=n)
	@ninja -C build/$(PRESET) -j $(JOBS) --quiet sim
	@build/$(PRESET)/sim --trace --first $(SEED)

sim-mutants: ## break the commit rules one by one in a copy; a seed must catch each
	@tests/sim/mutants

FUZZ_BUILD = $(if $(filter checkpoint_parquet,$(TARGET)),$(PRESET),fuzz)

.PHONY: fuzz
fuzz: ## one fuzz target (TARGET=csv SECONDS=n, or FILE=crash-… to run one input again)
	@[ -n "$(TARGET)" ] || { echo "make fuzz TARGET=…, one of: $$(ls tests/fuzz/corpus | xargs)" >&2; exit 2; }
	@$(MAKE) configure PRESET=$(FUZZ_BUILD)
	@ninja -C build/$(FUZZ_BUILD) -j $(JOBS) --quiet fuzz_$(TARGET)
	@build/$(FUZZ_BUILD)/fuzz_$(TARGET) --seconds $(or $(SECONDS),60) $(or $(FILE),tests/fuzz/corpus/$(TARGET))

asan: ## unit tests of the engine-free rooms under address and undefined behaviour sanitizers
	@$(MAKE) sanitized PRESET=asan

tsan: ## the same under the thread sanitizer
	@$(MAKE) sanitized PRESET=tsan

.PHONY: sanitized
sanitized: configure
	@ninja -C build/$(PRESET) -j $(JOBS) --quiet
	@ctest --test-dir build/$(PRESET) --output-on-failure

debug: ## build/debug/tarn
	@$(MAKE) build PRESET=debug

clean: ## remove the build tree and the demo lakes
	@rm -rf build demo-lake demo-retail-lake
