package sandbox

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// packetBuffer is what the kernel keeps of packets that nobody has read yet.
const packetBuffer = 32 << 20

// inside opens something in the network of a sandbox. A socket stays where it was opened, whoever uses it.
func inside[T any](s *Sandbox, open func() (T, error)) (T, error) {
	type result struct {
		opened T
		err    error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which is elsewhere now, ends with the goroutine
		var r result
		if r.err = unix.Setns(int(s.network.Fd()), unix.CLONE_NEWNET); r.err != nil {
			r.err = fmt.Errorf("entering sandbox %s: %w", s.name, r.err)
		} else {
			r.opened, r.err = open()
		}
		done <- r
	}()
	r := <-done
	return r.opened, r.err
}

// packets opens a packet socket for all protocols: the ports of a bridge hand nothing to one that is for IP alone.
func packets() (*os.File, error) {
	protocol := int(uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8)
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, fmt.Errorf("opening a packet socket: %w", err)
	}
	file := os.NewFile(uintptr(socket), "packets")
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, packetBuffer); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("enlarging the buffer of a packet socket: %w", err)
	}
	return file, nil
}
