package onnx

import "github.com/ebitengine/purego"

// NullCall is the cheapest call into the library that there is.
func NullCall(rt *Runtime) uintptr {
	s, _, _ := purego.SyscallN(rt.api[slotGetBuildInfoString])
	return s
}

// CompareVersions is for the test of the search order.
var CompareVersions = compareVersions
