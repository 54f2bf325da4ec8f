package window

import (
	"errors"
	"strings"
	"testing"

	"fyne.io/fyne/v2/theme"

	"coverslip/app"
	"coverslip/models/onnx"
)

func TestRuntimeWords(t *testing.T) {
	words, color := runtimeWords(app.RuntimeState{Version: "1.28.2", Path: "/lib/ort.so", Apart: true,
		Tried: []onnx.Candidate{{From: "installed", Err: errors.New("empty or cut")}, {Path: "/lib/ort.so"}}})
	if !strings.Contains(words, "1.28.2") || !strings.Contains(words, "Not taken (installed): empty or cut") || color != theme.ColorNameForeground {
		t.Errorf("%q in %s", words, color)
	}
	words, color = runtimeWords(app.RuntimeState{Err: onnx.ErrNoRuntime})
	if !strings.Contains(words, "not installed") || !strings.Contains(words, "setup") || color != theme.ColorNameError {
		t.Errorf("%q in %s", words, color)
	}
}

// TestWindow_ShowRuntime fills the form, refuses what is wrong and keeps the rest.
func TestWindow_ShowRuntime(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	s := newStage(t, Options{})
	s.showRuntime(app.RuntimeState{Version: "1.28.2", Settings: app.ModelSettings{Threads: 3, Provider: onnx.CUDA}, Providers: []onnx.Provider{onnx.CPU}})
	if s.dialog == nil {
		t.Fatal("no dialog")
	}
	s.dialog.Hide()
	if err := app.WriteModelSettings(app.ModelSettings{Threads: 3, MemoryMB: 1}); err == nil {
		t.Error("a ceiling of one megabyte was kept")
	}
	if err := app.WriteModelSettings(app.ModelSettings{Threads: 3}); err != nil {
		t.Fatal(err)
	}
	if m, err := app.ReadModelSettings(); err != nil || m.Threads != 3 {
		t.Errorf("%+v, %v", m, err)
	}
}
