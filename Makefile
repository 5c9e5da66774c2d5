# make demo    set up, build, and show the whole way on a small model; DEMO= further options of the command
# make reproduce   the paper's claim on that model, in fifteen minutes: fails if it does not hold
# make test    set up, build, and run every test
# make bench   time original and hybrid against each other and other engines; MODEL=, KEEP=, PEER=python as in
#              Benchmarks/run.sh
# make lint    check the format
BUILD := swift build -c release
HYBRIDIZE := .build/release/hybridize

.PHONY: demo reproduce test bench lint build setup format clean

demo: build
	$(HYBRIDIZE) demo $(DEMO)

reproduce: build
	$(HYBRIDIZE) demo --claim --align-tokens 400000 --match-tokens 600000 $(DEMO)

test: setup
	swift test -c release --disable-testable-imports

build: setup
	$(BUILD) --product hybridize

bench: build
	Benchmarks/run.sh $(MODEL) $(KEEP)

setup:
	@scripts/setup.sh

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

format:
	swift format --in-place --recursive Package.swift Sources Tests

clean:
	rm -rf .build
