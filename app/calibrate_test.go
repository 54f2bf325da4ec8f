package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coverslip/models/modeltest"
	"coverslip/models/onnxfile"
	"coverslip/models/vit"
)

// smallModel is a folder with a network that takes no time.
func smallModel(t *testing.T) string {
	t.Helper()
	graph, err := vit.Build(vit.Config{Image: 32, Patch: 16, Dim: 32, Depth: 1, Heads: 2, Hidden: 64, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := onnxfile.Read(graph); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), graph, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCalibrate_IsKeptAndForgotten(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	rt := modeltest.Runtime(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := smallModel(t)
	c, err := calibrate(t.Context(), program, rt.Path(), dir, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if c.Batch < 1 || c.PerSecond < c.Default || c.Default <= 0 || c.Peak <= 0 || c.Path != dir {
		t.Errorf("measured %+v", c)
	}
	set, err := ReadModelSettings()
	if err != nil {
		t.Fatal(err)
	}
	kept, ok := Calibrated(rt, set, c.Encoder)
	if !ok || kept.Batch != c.Batch || kept.Machine != c.Machine {
		t.Errorf("kept %+v, %v", kept, ok)
	}
	if got := calibratedPath(rt, set, dir); got.Encoder != c.Encoder {
		t.Errorf("by its folder: %+v", got)
	}
	if list := CalibrationsOf(dir); len(list) != 1 || !strings.Contains(list[0].String(), "at once on one thread a core") && c.Threads == 0 {
		t.Errorf("of the folder: %v", list)
	}
	other := set
	other.Provider = "cuda"
	if _, ok := Calibrated(rt, other, c.Encoder); ok {
		t.Error("what one device does is told of another")
	}
	if err := ForgetCalibrations(); err != nil {
		t.Fatal(err)
	}
	if _, ok := Calibrated(rt, set, c.Encoder); ok {
		t.Error("it is not forgotten")
	}
	if err := ForgetCalibrations(); err != nil {
		t.Errorf("nothing to forget: %v", err)
	}
}

func TestCalibrations_DamagedFileIsEmpty(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	name, err := calibrationsPath()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", `[{"batch":0}]`, `[{"batch":9999}]`, `[{"batch":4,"threads":-1}]`, "null", "[null]"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := readCalibrations(); len(got) != 0 {
			t.Errorf("%q: %+v", text, got)
		}
		if err := keepCalibration(ModelCalibration{Encoder: "a", Machine: "m", Batch: 4}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := readCalibrations(); len(got) != 1 || got[0].Batch != 4 {
			t.Errorf("%q: then %+v", text, got)
		}
	}
}

func TestCalibrations_OldestAreForgotten(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for i := range maxCalibrations + 3 {
		if err := keepCalibration(ModelCalibration{Encoder: strings.Repeat("a", i+1), Batch: 1}); err != nil {
			t.Fatal(err)
		}
	}
	list := readCalibrations()
	if len(list) != maxCalibrations || len(list[0].Encoder) != 4 {
		t.Errorf("%d are kept, the first %q", len(list), list[0].Encoder)
	}
}
