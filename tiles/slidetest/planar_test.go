package slidetest

import (
	"testing"

	"coverslip/tiles"
)

func TestPlanar_Conformance(t *testing.T) {
	for name, open := range map[string]func() *Planar{
		"16 bit": func() *Planar {
			return NewPlanar([]tiles.Channel{{Bits: 16}, {Bits: 12, Name: "FITC"}, {Bits: 16}}, 1, 1)
		},
		"grey":   func() *Planar { return NewPlanar([]tiles.Channel{{Bits: 8}}, 3, 1) },
		"float":  func() *Planar { return NewPlanar([]tiles.Channel{{Bits: 32, Float: true}, {Bits: 8}}, 3, 2) },
		"colour": func() *Planar { return NewPlanar(nil, 5, 2) },
		"many":   func() *Planar { return NewPlanar(make([]tiles.Channel, 40), 1, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			RunPlanar(t, func(testing.TB) tiles.Planar { return open() })
		})
	}
}
