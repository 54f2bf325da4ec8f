package main

import (
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coverslip/models/caption"
	"coverslip/tiles/synth"
)

func testGrammar(t testing.TB) grammar {
	t.Helper()
	b, err := caption.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return grammar{bank: b.Captions}
}

// What a sentence of the bank says it shows is something the grammar knows.
func TestGrammar_KeysOfTheBank(t *testing.T) {
	known := append(slices.Clone(contents), "edge", "sparse", "moderate", "dense", "lumina", "mitosis", "goblet", "blood",
		"blur", "sharp", "compression", "none", "high", "low", "nuclear", "pale", "strong", "pink", "blue")
	n := 0
	for _, c := range testGrammar(t).bank {
		for _, k := range strings.Fields(c.Shows) {
			n++
			if !slices.Contains(known, k) {
				t.Errorf("%q shows %q, which nothing says", c.Text, k)
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d keys in the bank", n)
	}
}

// Sentences are true: they name what fills the patch and nothing that is not
// there.
func TestGrammar_Sentences(t *testing.T) {
	g := testGrammar(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name      string
		zone      synth.Content
		brown     bool
		wanted    []string
		forbidden []string
	}{
		{"fat", synth.Fatty, false, []string{"fat", "adip"}, []string{"tumour", "lymph", "DAB", "glass"}},
		{"brown tumour", synth.TumourNest, true, []string{"tumour", "Ki-67", "brown"}, []string{"H&E", "fat ", "gland", "eosin"}},
		{"glass", synth.Glass, false, []string{"glass", "empty"}, []string{"tumour", "fat", "stroma", "stain"}},
	} {
		tr := &truth{Zones: make([]float64, synth.Contents), Looks: make([]float64, synth.Contents), Kinds: make([]int, synth.Debris+1), Density: 4000, H: 1, E: 1,
			Changes: changes{Density: [3]float64{1, 1, 1}, Blur: 0.5, Quality: 60}, Brown: c.brown, Positive: 0.7}
		tr.Zones[c.zone], tr.Looks[c.zone] = 1, 1
		if c.brown {
			tr.Kinds[synth.Tumour] = 40
		}
		tr.Keys = tr.keys()
		text := ""
		for range 30 {
			s := g.sentences(tr, r)
			if len(s) < 3 {
				t.Fatalf("%s: only %q", c.name, s)
			}
			text += strings.Join(s, "\n") + "\n"
		}
		for _, w := range c.wanted {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no sentence says %q", c.name, w)
			}
		}
		for _, w := range c.forbidden {
			for _, line := range strings.Split(text, "\n") {
				if strings.Contains(line, w) {
					t.Errorf("%s: %q", c.name, line)
				}
			}
		}
	}
}

// A scene gives its patches again, with the truth that goes with them; the test
// split takes other seeds.
func TestDrawScene(t *testing.T) {
	if os.Getenv("COVERSLIP_SLOW") == "" {
		t.Skip("draws two scenes, several seconds of a processor: COVERSLIP_SLOW=1 runs it")
	}
	g := testGrammar(t)
	one, err := drawScene(splitTrain, 1, 3, g)
	if err != nil {
		t.Fatal(err)
	}
	other, err := drawScene(splitTest, 1, 3, g)
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != scenePatches || one[0].truth.Scene == other[0].truth.Scene || one[0].truth.Beyond || !other[0].truth.Beyond {
		t.Errorf("%d patches; scenes %d and %d", len(one), one[0].truth.Scene, other[0].truth.Scene)
	}
	labels := map[string]int{}
	for _, p := range slices.Concat(one, other) {
		labels[p.truth.Label]++
		if len(p.truth.Captions) < 1 || len(p.truth.look) != cells*cells || p.img.Rect != image.Rect(0, 0, side, side) {
			t.Errorf("%q of %+v", p.truth.Captions, p.truth.Zones)
		}
	}
	if len(labels) < 6 {
		t.Errorf("labels %v", labels)
	}
	dir := t.TempDir()
	if err := (&shard{one[:2]}).write(filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "x-images.npy"))
	if err != nil || len(b) != 128+2*side*side*3 || string(b[1:6]) != "NUMPY" || b[128] != one[0].img.Pix[0] {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
