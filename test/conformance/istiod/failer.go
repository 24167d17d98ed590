package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
)

// errUnknownMesh is the answer to a question about a world that is not loaded, or was dropped.
var errUnknownMesh = errors.New("there is no such mesh")

// failer is what Istio's test servers take for a test. What fails ends the goroutine, and is the error of what was attempted.
type failer struct {
	mutex    sync.Mutex
	failed   error
	cleanups []func()
}

// attempt calls a function that fails by the failer, and returns how it failed.
func (f *failer) attempt(function func() error) error {
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = function()
	}()
	<-done
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return errors.Join(f.failed, err)
}

// clean calls what was registered for the end, the last first.
func (f *failer) clean() {
	for _, cleanup := range slices.Backward(f.cleanups) {
		cleanup()
	}
}

// Fatal notes the failure, and ends the goroutine.
func (f *failer) Fatal(args ...any) {
	f.mutex.Lock()
	f.failed = errors.Join(f.failed, errors.New(fmt.Sprint(args...)))
	f.mutex.Unlock()
	runtime.Goexit()
}

// Cleanup registers a function for the end.
func (f *failer) Cleanup(function func()) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.cleanups = append(f.cleanups, function)
}

// TempDir returns a folder that goes at the end.
func (f *failer) TempDir() string {
	folder, err := os.MkdirTemp("", "istio")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

func (f *failer) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }
func (f *failer) Fail()                             { f.Fatal("failed") }
func (f *failer) FailNow()                          { f.Fatal("failed") }
func (f *failer) Skip(args ...any)                  { f.Fatal(args...) }
func (f *failer) Log(...any)                        {}
func (f *failer) Logf(string, ...any)               {}
func (f *failer) Helper()                           {}
