# ottd: `make demo` shows it, `make test` tests it, `make help` lists the rest.
# Variants live side by side in build/: make san=address,undefined | san=thread | CXX=clang++ | V=1

MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
  MAKEFLAGS += -j$(shell nproc)
endif
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CXX),default)
  CXX := g++
endif
san ?=
Q := $(if $(V),,@)
say = $(if $(V),@:,@echo "  $(1)")

comma := ,
variant := $(notdir $(firstword $(CXX)))$(if $(san),-$(subst $(comma),-,$(san)))
build := build/$(variant)

packages := g++ make libev-dev rapidjson-dev libfmt-dev libspdlog-dev libcli11-dev libexpected-dev \
            libjpeg62-turbo-dev libboost-dev libssl-dev libcurl4-openssl-dev prometheus-cpp-dev \
            libtomlplusplus-dev
demo_packages := python3
install_packages := lowdown python3
package_packages := $(install_packages) debhelper lintian pkg-config
scenario_packages := python3 iproute2 nftables
player_packages := ffmpeg mpv vlc-bin vlc-plugin-base chromium gstreamer1.0-tools gstreamer1.0-plugins-base \
                   gstreamer1.0-plugins-good
camera_packages := ustreamer openssl python3-gi gir1.2-gst-rtsp-server-1.0
test_packages := catch2 $(scenario_packages) procps curl python3-yaml python3-jsonschema mkvtoolnix prometheus \
                 $(player_packages) $(camera_packages) \
                 $(package_packages) zsh fish mmdebstrap systemd man-db
bench_packages := python3 iproute2 linux-perf
lint_packages := clang-tidy clang-format pyflakes3
fuzz_packages := clang libclang-rt-14-dev

CXXFLAGS ?= -O2 -g1 -fno-plt
warnings := -Wall -Wextra -Wconversion -Wshadow -Werror
all_cxxflags := -std=c++20 $(CXXFLAGS) $(warnings) -Iinclude -Isrc -DSPDLOG_FMT_EXTERNAL -DSPDLOG_COMPILED_LIB \
                $(if $(san),-fsanitize=$(san) -fno-omit-frame-pointer -fno-sanitize-recover=all)
# RapidJSON adds to null pointers; clang reports nothing else of this kind. Its look at virtual pointers opens a pipe,
# and takes them for wrong where a test has left no descriptor.
all_cxxflags += $(if $(findstring undefined,$(san)),-fno-sanitize=pointer-overflow -fno-sanitize=vptr)
all_ldflags := -Wl,-z,now $(LDFLAGS) $(if $(san),-fsanitize=$(san))
libs := -lev -lspdlog -lfmt -ljpeg -lcurl -lcrypto -lprometheus-cpp-core -lpthread

