package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharedFD is the descriptor under which a worker finds the shared memory.
const sharedFD = 3

// takeOutput keeps standard output for the replies alone: what native code
// prints there goes to standard error from now on.
func takeOutput() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return nil, fmt.Errorf("keep standard output: %w", err)
	}
	if err := unix.Dup3(2, 1, 0); err != nil {
		return nil, fmt.Errorf("join standard output and error: %w", err)
	}
	return os.NewFile(uintptr(fd), "replies"), nil
}

// beHumble makes the worker the first that the system ends when memory runs
// out. That it may not is no reason not to work.
func beHumble() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("800"), 0o600)
}

// limitMemory bounds the memory that the process may write to. 0 is no bound.
func limitMemory(bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)})
}

// CanLimitMemory tells whether a ceiling is held on this system.
func CanLimitMemory() bool { return true }

// mapShared maps what the program handed over, in the worker.
func mapShared(size int64) ([]byte, error) {
	return unix.Mmap(sharedFD, 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
}

// newShared makes memory that another process can map; the file is for the
// command that starts it. Pages take room when they are first written to.
func newShared(size int64) (*os.File, []byte, error) {
	fd, err := unix.MemfdCreate("coverslip-tensors", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), "coverslip-tensors")
	if err := unix.Ftruncate(fd, size); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	mem, err := unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, mem, nil
}

func unmapShared(mem []byte) error { return unix.Munmap(mem) }

// apart keeps the keys of the terminal from the worker: Ctrl+C is for the
// program, which ends its worker itself.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// widen lets a pipe hold a megabyte, where the system allows it.
func widen(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
	}
}

// peakMemory is the most memory this process had so far, bytes.
func peakMemory() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss * 1024
}

// crash ends the process by a signal that no Go code sees coming.
func crash() {
	_ = unix.Kill(os.Getpid(), unix.SIGSEGV)
	select {}
}
