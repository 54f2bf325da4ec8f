package onnx

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Runtime is one opened library with its environment.
type Runtime struct {
	path    string
	version string
	api     [slotCount]uintptr
	env     handle
	alloc   handle // the default allocator; owned by the library
	cpu     handle // OrtMemoryInfo of ordinary memory

	mu       sync.Mutex // protects what follows
	sessions int
	closed   bool
}

// Load opens the library at path and makes its environment. The path is made
// absolute first, because a bare name would be searched for by the system.
// ErrOldRuntime says that the library is an ONNX Runtime but older than 1.17.
func Load(path string) (*Runtime, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", path, err)
	}
	if err := checkLibraryFile(abs); err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", abs, err)
	}
	library, err := openLibrary(abs)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: cannot be loaded: %w", abs, err)
	}
	symbol, err := findSymbol(library, "OrtGetApiBase")
	if err != nil {
		// Nothing of the foreign library runs any more; let it go. A failure
		// to do so leaves it mapped, which harms nobody.
		_ = closeLibrary(library)
		return nil, fmt.Errorf("onnx: %s: not an ONNX Runtime library: %w", abs, err)
	}
	rt, err := newRuntime(abs, symbol)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", abs, err)
	}
	return rt, nil
}

// newRuntime reads the function table behind OrtGetApiBase. From here on the
// library stays mapped: it may have started threads.
func newRuntime(path string, getAPIBase uintptr) (*Runtime, error) {
	b, _, _ := purego.SyscallN(getAPIBase)
	if b == 0 {
		return nil, errors.New("the library gives no function table")
	}
	base := (*apiBase)(pointer(b))
	v, _, _ := purego.SyscallN(base.getVersionString)
	rt := &Runtime{path: path, version: goString(v)}
	if !AtLeast(rt.version, 1, apiVersion) {
		return nil, fmt.Errorf("%w: version %s, 1.%d or later is needed", ErrOldRuntime, rt.version, apiVersion)
	}
	a, _, _ := purego.SyscallN(base.getApi, apiVersion)
	if a == 0 {
		return nil, fmt.Errorf("%w: version %s does not serve API %d", ErrOldRuntime, rt.version, apiVersion)
	}
	rt.api = *(*[slotCount]uintptr)(pointer(a))
	const fatalOnly = 4 // ORT_LOGGING_LEVEL_FATAL: errors come back as values, not on stderr
	id := cString("coverslip")
	if err := rt.call("create environment", slotCreateEnv, fatalOnly,
		uintptr(unsafe.Pointer(id)), uintptr(unsafe.Pointer(&rt.env))); err != nil {
		return nil, err
	}
	runtime.KeepAlive(id)
	if err := rt.call("get allocator", slotGetAllocatorWithDefaultOptions,
		uintptr(unsafe.Pointer(&rt.alloc))); err != nil {
		rt.release(slotReleaseEnv, rt.env)
		return nil, err
	}
	const deviceAllocator, defaultMemory = 0, 0
	if err := rt.call("describe memory", slotCreateCPUMemoryInfo, deviceAllocator, defaultMemory,
		uintptr(unsafe.Pointer(&rt.cpu))); err != nil {
		rt.release(slotReleaseEnv, rt.env)
		return nil, err
	}
	return rt, nil
}

// Path is the absolute path of the library.
func (rt *Runtime) Path() string { return rt.path }

// Version is what the library calls itself, such as "1.28.2".
func (rt *Runtime) Version() string { return rt.version }

// Warning is what a user should know about this version; empty when nothing.
// Libraries before 1.28 can be crashed by a hostile model, and a crash in
// native code takes the program with it.
func (rt *Runtime) Warning() string { return versionWarning(rt.version) }

// BuildInfo is the library's own description of how it was built.
func (rt *Runtime) BuildInfo() string {
	s, _, _ := purego.SyscallN(rt.api[slotGetBuildInfoString])
	return goString(s)
}

// Providers lists the execution providers compiled into the library, such as
// "CPUExecutionProvider". It is empty when the library cannot say.
func (rt *Runtime) Providers() []string {
	var list handle
	var n int32
	if err := rt.call("list providers", slotGetAvailableProviders,
		uintptr(unsafe.Pointer(&list)), uintptr(unsafe.Pointer(&n))); err != nil || list == 0 || n <= 0 {
		return nil
	}
	var names []string
	for _, p := range unsafe.Slice((*uintptr)(pointer(list)), n) {
		names = append(names, goString(p))
	}
	if err := rt.call("release providers", slotReleaseAvailableProviders, list, uintptr(n)); err != nil {
		return names // the list was read; a leak of some bytes is all that is left
	}
	return names
}

// Close gives the environment back. It returns ErrInUse while sessions are
// open. The library stays mapped until the program ends: its threads and
// destructors do not survive being unmapped.
func (rt *Runtime) Close() error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.closed {
		return nil
	}
	if rt.sessions > 0 {
		return fmt.Errorf("onnx: %w: %d sessions are open", ErrInUse, rt.sessions)
	}
	rt.closed = true
	rt.release(slotReleaseMemoryInfo, rt.cpu)
	rt.cpu = 0
	rt.release(slotReleaseEnv, rt.env)
	rt.env = 0
	return nil
}

// enter counts a session in, so that Close cannot pull the environment away.
func (rt *Runtime) enter() error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.closed {
		return fmt.Errorf("onnx: %w", ErrClosed)
	}
	rt.sessions++
	return nil
}

func (rt *Runtime) leave() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.sessions--
}

// AtLeast says whether a version text such as "1.28.2" is major.minor or
// later. A text that is no version is not.
func AtLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	a, err1 := strconv.Atoi(parts[0])
	b, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

func versionWarning(version string) string {
	if AtLeast(version, 1, 28) {
		return ""
	}
	return "ONNX Runtime " + version + " is older than 1.28 and can be crashed by a damaged model: open only models you trust"
}
