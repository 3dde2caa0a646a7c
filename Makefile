# make test is all that a change has to pass. See CONTRIBUTING.md.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := test

FUZZTIME ?= 2m
BENCH ?= .
COUNT ?= 1

# Every module of go.work; the pinned tools are a module of their own, outside of it.
MODULES = $(shell go list -m -f '{{.Dir}}')
TOOLS := internal/tools
# A module of its own, because it wants another golang.org/x/tools than they do.
APIDIFF := $(TOOLS)/apidiff
# Built by the go command, from the versions that $(TOOLS)/go.mod pins.
tool = $$(GOWORK=off go tool -n -modfile=$(TOOLS)/go.mod $(1))
# Our own ones among them.
own = $$(cd $(TOOLS) && GOWORK=off go tool -n $(1))

# The modules that programs import. And of these what programs get, with what that imports, and the gateway. Not the tools of this
# repository, the servers for tests, and the other examples: a wave of exceptions there hides these.
LIBRARIES := . cache/rediscache middleware/grpcauth
PUBLISHED = ./... ./cache/rediscache/... ./middleware/grpcauth/...
SHIPPED = validator $(addprefix middleware,/. /dpop /mtls /signals /grpcauth) jwks introspect cache cache/rediscache \
	$(addprefix internal/,httpuri jose metadata peers remote) examples/gateway

.PHONY: setup test form tidy vet arch test386 staticcheck gosec licences vulncheck unit fuzz bench apidiff cover

setup: ## install what the tests need beside Go
	@bash internal/interop/setup.sh
	@for module in $(MODULES) $(TOOLS) $(APIDIFF); do (cd "$$module" && GOWORK=off go mod download); done

test: setup ## everything
	@$(MAKE) --no-print-directory form tidy vet arch staticcheck gosec licences vulncheck unit

form:
	@bad=$$(find . -name node_modules -prune -o -name .node -prune -o -name '*.go' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$bad" ]; then echo "gofmt: these files are not formatted:"; echo "$$bad"; exit 1; fi

tidy:
	@for module in $(MODULES) $(TOOLS) $(APIDIFF); do (cd "$$module" && GOWORK=off go mod tidy -diff); done

vet:
	go vet work

staticcheck:
	@echo "staticcheck ./..."; staticcheck=$(call tool,staticcheck); \
	for module in $(MODULES); do (cd "$$module" && "$$staticcheck" ./...); done

# 32 bits, where int overflows earlier and 64 bits are not aligned of themselves, and an
# architecture whose memory is ordered less.
arch:
	@for arch in 386 arm64; do echo "vet for $$arch"; CGO_ENABLED=0 GOARCH=$$arch go vet $(PUBLISHED); done

test386: ## the tests of the root module, where int has 32 bits; without -race, which 386 has not
	CGO_ENABLED=0 GOARCH=386 go test -timeout 30m -shuffle=on ./...

# Clean, or each exception at its line with its reason. See $(TOOLS)/gosec.
gosec:
	@gosec=$(call own,gosec); "$$gosec" $(SHIPPED)

# What importers get is what docs/dependencies.md says, under the licences that it names. UPDATE=-update writes it. Tried
# by its own tests, because nothing here has a licence that is not allowed.
licences:
	@cd $(TOOLS) && GOWORK=off go test ./licences
	@for module in $(LIBRARIES); do (cd "$$module" && GOWORK=off go mod verify); done
	@licences=$(call own,licences); "$$licences" $(UPDATE) docs/dependencies.md $(LIBRARIES)

# Its data source cannot be reached from everywhere. That is said, and is the
# only failure that does not count.
vulncheck:
	@govulncheck=$(call tool,govulncheck); errors=$$(mktemp); trap 'rm -f "$$errors"' EXIT; \
	for module in $(MODULES); do \
		code=0; output=$$(cd "$$module" && "$$govulncheck" ./... 2>"$$errors") || code=$$?; \
		if [ $$code -eq 1 ] && grep -q 'govulncheck: fetching vulnerabilities:' "$$errors"; then \
			echo "govulncheck: the vulnerability check was NOT done: its data source could not be reached"; break; \
		fi; \
		echo "$$output"; cat "$$errors" >&2; \
		if [ $$code -ne 0 ]; then exit $$code; fi; \
	done

# With the seeds of the fuzz targets, the interop tests and the README's snippets.
unit:
	go test -race -shuffle=on work

fuzz: ## each target for FUZZTIME
	@found=0; \
	for package in $$(go list work); do \
		tests=$$(go test -list '^Fuzz' "$$package"); \
		for target in $$(grep '^Fuzz' <<<"$$tests" || true); do \
			found=1; echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime "$(FUZZTIME)" -fuzzminimizetime 10x "$$package"; \
		done; \
	done; \
	if [ $$found -eq 0 ]; then echo "fuzz: there is no target"; exit 1; fi

bench: ## BENCH selects, COUNT repeats
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) work

apidiff: ## what changed in the API of each published module since its newest tag; fails if that is incompatible
	@bash $(APIDIFF)/apidiff.sh $(LIBRARIES)

cover: ## of each package, by the tests of all; in cover.out
	go test -coverpkg="$$(go list work | paste -sd,)" -coverprofile=cover.out work
	@awk 'NR > 1 { size[$$1] = $$2; if ($$3) hit[$$1] = 1 } \
		END { for (block in size) { name = block; sub("/[^/]*$$", "", name); all[name] += size[block]; if (block in hit) run[name] += size[block] } \
		for (name in all) printf "%5.1f%% of %5d %s\n", 100*run[name]/all[name], all[name], name }' cover.out | sort -k4
	@go tool cover -func=cover.out | tail -1
