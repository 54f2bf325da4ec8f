package annotate

import (
	"image/color"
	"strconv"

	"github.com/google/uuid"
)

// classSpace is the name space of ClassID (RFC 9562 §5.5).
const classSpace = "6f0a3d52-9b0e-5c55-9a53-0d1f3c1c0a77"

// ClassID is the identifier that a class of this name gets when nothing else
// gives it one. It depends on the name alone, so that the same class in two
// projects, or in two imported files, is the same class.
func ClassID(name string) ID {
	return ID(uuid.NewSHA1(uuid.MustParse(classSpace), []byte(name)))
}

// DefaultPalette is the nine classes that a new project starts with, on the
// keys 1 to 9. Their colours differ from one another for people with normal and
// with red-green blind sight, and from the pinks and purples of a slide
// stained with haematoxylin and eosin.
func DefaultPalette() Palette {
	table := []struct {
		name string
		rgb  uint32
	}{
		{"Tumour", 0xe6194b},
		{"Stroma", 0x00a550},
		{"Necrosis", 0x202020},
		{"Lymphocytes", 0x0a3cff},
		{"Glands", 0x00d5ff},
		{"Fat", 0xffe119},
		{"Vessel", 0xff7f00},
		{"Artefact", 0x808000},
		{"Other", 0xc8ff96},
	}
	p := make(Palette, len(table))
	for i, t := range table {
		p[i] = Class{
			ID: ClassID(t.name), Name: t.name, Key: strconv.Itoa(i + 1),
			Color: color.NRGBA{R: uint8(t.rgb >> 16), G: uint8(t.rgb >> 8), B: uint8(t.rgb), A: 255},
		}
	}
	return p
}
