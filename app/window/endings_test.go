package window

import (
	"testing"

	"fyne.io/fyne/v2/storage"

	"coverslip/tiles/formats"
)

// The dialog shows every file that opens by its name, whatever its case.
func TestSlideFiles_ShowsWhatOpens(t *testing.T) {
	for _, end := range formats.Endings() {
		if !(slideFiles{}).Matches(storage.NewFileURI("/slides/a" + end)) {
			t.Errorf("%s is not shown", end)
		}
	}
	for name, want := range map[string]bool{"B.PNG": true, "c.Jpg": true, "zarr.json": true, "letter.pdf": false, "package.json": false} {
		if (slideFiles{}).Matches(storage.NewFileURI("/slides/"+name)) != want {
			t.Errorf("%s: shown is not %t", name, want)
		}
	}
}
