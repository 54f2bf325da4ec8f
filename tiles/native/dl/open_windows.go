//go:build windows

package dl

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func open(name string) (uintptr, error) {
	// The default search order contains the current folder, from where a
	// stranger's file could answer; this flag leaves only the program's folder
	// and the system's.
	var flags uintptr = windows.LOAD_LIBRARY_SEARCH_DEFAULT_DIRS
	if filepath.IsAbs(name) {
		flags |= windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR
	}
	h, err := windows.LoadLibraryEx(name, 0, flags)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return uintptr(h), nil
}

func symbol(h uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(h), name)
}
