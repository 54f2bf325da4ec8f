package main

import (
	"bytes"
	"image/png"
	"testing"

	"coverslip/assets"
)

func TestDrawIcon_IsTheIconOfAssets(t *testing.T) {
	kept, err := png.Decode(bytes.NewReader(assets.AppIcon()))
	if err != nil {
		t.Fatal(err)
	}
	drawn := drawIcon()
	for y := range side {
		for x := range side {
			r0, g0, b0, a0 := kept.At(x, y).RGBA()
			r1, g1, b1, a1 := drawn.At(x, y).RGBA()
			if r0 != r1 || g0 != g1 || b0 != b1 || a0 != a1 {
				t.Fatalf("pixel (%d,%d) differs: run go generate ./assets", x, y)
			}
		}
	}
}
