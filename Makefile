# The front door. Every target works on a fresh Debian 12 machine: `setup` installs what is missing.
BUILD ?= build
SAN   ?= build-asan
.DEFAULT_GOAL := build

.PHONY: setup build run soak check system system-nvmf bench bench-peers bench-nvmf bench-plots fuzz format tidy install clean

setup:            ## install the Debian packages the build and the tests need (only the missing ones)
	@devtools/setup.sh

build: setup      ## configure and compile
	@devtools/build.sh $(BUILD)

run: build        ## the demo: three nodes, one service, real pods (KEEP=1 leaves it up)
	@daemons/demo/run.sh $(BUILD)

check: setup      ## unit, api, layers, examples, conformance, and the sanitizer build of the fast parts
	@devtools/check.sh $(BUILD) $(SAN)

system-nvmf: build ## NVMe-oF: Debian's kernel in a guest as the host (root)
	@devtools/setup.sh devtools/packages-nvmf.txt
	@devtools/suites.sh $(BUILD) --suite system-nvmf

system: build     ## namespaces, real kernel stacks, real peers (root)
	@devtools/suites.sh $(BUILD) --suite system

bench: build      ## one JSON line per claim
	@bench/run.sh $(BUILD)

bench-peers: build ## beside Open vSwitch with DPDK, one core, 20 interleaved pairs per case (root)
	@devtools/setup.sh devtools/packages-peers.txt
	@bench/peers/peers.py $(BUILD) --out $(BUILD)/bench-peers.jsonl

bench-nvmf: build ## NVMe/TCP, each promise with its verdict (SPDK=DIR runs a built SPDK beside it)
	@bench/nvmf/run.py $(BUILD) $(if $(SPDK),--spdk $(SPDK))

bench-plots: build ## how the cost of a packet grows: SVG into docs/performance
	@devtools/setup.sh devtools/packages-plots.txt
	@bench/plots.py $(BUILD)

soak: build       ## the packet path against its twins, fresh seeds (SECONDS_ALL=3600)
	@devtools/soak.sh $(BUILD) $(or $(SECONDS_ALL),3600)

fuzz: setup       ## every parser of untrusted bytes (SECONDS_EACH=60)
	@devtools/fuzz.sh

format:           ## clang-format what changed
	@git ls-files '*.c' '*.h' | xargs clang-format -i

tidy: build       ## clang-tidy and cppcheck
	@devtools/tidy.sh $(BUILD)

install: build
	@meson install -C $(BUILD)

clean:
	@rm -rf $(BUILD) $(SAN) build-fuzz