# libott.a: the protocol, without I/O. The program adds everything else.
lib_sources := $(wildcard src/core/*.cpp) src/media/rtp.cpp $(wildcard src/media/rtp_jpeg*.cpp)
program_sources := $(filter-out $(lib_sources) src/app/main.cpp,$(wildcard src/*/*.cpp))
load_sources := $(wildcard tools/load/*.cpp)
wire_sources := $(wildcard tools/wire/*.cpp)
bench_sources := $(wildcard tools/bench/*.cpp)
unit_sources := $(wildcard test/unit/*.cpp test/unit/*/*.cpp) $(wildcard test/sim/*.cpp)

object = $(patsubst %.cpp,$(build)/%.o,$(1))
lib := $(build)/libott.a
program_lib := $(build)/libottd.a
program := $(build)/ottd
load := $(build)/ott-load
wire := $(build)/wire
unit := $(build)/unit-tests

.PHONY: all
all: $(program) $(load) $(wire) $(lib) ## build ottd, ott-load, wire, libott.a in build/<variant>/, with links in build/
	$(Q)ln -sf $(variant)/ottd build/ottd
	$(Q)ln -sf $(variant)/ott-load build/ott-load
	$(Q)ln -sf $(variant)/wire build/wire

$(build)/%.o: %.cpp | needs-build
	$(call say,CXX   $<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(all_cxxflags) -MMD -MP -c $< -o $@

# The live page is part of the program, as it is committed: nothing of node is needed here.
page := src/page/dist/index.html
build/page/index.html.gz: $(page)
	$(Q)mkdir -p $(@D)
	$(Q)gzip -9nc $< > $@.$$$$ && mv $@.$$$$ $@
$(build)/src/media/page.o: $(page) src/page/dist/player.js build/page/index.html.gz src/role/openapi.yaml

$(lib): $(call object,$(lib_sources))
	$(call say,AR    $@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(program_lib): $(call object,$(program_sources))
	$(call say,AR    $@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(program): $(call object,src/app/main.cpp) $(program_lib) $(lib)
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_ldflags) $^ $(libs) -o $@

$(load): $(call object,$(load_sources) src/app/logging.cpp) $(program_lib) $(lib)
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_ldflags) $^ $(libs) -o $@

$(wire): $(call object,$(wire_sources))
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_ldflags) $^ -lfmt -o $@

bench_programs := $(patsubst tools/bench/%.cpp,$(build)/%,$(bench_sources))
$(bench_programs): $(build)/%: $(build)/tools/bench/%.o $(program_lib) $(lib)
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_ldflags) $^ $(libs) -o $@

$(build)/test/unit/wire/%.o: private all_cxxflags += -Itools
# What tests say need not be fast, and is half of all there is to compile. What they run is.
unit_flags := -O0
# The tests' own code is checked by AddressSanitizer alone: with UBSan it takes half as long again to build.
unit_flags += $(if $(findstring undefined,$(san)),-fno-sanitize=undefined)
# And half of that is what nearly all of them include: it is compiled once. Each still says what it uses, and
# `make lint` reads it without this.
common := $(build)/test/unit/common.h
$(common).gch: test/unit/common.h | needs-build
	$(call say,CXX   $<)
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $(common)
	$(Q)$(CXX) $(all_cxxflags) $(unit_flags) -x c++-header $< -o $@
$(build)/test/unit/%.o: private all_cxxflags += $(unit_flags)
with_common := $(call object,$(filter test/unit/%,$(filter-out test/unit/main.cpp,$(unit_sources))))
$(with_common): private all_cxxflags += -include $(common)
$(with_common): $(common).gch
$(build)/test/sim/%.o: all_cxxflags += $(if $(findstring undefined,$(san)),-fno-sanitize=undefined)
$(unit): $(call object,$(unit_sources) tools/wire/delay_line.cpp) $(program_lib) $(lib)
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_ldflags) $^ $(libs) -o $@

# What stands behind /dev/full for a program that reads cameras alone.
fake_camera := $(build)/fake_camera.so
$(fake_camera): tools/bench/camera/fake_camera.cpp tools/load/frames.cpp src/role/latency_histogram.cpp | needs-build
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_cxxflags) -Itools -fPIC -shared $(all_ldflags) $^ -o $@

sim_sources := $(filter-out %_test.cpp,$(wildcard test/sim/*.cpp)) test/sim/run/main.cpp
sim := $(build)/sim
$(sim): $(call object,$(sim_sources)) $(program_lib) $(lib)
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_ldflags) $^ $(libs) -o $@

-include $(patsubst %.o,%.d,$(call object,$(lib_sources) $(program_sources) $(unit_sources) src/app/main.cpp))
-include $(patsubst %.o,%.d,$(call object,test/sim/run/main.cpp $(load_sources) $(wire_sources) $(bench_sources)))

# Nobody has to install anything first: what is missing is installed when it is needed.
.PHONY: needs-build needs-demo needs-scenarios needs-test needs-lint needs-fuzz needs-bench needs-page
needs-build: ; $(Q)tools/deps $(packages)
needs-demo: ; $(Q)tools/deps $(packages) $(demo_packages)
needs-scenarios: ; $(Q)tools/deps $(packages) $(scenario_packages)
needs-test: ; $(Q)tools/deps $(packages) $(test_packages)
needs-lint: ; $(Q)tools/deps $(packages) $(test_packages) $(lint_packages)
needs-bench: ; $(Q)tools/deps $(packages) $(bench_packages)
needs-fuzz: ; $(Q)tools/deps $(packages) $(fuzz_packages)

.PHONY: deps
deps: ## install all Debian packages for building, testing, linting and fuzzing
	$(Q)tools/deps $(packages) $(test_packages) $(lint_packages) $(fuzz_packages)

.PHONY: demo
demo: needs-demo ## a bootstrapper, three relays and two clients on this machine, ten seconds
	$(Q)$(MAKE) -s all
	$(Q)tools/demo build/ottd

.PHONY: demo-join
demo-join: needs-demo ## the same without a bootstrapper: six processes that find each other
	$(Q)$(MAKE) -s all
	$(Q)tools/demo build/ottd --join

.PHONY: scenarios
scenarios: needs-scenarios ## the scenarios of core-scenarios/ in namespaces, six minutes, as root: build/scenarios/
	$(Q)$(MAKE) -s all
	$(Q)tools/scenario 1 2 3 4 5 6

ONLY ?=
.PHONY: test
test: needs-test ## all tests; ONLY=REGEX: those whose name it is found in
	$(Q)$(MAKE) $(program) $(load) $(wire) $(unit) share
	$(Q)for name in ottd ott-load wire; do [ -e build/$$name ] || ln -sf $(variant)/$$name build/$$name; done
	$(Q)test/run --unit $(unit) --ottd $(program) --only '$(ONLY)'

# One build for the tests and the fuzz targets, which want to see where a program has been.
checked := CXX=clang++ san=address,undefined,fuzzer-no-link CXXFLAGS="-O1 -g1"
.PHONY: check
check: needs-fuzz ## all tests (ONLY=REGEX) under AddressSanitizer and UBSan, by clang (san=address,undefined)
	$(Q)$(MAKE) $(checked) test

# What workers do, with the least that it takes to build in a variant of its own.
worker_sources := test/unit/main.cpp test/unit/io/worker_pool_test.cpp test/unit/media/frame_ahead_test.cpp \
                  test/unit/media/jpeg_helpers.cpp src/io/output.cpp src/io/worker_pool.cpp \
                  $(patsubst %,src/media/%.cpp,avi_splitter classic_clip clip_format file_sources frame_ahead \
                    frame_sink frame_splitter jpeg_convert jpeg_guard jpeg_walker live_frames mjpeg_splitter \
                    pattern_source picture_encoder source source_spec test_picture whole_file)
worker_tests := $(build)/worker-tests
$(worker_tests): $(call object,$(worker_sources)) $(lib)
	$(call say,LINK  $@)
	$(Q)$(CXX) $(all_ldflags) $^ $(libs) -o $@

threads := san=thread CXXFLAGS="-O0 -g1"
.PHONY: check-workers check-threads check-workers-run check-threads-run
check-workers: needs-test ## the tests of workers under ThreadSanitizer
	$(Q)$(MAKE) $(threads) check-workers-run
check-threads: check-workers ## the same, and tests of processes that use workers
	$(Q)$(MAKE) $(threads) check-threads-run
check-workers-run: $(worker_tests)
	$(Q)test/run --unit $(worker_tests)
check-threads-run: $(program)
	$(Q)test/run --ottd $(program) --only pause_test

SEEDS ?= 10000
.PHONY: sim
sim: needs-build ## run SEEDS (10000) schedules of each kind; build/<variant>/sim [--KIND] --seed N replays one
	$(Q)$(MAKE) $(sim)
	$(Q)for kind in "" --pictures --hostile --commands --guests --sources; do for first in $$(seq 1 500 $(SEEDS)); do \
	  left=$$(($(SEEDS) - first + 1)); echo $$kind $$((left < 500 ? left : 500)) $$first; \
	done; done | xargs -P $(shell nproc) -L 1 $(sim)

MINUTES ?= 5
.PHONY: chaos
chaos: needs-test ## MINUTES (5) of random failures among twenty processes in network namespaces, as root
	$(Q)$(MAKE) $(program)
	$(Q)tools/chaos $(program) --minutes $(MINUTES)

.PHONY: chaos-join
chaos-join: needs-test ## the same of twenty that find each other, at three sites, without a topology
	$(Q)$(MAKE) $(program) $(wire)
	$(Q)tools/chaos-join $(program) --minutes $(MINUTES)

.PHONY: failures
failures: needs-test ## measure what viewers see when relays and links fail; case c as root
	$(Q)$(MAKE) $(program)
	$(Q)tools/failures $(program)

.PHONY: bench
bench: needs-bench ## measure against the floor, other programs and at the limits, half an hour: build/bench/
	$(Q)$(MAKE) all $(bench_programs) $(fake_camera)
	$(Q)tools/bench/run $(build)

.PHONY: bench-short
bench-short: needs-bench ## a minute of that; fails when ottd's CPU is far above the floor's
	$(Q)$(MAKE) all $(bench_programs)
	$(Q)tools/bench/run $(build) --only floor --quick --assert

FUZZ_SECONDS ?= 30
.PHONY: fuzz
fuzz: needs-fuzz ## run each libFuzzer target for FUZZ_SECONDS (30)
	$(Q)$(MAKE) $(checked) fuzz-run

fuzz_targets := $(patsubst test/fuzz/%.cpp,$(build)/fuzz/%,$(wildcard test/fuzz/*.cpp))
$(build)/fuzz/%: test/fuzz/%.cpp $(program_lib) $(lib) | needs-fuzz
	$(call say,FUZZ  $<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(all_cxxflags) -fsanitize=fuzzer -MMD -MP $(all_ldflags) $< $(program_lib) $(lib) $(libs) -o $@
-include $(addsuffix .d,$(fuzz_targets))
.PHONY: fuzz-run
fuzz-run: $(fuzz_targets)
	$(Q)test/fuzz/run --seconds $(FUZZ_SECONDS) $(fuzz_targets)

.PHONY: check-build check-build-run
check-build: needs-fuzz ## build what `check` and `fuzz` run
	$(Q)$(MAKE) $(checked) check-build-run
check-build-run: $(program) $(load) $(wire) $(unit) $(fuzz_targets)

LINT ?=
.PHONY: lint
lint: needs-lint ## clang-tidy, pyflakes, include direction, formatting, the container file
	$(Q)tools/lint $(LINT)

.PHONY: format
format: needs-lint ## reformat the sources in place
	$(Q)clang-format -i $$(git ls-files '*.cpp' '*.h')

# Node is Debian's, unless another one is there already. What npm installs is in package-lock.json.
npm := src/page/node_modules/.package-lock.json
needs-page: ; $(Q)command -v node >/dev/null && command -v npm >/dev/null || tools/deps nodejs npm
$(npm): src/page/package-lock.json src/page/package.json | needs-page
	$(call say,NPM   src/page)
	$(Q)npm ci --prefix src/page --no-audit --no-fund --loglevel error
	$(Q)touch $@

.PHONY: page
page: $(npm) ## build the live page anew: src/page/dist/, which is committed
	$(Q)node src/page/build.mjs

.PHONY: page-check
page-check: $(npm) ## fails where src/page/dist/ is not what its sources give, or they have type errors
	$(Q)node src/page/node_modules/typescript/bin/tsc --noEmit -p src/page
	$(Q)node src/page/build.mjs --check

.PHONY: test-page
test-page: needs-test $(npm) ## test the live page in a browser, with made-up and real overlays: build/page/
	$(Q)$(MAKE) $(program)
	$(Q)node test/page/run.mjs
	$(Q)test/page/overlays.py $(program)

include tools/package/package.mk

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile tools/package/package.mk | expand -t 22
