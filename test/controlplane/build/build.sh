#!/usr/bin/env bash
# Builds one program of the control plane from the Go modules of this folder, and shows how far it is.
# usage: build.sh etcd|kube-apiserver|kube-controller-manager FOLDER
set -euo pipefail

name=$1
folder=$(cd "$2" && pwd)
cd "$(dirname "$0")"

case $name in
etcd)
	package=go.etcd.io/etcd/server/v3
	ldflags="-s -w"
	;;
kube-apiserver | kube-controller-manager)
	package=k8s.io/kubernetes/cmd/$name
	version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
	IFS=. read -r major minor _ <<<"${version#v}"
	stamp=k8s.io/component-base/version
	ldflags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor"
	;;
*)
	echo "build.sh: unknown program $name" >&2
	exit 2
	;;
esac

# go build -v names each package that it compiles, one a line; what else it says, errors above all, is passed on.
progress() {
	awk -v name="$name" '
		/^[^ #:]+$/ { if (++n % 100 == 0) { printf "    %s: %d packages compiled\n", name, n; fflush() } next }
		{ print; fflush() }'
}

echo "  $name: building from source (the first time this takes minutes, then seconds)"
SECONDS=0
go build -v -ldflags "$ldflags" -o "$folder/$name" "$package" 2>&1 | progress
echo "  $name: built in ${SECONDS}s"
