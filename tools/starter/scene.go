package main

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"

	"coverslip/tiles/synth"
)

// Splits of the data. Training takes seeds from 0 up and the middle of every
// range; the test takes other seeds and, in half of its scenes, what lies
// beyond the ranges of training.
const (
	splitTrain = "train"
	splitTest  = "test"
	testSeeds  = 1 << 40
)

const (
	side         = 112 // pixels of a patch
	cells        = 14  // of the truth a side: 8 pixels each
	scenePatches = 64
	oversample   = 2 // rendered pixels for a patch's pixel
)

// patch is a picture, what is in it and sentences about it.
type patch struct {
	img   *image.RGBA
	truth truth
}

// truth is the JSON line of a patch.
type truth struct {
	Scene    int64     `json:"scene"` // seed of the generator
	X        float64   `json:"x"`     // level-0 pixels of that scene
	Y        float64   `json:"y"`
	MPP      float64   `json:"mpp"`   // µm a pixel of the patch
	Label    string    `json:"label"` // what fills most of it; "" = mixed
	Zones    []float64 `json:"zones"` // shares, in the order of synth.Content
	Looks    []float64 `json:"looks"`
	Density  float64   `json:"density"` // nuclei a mm² of the patch
	Kinds    []int     `json:"kinds"`   // nuclei by synth.Kind
	Brown    bool      `json:"brown"`   // an immunohistochemical section
	Positive float64   `json:"positive"`
	H        float64   `json:"h"` // strength of the dyes
	E        float64   `json:"e"`
	Beyond   bool      `json:"beyond"` // colours and scale beyond those of training
	Changes  changes   `json:"changes"`
	Keys     []string  `json:"keys"`
	Captions []string  `json:"captions"`
	look     []uint8   // cells × cells
	zone     []uint8
	nuclei   []uint8
	comp     composed
}

// composed is what the grammar needs beside.
type composed struct {
	lumina, blood, mucin, loose float64
}

// contents are the names of synth.Content, the labels of patches.
var contents = []string{"glass", "tumour", "stroma", "necrosis", "lymphocytes", "glands", "fat", "vessel", "pen", "fold"}

// drawScene plans one slide and draws patches of it.
func drawScene(split string, seed int64, k int, g grammar) ([]patch, error) {
	number := seed*1_000_003 + int64(k)
	if split == splitTest {
		number += testSeeds
	}
	r := rand.New(rand.NewPCG(uint64(number), 0x57A7))
	beyond := split == splitTest && k%2 == 1
	mpp := spread(r, beyond, 1.0, 1.4, 1.75)
	o := synth.Options{Width: 4800, Height: 3600, Seed: number, MPP: mpp / oversample}
	o.Stain = synth.Stain{Haematoxylin: spread(r, beyond, 1.0, 1.5, 1.9), Eosin: spread(r, beyond, 0.95, 1.5, 1.9)}
	if r.Float64() < 0.2 {
		o.Stain.Brown = true
		if o.Stain.Positive = math.Pow(r.Float64(), 1.5); r.Float64() < 0.15 {
			o.Stain.Positive = 0
		}
	}
	s, err := synth.New(o)
	if err != nil {
		return nil, fmt.Errorf("scene %d: %w", number, err)
	}
	lab := drawLab(r, beyond)
	var all []patch
	for _, p := range places(s, r) {
		t := truth{Scene: number, X: p.X, Y: p.Y, MPP: mpp, Brown: o.Stain.Brown, Positive: o.Stain.Positive, H: o.Stain.Haematoxylin, E: o.Stain.Eosin, Beyond: beyond}
		img := render(s, p)
		t.compose(s, p)
		t.Changes = lab.one(r)
		img, err := t.Changes.apply(img, r)
		if err != nil {
			return nil, fmt.Errorf("scene %d: %w", number, err)
		}
		t.Keys = t.keys()
		t.Captions = g.sentences(&t, r)
		all = append(all, patch{img, t})
	}
	return all, nil
}

