# make demo    set up, build, and show the whole way on a small model
# make test    set up, build, and run every test
# make bench   time original and hybrid against each other and other engines; MODEL=, KEEP=, PEER=python as in
#              Benchmarks/run.sh
# make lint    check the format
BUILD := swift build -c release
HYBRIDIZE := .build/release/hybridize

.PHONY: demo test bench lint build setup format clean

demo: build
	$(HYBRIDIZE) demo

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
