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
// keys 1 to 9. Their colours were searched for by computer so that they differ
// from one another for people with normal and with red-green blind sight, and
// from the pinks and purples of a slide stained with haematoxylin and eosin; the
// test of the palette holds the differences.
func DefaultPalette() Palette {
	table := []struct {
		name string
		rgb  uint32
	}{
		{"Tumour", 0xa50e0f},
		{"Stroma", 0x369464},
		{"Necrosis", 0x090a0a},
		{"Lymphocytes", 0x3f6ffd},
		{"Glands", 0x1ec2f0},
		{"Fat", 0xffcd00},
		{"Vessel", 0xc26f00},
		{"Artefact", 0x68646b},
		{"Other", 0xbdfaae},
	}
	p := make(Palette, len(table))
	for i, t := range table {
		p[i] = Class{
			ID: ClassID(t.name), Name: t.name, Code: presetCode(t.name), Key: strconv.Itoa(i + 1),
			Color: color.NRGBA{R: uint8(t.rgb >> 16), G: uint8(t.rgb >> 8), B: uint8(t.rgb), A: 255},
		}
	}
	return p
}
