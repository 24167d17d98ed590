//go:build !linux

package sandbox

import (
	"errors"
	"os"
)

var errNotLinux = errors.New("network namespaces are Linux's")

func inside[T any](*Sandbox, func() (T, error)) (nothing T, err error) {
	return nothing, errNotLinux
}

func packets() (*os.File, error) {
	return nil, errNotLinux
}
