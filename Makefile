# Each target sets up what it needs, then calls one command. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/.venv/bin:$(PATH)

RUN := .venv/bin/lightloom
PYTEST := .venv/bin/python -m pytest -n auto --dist worksteal
profile = --profile $(or $(PROFILE),sim)
# $(call option,VARIABLE,--flag): the flag when the variable has a value.
option = $(if $($(1)),$(2) "$($(1))")
run_options = $(profile) $(call option,TRACE,--trace) $(call option,WINDOW,--window) \
	$(call option,SKIP,--skip) $(call option,GPU,--endpoint) $(call option,SEED,--seed)
load_options = $(or $(call option,LOADS,--loads),--loads 0.1:0.9:0.2) \
	$(call option,SEEDS,--seeds) $(call option,WORKERS,--workers)
synth_options = --profile $(or $(PROFILE),ecp5) $(call option,BLOCK,--block) \
	$(call option,PORTS,--ports) $(call option,BITS,--bits) $(call option,SEEDS,--seeds) \
	$(call option,PEER,--peer)

.PHONY: help setup sim load sweep test verilog lint synth waves bench formal goodput switching minirack flowcheck validation study interop soak config lock clean

help:     ## list the targets and variables
	@echo "Targets:"
	@sed -nE 's/^([a-z]+): .*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 13
	@echo "Variables:"
	@sed -nE 's/^#: ([A-Z]+) +(.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 13

#: PROFILE  sim, ecp5, tera, or a .toml file (default sim; synth: ecp5; study: tera; lint: all three)
#: BLOCK    block to export, lint or synthesise (default chiplet; lint: every block)
#: TRACE    Chakra .et trace for sim and waves (default: the one that ships)
#: PEER     checkout of verilog-ethernet for interop and synth, of verilog-axis for synth with PORTS
#: ONLY     proof for formal (default: all)
#: WINDOW   core cycles of sim and waves (default 2000 and 1000)
#: SKIP     communications of the trace before the window (default 0, or 68 with the shipped trace)
#: GPU      whose chiplet runs in RTL (default: the busiest)
#: SIMULATOR  of the RTL in sim: icarus or verilator (default icarus)
#: SEED     seed of sim, waves, goodput, switching, minirack, validation (default 1)
#: SEEDS    place & route seeds of synth (default 1; 0: area alone), runs of each load in load
#: ERRORS   bits to invert on the fibres of minirack (default 0)
#: PORTS    synth: the crossbar alone, by its ports: 4,8,16; with what it delivers (no default)
#: BITS     of a flit of that crossbar (default 64)
#: LOADS    of load, flits a cycle and GPU: 0.1,0.5 or from:to:step (default 0.1:0.9:0.2)
#: EXPERIMENT  what sweep runs, a .toml file (docs/sweeps.md; no default)
#: WORKERS  local processes of load and sweep (default 2)
#: OUT      folder for the exported Verilog (default build/verilog/<profile>)

setup:    ## make .venv from the locked packages, install Icarus Verilog where it is missing
	@flow/setup.sh

sim: setup      ## run a trace on the rack model, replay a chiplet's flits in RTL, write the report
	@$(RUN) sim $(run_options) $(call option,SIMULATOR,--simulator)

load: setup     ## latency of the profile's rack against load, with a report in build/load
	@$(RUN) rack sweep $(profile) $(load_options) --out build/load

sweep: setup    ## run an experiment on the rack, with a report: EXPERIMENT=<file>
	@$(RUN) rack sweep $(call option,EXPERIMENT,) $(call option,WORKERS,--workers)

test: setup     ## run all tests but the long ones (JUnit XML: build/junit.xml)
	@flow/setup.sh --browser
	@mkdir -p build
	@$(PYTEST) -m "not long" --junitxml=build/junit.xml

soak: setup     ## run the long tests
	@mkdir -p build
	@$(PYTEST) -m long --junitxml=build/junit-long.xml

verilog: setup  ## export a block to Verilog-2005, with a JSON manifest of its ports
	@$(RUN) verilog $(profile) $(call option,BLOCK,--block) $(call option,OUT,--out)

lint: setup     ## check the Python with ruff, the exported Verilog with Icarus, Verilator, Yosys
	@$(RUN) lint $(call option,PROFILE,--profile) $(call option,BLOCK,--block)

synth: setup    ## area and Fmax of a block on an LFE5UM-85F (Yosys, nextpnr)
	@$(RUN) synth $(synth_options)

waves: setup    ## run a short sim with a waveform, and say how to open it
	@$(RUN) waves $(run_options)

bench: setup    ## speed of the model and of the RTL under Icarus and Verilator
	@$(RUN) bench

formal: setup   ## prove statements about the RTL (Yosys' sby, an SMT solver): ONLY=<proof>
	@$(RUN) formal $(call option,ONLY,--only)

goodput: setup  ## throughput of a link against the bit error rate, RTL and closed form (20 minutes)
	@$(RUN) goodput $(profile) $(call option,SEED,--seed)

switching: setup ## throughput, fairness, waits of the crossbar: model, RTL, iSLIP (40 minutes)
	@$(RUN) switching $(call option,SEED,--seed)

minirack: setup ## a rack of 12 chiplets in RTL, held to the model; bit errors: ERRORS=n
	@$(RUN) minirack $(call option,SEED,--seed) $(call option,ERRORS,--errors)

flowcheck: setup ## error of the flow-level model against the flit-level one
	@$(RUN) flowcheck

validation: setup ## the rack model against BookSim2's figures and switching theory
	@$(RUN) validation $(call option,SEED,--seed)

study: setup    ## the photonic rack against copper: measures, writes docs/study.md (15 minutes)
	@$(RUN) study $(call option,PROFILE,--profile)

interop: setup  ## our lanes against verilog-ethernet's 10G PHY: PEER=<checkout>
	@$(RUN) interop $(call option,PEER,--peer)

config: setup   ## print a profile with all that follows from it
	@$(RUN) config $(profile)

lock:     ## renew requirements.lock from pyproject.toml (needs uv)
	@flow/lock.sh

clean:    ## remove build/ (not .venv)
	@rm -rf build
