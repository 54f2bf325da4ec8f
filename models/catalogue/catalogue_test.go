package catalogue

import (
	"path/filepath"
	"testing"
)

func TestEntries_AreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range All() {
		if err := e.Prep.Check(); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
		if e.Prep.Crop%e.Tokens != 0 || e.Dim == 0 || e.License == "" || e.Access != Open && e.Access != Gated || e.Patch < e.Prep.Crop {
			t.Errorf("%+v", e)
		}
		for _, name := range append([]string{e.Name, e.Repository}, e.Aliases...) {
			got, ok := Find(name)
			if !ok || got.Name != e.Name {
				t.Errorf("%q finds %q", name, got.Name)
			}
		}
		if seen[e.Repository] {
			t.Errorf("%s is there twice", e.Repository)
		}
		seen[e.Repository] = true
	}
}

func TestFind_ByFolder(t *testing.T) {
	cache := filepath.Join("hub", "models--MahmoodLab--UNI2-h", "snapshots", "0123abcd")
	for want, names := range map[string][]string{
		"UNI2-h":      Names(cache),
		"UNI":         {"hf-hub:MahmoodLab/UNI"},
		"H-optimus-0": Names("/models/h_optimus_0"),
		"Virchow2":    {"", "something", "virchow2"},
		"":            {"my-encoder", "vit_large_patch16_224"},
	} {
		if e, _ := Find(names...); e.Name != want {
			t.Errorf("%v finds %q, want %q", names, e.Name, want)
		}
	}
	if _, ok := ByHash("00"); ok {
		t.Error("a hash nobody has is known")
	}
}
