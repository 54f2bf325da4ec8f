package window

import (
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// TestWindow_CalibrationRow shows what was measured, and forgets it when asked.
func TestWindow_CalibrationRow(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	s := newStage(t, Options{})
	if _, forget := s.calibrationRow(); forget() != nil {
		t.Error("nothing was measured and nothing can be forgotten")
	}
	dir, err := app.DataDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	measured := `[{"model":"Small","encoder":"00","machine":"here","batch":4,"perSecond":7.6,"peak":1400000000,"trials":[],"at":"2026-11-22T10:00:00Z"}]`
	if err := os.WriteFile(filepath.Join(dir, "calibrations.json"), []byte(measured), 0o600); err != nil {
		t.Fatal(err)
	}
	row, forget := s.calibrationRow()
	box, ok := row.(*fyne.Container)
	if !ok || len(box.Objects) != 2 {
		t.Fatalf("a row of %T", row)
	}
	if err := forget(); err != nil || len(app.CalibrationsOf("")) != 1 {
		t.Errorf("forgotten without being asked: %v", err)
	}
	again, ok := box.Objects[1].(*widget.Check)
	if !ok {
		t.Fatalf("no box to tick but %T", box.Objects[1])
	}
	test.Tap(again)
	if err := forget(); err != nil || len(app.CalibrationsOf("")) != 0 {
		t.Errorf("kept though it was to be forgotten: %v", err)
	}
}