// spread draws a factor around middle, evenly in its logarithm: up to inner
// either way, or between inner and outer when beyond.
func spread(r *rand.Rand, beyond bool, middle, inner, outer float64) float64 {
	x := (2*r.Float64() - 1) * math.Log(inner)
	if beyond {
		x = math.Log(inner) + r.Float64()*math.Log(outer/inner)
		if r.IntN(2) == 0 {
			x = -x
		}
	}
	return middle * math.Exp(x)
}

// places chooses the upper left corners of patches so that rare contents come
// as often as common ones, and some corners by chance, which gives borders.
func places(s *synth.Scene, r *rand.Rand) []synth.Point {
	o := s.Options()
	const reach = side * oversample
	free := func(x, y float64) synth.Point {
		return synth.Point{X: math.Round(min(max(x-reach/2, 0), float64(o.Width-reach))), Y: math.Round(min(max(y-reach/2, 0), float64(o.Height-reach)))}
	}
	by := map[synth.Content][]synth.Point{}
	for range 1500 {
		x, y := r.Float64()*float64(o.Width), r.Float64()*float64(o.Height)
		c := s.ContentAt(x, y)
		by[c] = append(by[c], free(x, y))
	}
	pens, folds := s.Artefacts()
	for _, a := range []struct {
		c    synth.Content
		list []synth.Point
	}{{synth.Inked, pens}, {synth.Folded, folds}} {
		for _, p := range a.list {
			by[a.c] = append(by[a.c], free(p.X+(r.Float64()-0.5)*reach/2, p.Y+(r.Float64()-0.5)*reach/2))
		}
		r.Shuffle(len(by[a.c]), func(i, j int) { by[a.c][i], by[a.c][j] = by[a.c][j], by[a.c][i] })
	}
	most := map[synth.Content]int{synth.Glass: 3, synth.Inked: 3, synth.Folded: 4}
	var chosen []synth.Point
	for round := 0; len(chosen) < scenePatches && round < scenePatches; round++ {
		for c := range synth.Contents {
			if n, limited := most[c]; limited && round >= n || round >= len(by[c]) || len(chosen) == scenePatches {
				continue
			}
			chosen = append(chosen, by[c][round])
		}
	}
	for len(chosen) < scenePatches {
		chosen = append(chosen, free(r.Float64()*float64(o.Width), r.Float64()*float64(o.Height)))
	}
	return chosen
}

// render draws a patch: oversampled, then averaged, as a scanner's lower levels
// are.
func render(s *synth.Scene, p synth.Point) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	s.Render(int(p.X), int(p.Y), oversample, img)
	return img
}

// compose fills in what the patch holds.
func (t *truth) compose(s *synth.Scene, p synth.Point) {
	c := s.Compose(p.X, p.Y, side*oversample, cells)
	t.Zones, t.Looks = make([]float64, synth.Contents), make([]float64, synth.Contents)
	all := 0
	for k := range c.Look {
		t.look, t.zone, t.nuclei = append(t.look, uint8(c.Look[k])), append(t.zone, uint8(c.Zone[k])), append(t.nuclei, uint8(min(c.Nuclei[k], 255)))
		t.Zones[c.Zone[k]] += 1.0 / (cells * cells)
		t.Looks[c.Look[k]] += 1.0 / (cells * cells)
		all += int(c.Nuclei[k])
	}
	mm := side * t.MPP / 1000
	t.Density = float64(all) / (mm * mm)
	t.Kinds = slices.Clone(c.Kinds[:])
	t.comp = composed{c.Lumina, c.Blood, c.Mucin, c.Loose}
	t.Label = t.label()
}

// label is the content that fills at least two thirds of the patch; a vessel,
// which is small, a third.
func (t *truth) label() string {
	if t.Looks[synth.Vascular] > 0.33 {
		return contents[synth.Vascular]
	}
	for i, share := range t.Zones {
		if i == int(synth.Inked) && share > 0.4 || i == int(synth.Folded) && share > 0.3 {
			return contents[i]
		}
	}
	for i, share := range t.Zones {
		if share >= 0.67 {
			if i == int(synth.Glandular) && t.Looks[i] < 0.3 {
				return "" // a zone of glands, and hardly one of them in sight
			}
			return contents[i]
		}
	}
	return ""
}
