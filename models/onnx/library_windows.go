package onnx

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// openLibrary takes an absolute path and looks for the library's own needs
// only beside it and in the default folders. A search by bare name would find
// the old onnxruntime.dll that Windows keeps in System32.
func openLibrary(path string) (uintptr, error) {
	h, err := windows.LoadLibraryEx(path, 0,
		windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR|windows.LOAD_LIBRARY_SEARCH_DEFAULT_DIRS)
	return uintptr(h), err
}

func findSymbol(library uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(library), name)
}

func closeLibrary(library uintptr) error { return windows.FreeLibrary(windows.Handle(library)) }

// pathArgument is ORTCHAR_T*: wchar_t* on Windows.
func pathArgument(path string) (unsafe.Pointer, error) {
	p, err := windows.UTF16PtrFromString(path)
	return unsafe.Pointer(p), err
}
