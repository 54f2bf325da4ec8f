package icc

import "testing"

func TestSRGB(t *testing.T) {
	p, err := Parse(SRGB())
	if err != nil {
		t.Fatal(err)
	}
	if !p.Transform().Identity() || p.Description != "sRGB IEC61966-2.1" {
		t.Errorf("%q is not found to be sRGB", p.Description)
	}
}
