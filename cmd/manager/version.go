package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version that the build was told by -ldflags "-X main.release=…".
var release string

// version returns the release, or else what Go knows of the module and its commit.
func version() string {
	built, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(release, "unknown")
	}
	return cmp.Or(release, built.Main.Version, "unknown")
}

func versionText() string {
	return fmt.Sprintf("manager %s (%s, %s/%s)", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
