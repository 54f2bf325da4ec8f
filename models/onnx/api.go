package onnx

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

// apiVersion is the version of OrtApi that is asked for. 17 came with ONNX
// Runtime 1.17; every later library still serves it.
const apiVersion = 17

// Slots of OrtApi, in the order of onnxruntime_c_api.h.
const (
	slotGetErrorCode                     = 1
	slotGetErrorMessage                  = 2
	slotCreateEnv                        = 3
	slotCreateSession                    = 7
	slotCreateSessionFromArray           = 8
	slotRun                              = 9
	slotCreateSessionOptions             = 10
	slotSetOptimizedModelFilePath        = 11
	slotDisableMemPattern                = 17
	slotDisableCPUMemArena               = 19
	slotSetSessionLogSeverityLevel       = 22
	slotSetSessionGraphOptimizationLevel = 23
	slotSetIntraOpNumThreads             = 24
	slotSetInterOpNumThreads             = 25
	slotSessionGetInputCount             = 30
	slotSessionGetOutputCount            = 31
	slotSessionGetInputTypeInfo          = 33
	slotSessionGetOutputTypeInfo         = 34
	slotSessionGetInputName              = 36
	slotSessionGetOutputName             = 37
	slotCreateRunOptions                 = 39
	slotRunOptionsSetTerminate           = 46
	slotCreateTensorAsOrtValue           = 48
	slotCreateTensorWithDataAsOrtValue   = 49
	slotIsTensor                         = 50
	slotGetTensorMutableData             = 51
	slotCastTypeInfoToTensorInfo         = 55
	slotGetOnnxTypeFromTypeInfo          = 56
	slotGetTensorElementType             = 60
	slotGetDimensionsCount               = 61
	slotGetDimensions                    = 62
	slotGetSymbolicDimensions            = 63
	slotGetTensorTypeAndShape            = 65
	slotCreateCPUMemoryInfo              = 69
	slotAllocatorFree                    = 76
	slotGetAllocatorWithDefaultOptions   = 78
	slotReleaseEnv                       = 92
	slotReleaseStatus                    = 93
	slotReleaseMemoryInfo                = 94
	slotReleaseSession                   = 95
	slotReleaseValue                     = 96
	slotReleaseRunOptions                = 97
	slotReleaseTypeInfo                  = 98
	slotReleaseTensorTypeAndShapeInfo    = 99
	slotReleaseSessionOptions            = 100
	slotGetAvailableProviders            = 125
	slotReleaseAvailableProviders        = 126
	slotAddSessionConfigEntry            = 130
	slotAppendCUDA                       = 204
	slotCreateCUDAOptions                = 205
	slotUpdateCUDAOptions                = 206
	slotReleaseCUDAOptions               = 208
	slotAppendExecutionProvider          = 216
	slotGetBuildInfoString               = 254
	slotSetDeterministicCompute          = 273
	slotCount                            = 274
)

// handle is a pointer owned by the runtime. It is never memory of Go.
type handle = uintptr

// apiBase is struct OrtApiBase.
type apiBase struct {
	getApi           uintptr
	getVersionString uintptr
}

// pointer turns an address given by the runtime into a pointer. Going through
// memory says to vet, truthfully, that this is not arithmetic on a Go pointer.
func pointer(h handle) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&h)) }

// goString copies a C string. A runtime's text is never longer than a
// megabyte; the bound keeps a wild pointer from being read for ever.
func goString(h handle) string {
	if h == 0 {
		return ""
	}
	p := (*byte)(pointer(h))
	n := 0
	for n < 1<<20 && *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// cString is s with a terminating zero, in Go memory.
func cString(s string) *byte {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return &b[0]
}

// call runs a function of the table that returns OrtStatus*. Pointers to Go
// memory must be converted in the argument list itself: then, and only then,
// the compiler moves what they point at to the heap and keeps it alive.
//
//go:uintptrescapes
func (rt *Runtime) call(op string, slot int, args ...uintptr) error {
	status, _, _ := purego.SyscallN(rt.api[slot], args...)
	if status == 0 {
		return nil
	}
	code, _, _ := purego.SyscallN(rt.api[slotGetErrorCode], status)
	text, _, _ := purego.SyscallN(rt.api[slotGetErrorMessage], status)
	err := &StatusError{Op: op, Code: int(int32(code)), Text: goString(text)}
	purego.SyscallN(rt.api[slotReleaseStatus], status)
	return err
}

// release frees h with one of the Release functions, which return nothing.
func (rt *Runtime) release(slot int, h handle) {
	if h != 0 {
		purego.SyscallN(rt.api[slot], h)
	}
}
