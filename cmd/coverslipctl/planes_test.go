package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"coverslip/tiles/slidetest"
)

func TestPlanes(t *testing.T) {
	dir := t.TempDir()
	slidetest.WriteFluorescence(t, filepath.Join(dir, "cells.ome.tif"), 512, 384, 3)
	play(t, dir, []step{
		{"info $D/cells.ome.tif", 0, []string{"channel 0: DAPI, #4070ff, 14 bits, window ", "found from the pixels", "focal planes: 3, at [0 0.5 1] µm; plane 1 is shown at first"}, nil},
		{"region $D/cells.ome.tif --w 64 --h 64 -o $D/all.png", 0, nil, nil},
		{"region $D/cells.ome.tif --w 64 --h 64 --channel DAPI --window DAPI=0:65535 --z 0 -o $D/one.png", 0, nil, nil},
		{"region $D/cells.ome.tif --w 64 --h 64 --channels fitc,2 -o $D/two.png", 0, nil, nil},
		{"thumb $D/cells.ome.tif --max 100 --channel 0 -o $D/thumb.png", 0, nil, []string{"100 × 75"}},
		{"region $D/cells.ome.tif --channel CD3 -o $D/no.png", 2, nil, []string{`no channel "CD3": the slide has DAPI, FITC, Cy5`}},
		{"region $D/cells.ome.tif --z 3 -o $D/no.png", 2, nil, []string{"no focal plane 3: the slide has 3"}},
		{"region $D/cells.ome.tif --t 1 -o $D/no.png", 2, nil, []string{"no time point 1"}},
		{"region $D/cells.ome.tif --window DAPI=5 -o $D/no.png", 2, nil, []string{"C=LOW:HIGH"}},
		{"region $D/cells.ome.tif --window DAPI=5:5 -o $D/no.png", 2, nil, []string{"C=LOW:HIGH"}},
		{"synth --out $D/he.svs --size 512x512 --seed 1", 0, nil, nil},
		{"region $D/he.svs --channel 0 -o $D/no.png", 2, nil, []string{"one picture in colour"}},
	})
	one := readPNG(t, filepath.Join(dir, "one.png"))
	for i := 0; i < len(one.Pix); i += 4 { // 5,180 of 65,535 is 20 of the 255 of #4070ff's blue
		if one.Pix[i+2] > 21 || one.Pix[i] > one.Pix[i+2] || one.Pix[i+3] != 255 {
			t.Fatalf("pixel %v", one.Pix[i:i+4])
		}
	}
	if two := readPNG(t, filepath.Join(dir, "two.png")); bytes.Equal(two.Pix, readPNG(t, filepath.Join(dir, "all.png")).Pix) {
		t.Error("two channels look like three")
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"info", "--json", filepath.Join(dir, "cells.ome.tif")}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	var j struct {
		Channels       []string
		ZPlanes        []float64
		Times          int
		DefaultZ       int
		ChannelDetails []channelJSON
	}
	if err := json.Unmarshal(out.Bytes(), &j); err != nil {
		t.Fatal(err)
	}
	if len(j.Channels) != 3 || len(j.ZPlanes) != 3 || j.Times != 1 || j.DefaultZ != 1 || len(j.ChannelDetails) != 3 {
		t.Fatalf("%+v", j)
	}
	if c := j.ChannelDetails[1]; c.Name != "FITC" || c.Low == nil || *c.High < 1000 || c.WindowFrom != "pixels" || !c.Shown || c.Type != "uint" {
		t.Errorf("%+v", c)
	}
}

func readPNG(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(m.Bounds())
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			out.Set(x, y, m.At(x, y))
		}
	}
	return out
}
