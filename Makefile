# Coverslip. `make help` lists the targets; CI calls nothing but these.

# One set of build flags everywhere: another one would compile OpenGL's binding a
# second time, which takes minutes. migrated_fynedo says that we hand work to the
# window's goroutine ourselves.
GO          = go
TAGS        = migrated_fynedo
# Without cgo and with Fyne's test driver in place of the window system: every
# package but the real window, on any machine, with no compiler and no display.
HEADLESS    = CGO_ENABLED=0
HEADLESS_TAGS = ci,migrated_fynedo
PACKAGES    = ./...
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
TALLY       = $(GO) run .ci/tally/main.go $(if $(COUNTS),-o $(COUNTS))
# The rooms that start goroutines. Without migrated_fynedo, so that Fyne also
# checks that the widgets are touched on their own goroutine.
RACE_PACKAGES = ./annotate/... ./tiles/... ./storage/... ./models/... ./viewer/... ./app
# Comparing pixels and shapes with other programs, real slides, and damaged files one
# by one take the detector a quarter of an hour and show it nothing that other tests
# do not; nor does what computes on one goroutine (figures, datasets, the colours of
# single pixels). Under it sync.Pool forgets at random, so allocations are
# not counted either; what it remembers fills a ceiling of memory; and its slowness
# moves the moment at which a process is killed.
RACE_SKIP   = Equal|OpenSlide|Tifffile|Tiffinfo|Broken|Malformed|Shapely|Hostile|AtOnce|Conformance_Real|NoBlackBorders|SpoiltWhileOpen|Project_Damage|RandomDamage|NthCall|Decode_Garbage|Decode_Bounded|Engine_Memory|Case38|Case17|House|Papers|HeldOut|ExportDataset|ConvertSlide|People|Collect|Assign|Ranker|Replay|RealFiles|pixels|seams|noSeams|tilesMeet|manySeenWhole
# The window draws in software under test, ten times as slowly with the detector: here
# what hands work between goroutines. `make race RACE_WINDOW=.` is all of it.
RACE_WINDOW = Open|Draw|Review_ByKeys|Job|Exports|AddModelFolder|WhileTheShape|Linked|walk|Lane|Latest|HoldUp|Killed|Dropped
FUZZTIME    = 10s
BENCH       = .
PEERS       = ./tiles/... ./app
SLIDE       =
WANDER      = 1h
VERSION     = $(shell sed -n 's/^ *Version *= *"\(.*\)"/\1/p' FyneApp.toml 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup build run demo demo-ready test race torture torture-short torture-window lint lint-format lint-vet lint-staticcheck house fuzz bench bench-loop bench-peers e2e wander shots cover doctor package clean

# build/setup.mk says which Go to use. It is made, and Go fetched when there is
# none that is new enough, the first time a target is asked for that needs one.
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
-include build/setup.mk
endif
build/setup.mk: go.mod
	@.ci/setup go

help: ## this list
	@echo 'Coverslip: make TARGET'
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

setup: ## prepare this machine: system packages, Go, the model runtime
	@.ci/setup build

build: build/setup.mk ## bin/coverslip (the window) and bin/coverslipctl (headless)
	$(HEADLESS) $(GO) build -o bin/coverslipctl ./cmd/coverslipctl
	$(GO) build -tags $(TAGS) -o bin/coverslip ./cmd/coverslip

run: build ## build and start the window: make run ARGS=PROJECT-OR-SLIDE
	bin/coverslip $(ARGS)

demo: ## the whole way on a generated slide, or on yours: make demo SLIDE=path
	@.ci/setup demo
	@$(MAKE) --no-print-directory demo-ready

demo-ready: build/setup.mk
	@.ci/demo "$(SLIDE)"

test: build/setup.mk ## the whole test suite, without a display or a C compiler
	@$(HEADLESS) $(GO) test -json -tags $(HEADLESS_TAGS) $(PACKAGES) | $(TALLY)

race: build/setup.mk ## the race detector over the rooms with goroutines
	@{ CGO_ENABLED=1 $(GO) test -json -race -short -skip '$(RACE_SKIP)' -tags ci $(RACE_PACKAGES); \
	   CGO_ENABLED=1 $(GO) test -json -race -short -run '$(RACE_WINDOW)' -tags ci ./app/window; } | $(TALLY)

# Tests that break things on purpose: kills, power cuts, failing calls, damage.
TORTURED = ./storage ./cmd/coverslipctl
TORTURES = Torture|PowerCuts|Faults|Damage|Repair|Killed|Case

torture-short: build/setup.mk ## kills, power cuts, failing calls and damage, a few of each (≤ 3 min)
	@$(HEADLESS) $(GO) test -count=1 -p 1 -timeout 5m -short -json -tags $(HEADLESS_TAGS) -run '$(TORTURES)' $(TORTURED) | $(TALLY)

torture: build/setup.mk ## the same in full: 1,000 kills of the program, 2,000 power cuts
	@$(HEADLESS) COVERSLIP_TORTURE=1000 $(GO) test -count=1 -p 1 -timeout 120m -v -tags $(HEADLESS_TAGS) -run '$(TORTURES)' $(TORTURED)

torture-window: build ## kill the window in the middle of a person's work, 20 times
	@$(HEADLESS) COVERSLIP_BIN=$(CURDIR)/bin COVERSLIP_KILLS=20 $(GO) test -count=1 -timeout 60m -v -tags e2e -run KilledAtRandom ./cmd/coverslip/e2e

lint: lint-format lint-vet lint-staticcheck ## gofmt, go vet, staticcheck

lint-format:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt would change:"; echo "$$files"; exit 1; }

lint-vet: build/setup.mk
	$(HEADLESS) $(GO) vet -tags $(HEADLESS_TAGS) ./...
	$(HEADLESS) $(GO) vet -tags $(HEADLESS_TAGS),e2e ./cmd/...
	$(GO) vet .ci/tally/main.go

lint-staticcheck: build/setup.mk
	$(HEADLESS) $(GO) run $(STATICCHECK) -tags $(HEADLESS_TAGS),e2e ./...

house: build/setup.mk ## the walls between the rooms and the size budgets
	@$(HEADLESS) $(GO) test -count=1 -json -run House ./app | $(TALLY)

fuzz: build/setup.mk ## every fuzz target for FUZZTIME (10s)
	@$(HEADLESS) FUZZTIME=$(FUZZTIME) .ci/fuzz

bench: build/setup.mk ## the benchmarks: make bench BENCH=Loader PACKAGES=./tiles
	$(HEADLESS) $(GO) test -tags $(HEADLESS_TAGS) -run '^$$' -bench '$(BENCH)' -benchmem $(PACKAGES)

bench-loop: build/setup.mk ## clicks that each order of the queue saves, by a simulated reader: build/loop/loop.json
	$(HEADLESS) $(GO) run ./cmd/coverslipctl bench loop --out build/loop

bench-peers: build/setup.mk ## against other programs, one run, one machine: build/peers.json
	@mkdir -p build && rm -f build/peers.lines build/peers.json
	$(HEADLESS) COVERSLIP_PEERS=$(CURDIR)/build/peers.lines $(GO) test -count=1 -p 1 -timeout 60m -tags $(HEADLESS_TAGS) -run Peers -v $(PEERS) | grep -E '^ok|FAIL|times \(goal|SKIP'
	@$(MAKE) --no-print-directory build
	$(HEADLESS) COVERSLIP_PEERS=$(CURDIR)/build/peers.lines COVERSLIP_BIN=$(CURDIR)/bin $(GO) test -count=1 -timeout 60m -tags e2e -run 'Peers_(Frames|Viewers|Moments)' -v ./cmd/coverslip/e2e | grep -E '^ok|FAIL|times \(goal|SKIP|skip'
	@{ echo '['; sed '$$!s/$$/,/' build/peers.lines; echo ']'; } >build/peers.json

e2e: build ## drive the built window with real X events under Xvfb
	@$(HEADLESS) COVERSLIP_BIN=$(CURDIR)/bin $(GO) test -count=1 -timeout 15m -json -tags e2e -skip 'Screens|Film' ./cmd/coverslip/e2e | $(TALLY) -v

wander: build/setup.mk ## an hour over ten slides: memory and goroutines stay flat (WANDER=1h)
	$(HEADLESS) COVERSLIP_WANDER=$(WANDER) $(GO) test -count=1 -timeout 0 -v -tags $(HEADLESS_TAGS) -run TestWindow_wander ./app/window

shots: build ## only the screenshots, into build/shots, and README's picture
	@$(HEADLESS) COVERSLIP_BIN=$(CURDIR)/bin $(GO) test -count=1 -timeout 30m -json -tags e2e -run Shots ./cmd/coverslip/e2e | $(TALLY) -v
	@mkdir -p docs/images && cp build/shots/window.jpg build/shots/film.jpg docs/images/

cover: build/setup.mk ## test coverage into build/cover.html
	$(HEADLESS) $(GO) test -tags $(HEADLESS_TAGS) -coverprofile build/cover.out $(PACKAGES)
	$(GO) tool cover -func build/cover.out | tail -n 1
	$(GO) tool cover -html build/cover.out -o build/cover.html

doctor: build/setup.mk ## what this machine has and lacks, and the remedy
	@$(HEADLESS) $(GO) build -o bin/coverslipctl ./cmd/coverslipctl
	@bin/coverslipctl doctor

package: build ## build/coverslip-VERSION-linux-ARCH.tar.gz with both programs
	@VERSION="$(VERSION)" .ci/package

clean: ## remove what was built, not what was fetched
	rm -rf bin build
