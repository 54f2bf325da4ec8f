package main

import (
	"fmt"
	"image/color"
	"io"

	"coverslip/annotate"
	"coverslip/annotate/interchange/geojson"
	"coverslip/app"
	"coverslip/tiles/synth"
)

// truthOf turns the truth of a generated slide into objects: an annotation for
// every region and every gland, and the nuclei of each kind as one annotation
// of many points. Identifiers depend on the scene alone, so the same slide gives
// the same file. Classes are those of the default palette by name, and new ones
// for what it lacks.
func truthOf(scene *synth.Scene, t synth.Truth) ([]*annotate.Object, annotate.Palette) {
	b := &truthBuilder{palette: annotate.DefaultPalette(), of: fmt.Sprintf("%+v", scene.Options())}
	for _, r := range t.Tissue {
		b.region(r, "")
	}
	for _, r := range t.Regions {
		b.region(r, "")
	}
	for _, r := range t.Glands {
		b.region(r, "gland")
	}
	b.nuclei(t.Nuclei)
	return b.objects, b.palette
}

type truthBuilder struct {
	of      string // names the scene
	palette annotate.Palette
	objects []*annotate.Object
}

// class finds a class by name or adds it in grey.
func (b *truthBuilder) class(name string) annotate.ID {
	if c := b.palette.ByName(name); c != nil {
		return c.ID
	}
	c := annotate.Class{ID: annotate.ClassID(name), Name: name, Color: color.NRGBA{R: 128, G: 128, B: 128, A: 255}}
	b.palette = append(b.palette, c)
	return c.ID
}

func (b *truthBuilder) add(roi annotate.ROI, class, name string) {
	roi, _, err := roi.Repaired()
	if err != nil {
		return // thinner than the contour's grid: nothing is left of it
	}
	b.objects = append(b.objects, &annotate.Object{
		ID:   annotate.ClassID(fmt.Sprintf("truth %s %d", b.of, len(b.objects))),
		Kind: annotate.Annotation, ROI: roi, Class: b.class(class), Name: name,
		By: annotate.Provenance{Author: "coverslip synth", Method: "truth"},
	})
}

func (b *truthBuilder) region(r synth.Region, name string) {
	p := annotate.Polygon{Outer: ringOf(r.Outer)}
	for _, h := range r.Holes {
		p.Holes = append(p.Holes, ringOf(h))
	}
	b.add(annotate.ROI{Kind: annotate.KindPolygon, Polygons: []annotate.Polygon{p}}, r.Class, name)
}

func ringOf(points []synth.Point) annotate.Ring {
	ring := make(annotate.Ring, len(points))
	for i, p := range points {
		ring[i] = annotate.Point{X: p.X, Y: p.Y}
	}
	return ring
}

// nuclei adds the nuclei of each kind as points.
func (b *truthBuilder) nuclei(all []synth.Nucleus) {
	byKind := map[synth.Kind][]annotate.Point{}
	var order []synth.Kind
	for _, n := range all {
		if byKind[n.Kind] == nil {
			order = append(order, n.Kind)
		}
		byKind[n.Kind] = append(byKind[n.Kind], annotate.Point{X: n.X, Y: n.Y})
	}
	for _, k := range order {
		b.add(annotate.ROI{Kind: annotate.KindPoints, Points: byKind[k]}, "Nucleus: "+k.String(), "")
	}
}

// writeTruth writes the truth of a generated slide as GeoJSON and says how many
// regions and nuclei it holds.
func writeTruth(path string, scene *synth.Scene) (regions, nuclei int, err error) {
	t := scene.Truth()
	objects, palette := truthOf(scene, t)
	o := scene.Options()
	info := geojson.SlideInfo{Width: o.Width, Height: o.Height, MPPX: o.MPP, MPPY: o.MPP}
	err = app.WriteFile(path, func(w io.Writer) error { return geojson.Write(w, objects, palette, info) })
	return len(t.Tissue) + len(t.Regions) + len(t.Glands), len(t.Nuclei), err
}
