//go:build !windows

package onnx

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

func openLibrary(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func findSymbol(library uintptr, name string) (uintptr, error) {
	return purego.Dlsym(library, name)
}

func closeLibrary(library uintptr) error { return purego.Dlclose(library) }

// pathArgument is ORTCHAR_T*: char* everywhere but on Windows.
func pathArgument(path string) (unsafe.Pointer, error) {
	return unsafe.Pointer(cString(path)), nil
}
