# make test is what a newcomer runs: it needs Go and make. make check is
# everything that CI does; it also needs what .ci/run installs.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DATA    ?= ../shared/data
BIN     := bin/plimsoll$(shell $(GO) env GOEXE)
KIT     := bin/plimsoll-conformance$(shell $(GO) env GOEXE)
GUESTS  := $(patsubst %/code/main.go,%/skill.wasm,$(wildcard examples/*/code/main.go examples/*/skills/*/code/main.go))

.PHONY: build test demo check rest fmt-check vet lint race generated examples fuzz guests sdks test-sdks cross recompute bench bench-gate bench-start bench-night bench-adopt bench-truth bench-topology bench-load bench-retrieval bench-store bench-sandbox bench-backend conformance-mcp agent-check proto clean

build: guests ## both binaries, and the skills' code as WASM
	$(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./core/cmd/plimsoll
	$(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(KIT) ./conformance/cmd/plimsoll-conformance

guests: $(GUESTS)

%/skill.wasm: %/code/*.go $(wildcard sdk/skill/*.go sdk/skill/abi/*.go)
	GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -buildvcs=false -ldflags "-s -w" -buildmode=c-shared -o $@ ./$*/code

# The example guest of every other language, where its toolchain is installed.
# Rust's may be there twice, and only one of them have the target for WASM.
CARGOS    := cargo /usr/bin/cargo
WASM_RUST := wasm32-unknown-unknown
FIND_RUST := for c in $(CARGOS); do c=$$(command -v $$c) && test -d "$$($$(dirname $$c)/rustc --print target-libdir --target $(WASM_RUST) 2>/dev/null)" && break; c=; done; export RUSTC=$$(dirname "$$c")/rustc RUSTDOC=$$(dirname "$$c")/rustdoc

sdks: ## sdk/*/example/hello.wasm, where there is a compiler for it
	@if command -v clang >/dev/null && command -v wasm-ld >/dev/null; then \
		set -x; clang --target=wasm32 -std=c99 -O2 -Wall -Wextra -Werror -nostdlib -Wl,--no-entry,--stack-first,--strip-all,--initial-memory=262144 -o sdk/c/example/hello.wasm sdk/c/example/hello.c; \
	else echo "skip sdk/c: clang or wasm-ld is missing (Debian: apt-get install clang lld)"; fi
	@$(FIND_RUST); if [ -n "$$c" ]; then \
		set -ex; cd sdk/rust; $$c build --quiet --offline --locked --release --target $(WASM_RUST) --example hello; \
		cp target/$(WASM_RUST)/release/examples/hello.wasm example/hello.wasm; \
	else echo "skip sdk/rust: there is no Rust with the target $(WASM_RUST) (rustup target add $(WASM_RUST), or Debian: apt-get install rustc cargo lld libstd-rust-dev-wasm32)"; fi
	@if [ -x sdk/assemblyscript/node_modules/.bin/asc ]; then \
		set -x; npm --silent --prefix sdk/assemblyscript run build; \
	else echo "skip sdk/assemblyscript: its compiler is missing (npm ci --prefix sdk/assemblyscript)"; fi

test-sdks: sdks ## their own tests, likewise
	@$(FIND_RUST); if [ -n "$$c" ]; then set -ex; cd sdk/rust; $$c test --quiet --offline --locked; fi
	@if [ -x sdk/assemblyscript/node_modules/.bin/asc ]; then set -x; npm --silent --prefix sdk/assemblyscript test; fi

test: guests ## all tests that need nothing but Go
	$(GO) test -timeout 30m ./...
	cd examples/hello-backend && $(GO) test ./...
	cd examples/agent-go && $(GO) test ./...

# The night of the demo is a fixed one, so that everybody sees the same.
DEMO  := .demo/ops-desk
NIGHT := 2026-07-02T02:00:00Z

demo: build ## a night of examples/ops-desk, offline, on simulated models
	@mkdir -p .demo
	@test -d $(DEMO) || cp -R examples/ops-desk $(DEMO)
	@$(BIN) -C $(DEMO) --as-of $(NIGHT) nightly --out .demo/report
	@echo
	@echo "What changed in the policy file:"
	@diff -u examples/ops-desk/policy.hcl $(DEMO)/policy.hcl || true
	@echo
	@$(BIN) -C $(DEMO) evidence verify
	@$(BIN) -C $(DEMO) --as-of $(NIGHT) audit verify
	@echo
	@echo "Open .demo/report/night.html. Run make demo again: nothing changes without new evidence. make clean starts over."

check: test rest ## everything that has to pass before a change lands

rest: fmt-check vet lint generated race cross examples fuzz recompute ## check without make test

fmt-check:
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not formatted by gofmt:"; echo "$$files"; exit 1; fi
	@$(GO) run ./core/cmd/plimsoll fmt --check examples

vet:
	$(GO) vet ./...

lint:
	@command -v golangci-lint >/dev/null || { echo "golangci-lint is missing: .ci/run installs it"; exit 1; }
	golangci-lint run ./...

race: guests
	$(GO) test -race -short -timeout 40m ./...

generated: ## what is generated is up to date
	$(GO) mod tidy -diff
	@command -v protoc >/dev/null || { echo "protoc is missing: .ci/run installs it"; exit 1; }
	$(MAKE) proto
	@git diff --exit-code -- sdk/backend/proto || { echo "generated code is not up to date: run make proto"; exit 1; }

proto:
	protoc --proto_path=sdk/backend/proto --go_out=sdk/backend/proto --go_opt=paths=source_relative \
		--go-grpc_out=sdk/backend/proto --go-grpc_opt=paths=source_relative v1/backend.proto

# Every system and every processor once: a whole build for one of them takes
# minutes where nothing is cached. CROSS="darwin/amd64 windows/arm64" builds the rest.
CROSS ?= linux/arm64 darwin/arm64 windows/amd64
cross: ## builds for other systems
	@for target in $(CROSS); do \
		echo "build $$target"; GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./core/cmd/plimsoll || exit 1; \
	done

examples: build
	$(BIN) -C examples/ops-desk validate
	$(MAKE) demo

FUZZTIME ?= 5s
fuzz: ## every fuzz target for a short while
	@FUZZTIME=$(FUZZTIME) GO=$(GO) .ci/fuzz

recompute: demo ## the demo's evidence gives the same bytes on arm64
	@command -v qemu-aarch64 >/dev/null || { echo "qemu-aarch64 is missing: .ci/run installs it"; exit 1; }
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -trimpath -o bin/plimsoll-arm64 ./core/cmd/plimsoll
	$(BIN) -C $(DEMO) evidence recompute >.demo/recomputed.jsonl
	qemu-aarch64 bin/plimsoll-arm64 -C $(DEMO) evidence recompute >.demo/recomputed-arm64.jsonl
	cmp .demo/recomputed.jsonl .demo/recomputed-arm64.jsonl
	@echo "$$(wc -l <.demo/recomputed.jsonl) verdicts, the same bytes on both"

bench: bench-gate bench-start bench-night bench-store bench-backend

bench-gate: ## gates of a 20 KB output, rules
	$(GO) run ./core/bench gate

bench-start: build ## start of a command with 1,000 skills
	$(GO) run ./core/bench start -plimsoll $(BIN)

bench-night: build ## the engine's share of a night on simulated models
	$(GO) run ./core/bench night -plimsoll $(BIN)

bench-adopt: build ## init on real skills and generated logs of every shape: DATA=folder
	$(GO) build -o bin/bench ./core/bench
	bin/bench adopt -plimsoll $(BIN) -data "$(DATA)"

bench-store: ## audit append and verification
	$(GO) run ./core/bench store

# What it is compared with is a module of its own, which has to be downloaded.
bench-sandbox: guests sdks ## calls of skills' code, in every language, against native code and another host
	@mkdir -p bin
	@cd core/bench/extism && $(GO) build -o ../../../bin/bench-extism . || { echo "skip core/bench/extism: it cannot be built"; rm -f ../../../bin/bench-extism; }
	@if command -v clang >/dev/null && command -v wasm-ld >/dev/null; then \
		clang --target=wasm32 -std=c99 -O2 -nostdlib -Wl,--no-entry,--stack-first,--strip-all,--initial-memory=262144 -o bin/bench-extism.wasm core/bench/extism/guest/finish.c; \
	else echo "skip core/bench/extism/guest: clang or wasm-ld is missing"; rm -f bin/bench-extism.wasm; fi
	$(GO) build -o bin/bench ./core/bench
	bin/bench sandbox

bench-backend: build ## the hop into a backend's subprocess, streams, a full batch
	$(GO) build -o bin/bench ./core/bench
	bin/bench backend -plimsoll $(BIN)

SOAK ?= 2m
bench-gateway: build ## what agents' calls cost through the gateway, a thousand clients, 10,000 tools, a soak: [SOAK=24h]
	$(GO) build -o bin/bench ./core/bench
	bin/bench gateway -plimsoll $(BIN) -soak $(SOAK)

bench-truth: ## how often verdicts are wrong, beside what people do: DATA=folder [PART=name] [CSV=file] [PLOT=file.svg]
	$(GO) run ./core/verdict/truth $(if $(DATA),-data "$(DATA)") -part "$(PART)" -csv "$(CSV)" -plot "$(PLOT)"

bench-retrieval: ## what is found on public queries, how fast, learning, abstention: DATA=folder [PART=name]
	$(GO) run ./core/harness/recall $(if $(DATA),-data "$(DATA)") -part "$(PART)"

bench-load: ## the load generator against the fake engine's truth: lag, processor time, TTFT and TPOT
	$(GO) build -o bin/fake-engine ./conformance/cmd/fake-engine
	$(GO) run ./core/topology/load/proof -engine bin/fake-engine

bench-topology: ## which layouts of models on GPUs are picked, against public measurements: DATA=folder [PART=name]
	$(GO) run ./core/topology/measure $(if $(DATA),-data "$(DATA)") -part "$(PART)"

conformance-mcp: build ## the official MCP conformance suite against the binary; needs npm once
	GO="$(GO)" PLIMSOLL="$(CURDIR)/$(BIN)" conformance/mcp/run

# Agents are installed into a folder of their own, by version: 700 MB that nobody
# needs but for this.
AGENTS ?= .demo/agents
agent-check: ## real agents from npm, driven through plugins/command against a fake model server; needs npm once
	npm install --silent --no-audit --no-fund --prefix $(AGENTS) @anthropic-ai/claude-code@2.1.330 @openai/codex@0.169.0
	PLIMSOLL_AGENTS="$(abspath $(AGENTS))" $(GO) test -count=1 -v -run 'TestClaudeCode|TestCodex' ./plugins/command

clean:
	rm -rf bin .demo dist $(GUESTS) sdk/*/example/hello.wasm sdk/rust/target
