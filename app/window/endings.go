package window

import (
	"fyne.io/fyne/v2"

	"coverslip/tiles/formats"
)

// slideFiles shows, in a file dialog, the files that are called as slides are; a
// file of another name can be dropped or given by command.
type slideFiles struct{}

// Matches implements storage.FileFilter.
func (slideFiles) Matches(u fyne.URI) bool { return formats.Named(u.Name()) }
