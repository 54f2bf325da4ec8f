package icc

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func parse(t testing.TB, data []byte) *Profile {
	t.Helper()
	p, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Little CMS, where its transicc is installed, must come to the same colours.
func TestTransform_EqualsLittleCMS(t *testing.T) {
	tool, err := exec.LookPath("transicc")
	if err != nil {
		t.Skip("transicc of Little CMS is not installed")
	}
	all := profiles()
	found, _ := filepath.Glob("/usr/share/color/icc/colord/*.icc")
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 40 && string(data[16:20]) == "RGB " && string(data[12:16]) != "nmcl" {
			all[filepath.Base(path)] = data
		}
	}
	for name, data := range all {
		t.Run(name, func(t *testing.T) { againstLittleCMS(t, tool, data) })
	}
}

func againstLittleCMS(t *testing.T, tool string, data []byte) {
	p := parse(t, data)
	img := image.NewRGBA(image.Rect(0, 0, 40, 40))
	var ask strings.Builder
	for i := range 1600 {
		c := color.RGBA{R: byte(i * 89), G: byte(i*37 + i/7), B: byte(i*i/11 + i), A: 255}
		switch {
		case i < 256:
			c = color.RGBA{R: byte(i), G: byte(i), B: byte(i), A: 255}
		case p.Space == "GRAY":
			c.G, c.B = c.R, c.R
		}
		img.SetRGBA(i%40, i/40, c)
		if p.Space == "GRAY" {
			fmt.Fprintf(&ask, "%d\n", c.R)
		} else {
			fmt.Fprintf(&ask, "%d %d %d\n", c.R, c.G, c.B)
		}
	}
	path := filepath.Join(t.TempDir(), "p.icc")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// -c0: no shortcuts, the peer computes every colour in full.
	cmd := exec.Command(tool, "-t1", "-b", "-n", "-s", "-c0", "-i"+path, "-o*sRGB")
	cmd.Stdin = strings.NewReader(ask.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(img.Pix)
	p.Transform().Apply(img)
	var off []float64 // of each pixel, the channel that differs most
	for _, line := range strings.Split(string(out), "\n") {
		var want [3]float64
		if c, _ := fmt.Sscan(line, &want[0], &want[1], &want[2]); c != 3 || len(off) >= 1600 {
			continue
		}
		n, worst := len(off), 0.0
		for k, w := range want {
			worst = max(worst, math.Abs(min(max(w, 0), 255)-float64(img.Pix[4*n+k])))
		}
		off = append(off, worst)
		// Between the points of our table of tables a few steps are lost where the
		// colour is one that no screen shows.
		if _, curves := p.toPCS.(*lut); worst > 12 || !curves && worst > 1.6 {
			t.Errorf("%v becomes %v, of Little CMS %v", before[4*n:4*n+3], img.Pix[4*n:4*n+3], want)
		}
	}
	if len(off) != 1600 {
		t.Fatalf("%d answers of 1600; it said %.300s", len(off), out)
	}
	slices.Sort(off)
	if off[1520] > 1.6 {
		t.Errorf("one pixel of twenty differs by more than %.2f", off[1520])
	}
	t.Logf("differences of 255: half of the pixels %.2f, 95 %% %.2f, largest %.2f", off[800], off[1520], off[1599])
}

// What Little CMS 2.14 (relative colorimetric, black point compensation) makes
// of some colours, for machines without it.
func TestTransform_KnownColours(t *testing.T) {
	in := [][3]byte{{0, 0, 0}, {255, 255, 255}, {128, 128, 128}, {200, 100, 50}, {30, 60, 220}}
	for name, want := range known {
		img := image.NewRGBA(image.Rect(0, 0, len(in), 1))
		for i, c := range in {
			img.SetRGBA(i, 0, color.RGBA{R: c[0], G: c[1], B: c[2], A: 255})
		}
		parse(t, profiles()[name]).Transform().Apply(img)
		for i, w := range want {
			for k, v := range w {
				if got := float64(img.Pix[4*i+k]); got-v > 1.6 || v-got > 1.6 {
					t.Errorf("%s: %v becomes %v, should be %v", name, in[i], img.Pix[4*i:4*i+3], w)
					break
				}
			}
		}
	}
}

func TestTransform_Identity(t *testing.T) {
	for _, version := range []int{2, 4} {
		p := parse(t, sRGB(version))
		if !p.Transform().Identity() || p.Description != "sRGB IEC61966-2.1" {
			t.Errorf("version %d: %q is not found to be sRGB", version, p.Description)
		}
		img := image.NewRGBA(image.Rect(0, 0, 2, 1))
		img.Pix = []byte{1, 2, 3, 255, 9, 9, 9, 10}
		p.Transform().Apply(img)
		if !bytes.Equal(img.Pix, []byte{1, 2, 3, 255, 9, 9, 9, 10}) {
			t.Errorf("colours change: %v", img.Pix)
		}
	}
	for name, data := range profiles() {
		if parse(t, data).Transform().Identity() {
			t.Errorf("%s is taken for sRGB", name)
		}
	}
}

func TestApply_Alpha(t *testing.T) {
	tr := parse(t, shaper(2, curv(461))).Transform()
	whole := image.NewRGBA(image.Rect(0, 0, 1, 1))
	whole.Pix = []byte{120, 80, 200, 255}
	tr.Apply(whole)
	part := image.NewRGBA(image.Rect(0, 0, 3, 1))
	part.Pix = []byte{0, 0, 0, 0, 60, 40, 100, 128, 120, 80, 200, 255}
	tr.Apply(part)
	if !bytes.Equal(part.Pix[:4], []byte{0, 0, 0, 0}) || !bytes.Equal(part.Pix[8:], whole.Pix) {
		t.Errorf("got %v, whole %v", part.Pix, whole.Pix)
	}
	for k := range 3 {
		if got, want := int(part.Pix[4+k]), int(whole.Pix[k])*128/255; got < want-2 || got > want+2 {
			t.Errorf("half of %v is %v", whole.Pix, part.Pix[4:8])
		}
	}
}

func TestParse_Refuses(t *testing.T) {
	good := lut16Lab(5)
	edit := func(f func(b []byte)) []byte {
		b := bytes.Clone(good)
		f(b)
		return b
	}
	entry := bytes.Index(good, []byte("A2B1"))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":          {nil, "shorter"},
		"not a profile":  {edit(func(b []byte) { b[36] = 'x' }), "acsp"},
		"version 7":      {edit(func(b []byte) { b[8] = 7 }), "version 7"},
		"CMYK":           {edit(func(b []byte) { copy(b[16:], "CMYK") }), "CMYK"},
		"a million tags": {edit(func(b []byte) { copy(b[128:], u32(1<<20)) }), "tags"},
		"200 tags":       {edit(func(b []byte) { copy(b[128:], u32(200)) })[:200], "cut off"},
		"tag at the end": {edit(func(b []byte) { copy(b[entry+4:], u32(len(b)-1)) }), "end"},
		"tag overflows":  {edit(func(b []byte) { copy(b[entry+8:], u32(0xffffffff)) }), "end"},
		"4 inputs":       {edit(func(b []byte) { b[bytes.LastIndex(b, []byte("mft2"))+8] = 4 }), "4 to 3"},
		"grid of 200":    {edit(func(b []byte) { b[bytes.LastIndex(b, []byte("mft2"))+10] = 200 }), "bytes of"},
		"no curves":      {build(2, "RGB", "XYZ", named(2, "x")...), "rTRC"},
		"exponent 0":     {shaper(2, curv(0)), "exponent"},
		"curve cut":      {shaper(2, join(curv(1, 2, 3)[:8], u32(60000))), "cut off"},
		"para 9":         {shaper(4, para(9, 1)), "kind 9"},
	} {
		if _, err := Parse(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, data := range profiles() {
		f.Add(data)
	}
	f.Add(sRGB(2))
	f.Add(lut16Lab(3)[:300])
	img := image.NewRGBA(image.Rect(0, 0, 2, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		p.Transform().Apply(img)
	})
}

func BenchmarkApply(b *testing.B) {
	src := image.NewRGBA(image.Rect(0, 0, 256, 256))
	for i := range src.Pix {
		src.Pix[i] = byte(i*i>>7) | byte(-(i & 3 / 3))
		if i%4 == 3 {
			src.Pix[i] = 255
		}
	}
	for _, name := range []string{"gamma 1.8", "16 bits"} {
		tr := parse(b, profiles()[name]).Transform()
		img := image.NewRGBA(src.Rect)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(src.Pix)))
			for b.Loop() {
				copy(img.Pix, src.Pix)
				tr.Apply(img)
			}
		})
	}
}

func BenchmarkTransform(b *testing.B) {
	p := parse(b, profiles()["16 bits"])
	b.ReportAllocs()
	for b.Loop() {
		p.Transform()
	}
}
