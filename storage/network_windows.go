package storage

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// networkKind is "network drive" for a path on a share; "" for a disk of this machine.
// Locks and memory maps are not to be relied on there.
func networkKind(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(abs) + `\`)
	if err == nil && windows.GetDriveType(root) == windows.DRIVE_REMOTE {
		return "network drive"
	}
	return ""
}
