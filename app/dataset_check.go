package app

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/parquet"
	"coverslip/models/arrays"
	"coverslip/storage"
	"coverslip/tiles/likeness"
)

// alikePair is two pictures of two splits that are nearly the same.
type alikePair struct {
	a, b   int // rows
	how    string
	amount float64 // signs that differ, or the cosine
}

// nearCosine is the likeness of embeddings from which two patches count as the
// same; encoders put neighbours of one tissue at 0.9.
const nearCosine = 0.98

// compareSplits looks for nearly the same pictures in two splits: by perceptual
// hash, and by embedding where embeddings are exported and patches have one.
func (x *exporter) compareSplits() error {
	if x.o.Alike == "off" {
		return nil
	}
	var hashes []likeness.Hash
	var of []int
	for i, r := range x.rows {
		if r.hashed {
			hashes, of = append(hashes, r.hash), append(of, i)
		}
	}
	pairs := likeness.Pairs(hashes, func(a, b int) bool { return x.rows[of[a]].split != x.rows[of[b]].split })
	for _, p := range pairs {
		x.alike = append(x.alike, alikePair{of[p.A], of[p.B], "picture", float64(p.Distance)})
	}
	if x.o.Vectors != "" { // else the bytes would depend on what happens to be on disk
		x.compareVectors()
	}
	slices.SortFunc(x.alike, func(p, q alikePair) int {
		return cmp.Or(strings.Compare(x.rows[p.a].file, x.rows[q.a].file), strings.Compare(x.rows[p.b].file, x.rows[q.b].file), strings.Compare(p.how, q.how))
	})
	if len(x.alike) == 0 {
		return nil
	}
	if x.o.Alike == "refuse" {
		p := x.alike[0]
		return fmt.Errorf("dataset: %w: %d pair(s) of nearly the same pictures, such as %s and %s", ErrLeak, len(x.alike), x.rows[p.a].file, x.rows[p.b].file)
	}
	x.warn("%d pair(s) of nearly the same pictures lie in two splits; near-duplicates.csv lists them.", len(x.alike))
	rows := make([][]string, len(x.alike))
	for i, p := range x.alike {
		rows[i] = []string{x.rows[p.a].file, x.rows[p.b].file, p.how, number(p.amount)}
	}
	x.inside = append(x.inside, "near-duplicates.csv")
	return x.writeCSV("near-duplicates.csv", []string{"file_a", "file_b", "by", "amount"}, rows)
}

// maxCompared bounds the patches whose embeddings are compared, each with each.
const maxCompared = 20000

// compareVectors compares the embeddings of patches. Slides that have none are
// left to the hash.
func (x *exporter) compareVectors() {
	type vector struct {
		row int
		v   []float32
	}
	var all []vector
	boxes := map[string]map[annotate.Point]int{}
	for i, r := range x.rows {
		if boxes[r.slide] == nil {
			boxes[r.slide] = map[annotate.Point]int{}
		}
		boxes[r.slide][annotate.Point{X: float64(r.x), Y: float64(r.y)}] = i
	}
	for _, e := range x.slides {
		stored, err := x.s.vectorsOf(e.item, SuggestOptions{SRGB: x.o.SRGB, Planes: x.o.Planes})
		if err != nil || stored.Dim == 0 {
			continue // embeddings can be lost; nothing depends on them
		}
		for i, b := range stored.Boxes {
			row, ok := boxes[e.id][annotate.Point{X: b.MinX, Y: b.MinY}]
			if ok && int(b.MaxX-b.MinX) == x.rows[row].side {
				all = append(all, vector{row, stored.Vectors[i*stored.Dim : (i+1)*stored.Dim]})
			}
		}
	}
	if len(all) > maxCompared {
		x.warn("%d patches have embeddings; only %d can be compared between splits, so only pictures were.", len(all), maxCompared)
		return
	}
	for i, p := range all {
		for _, q := range all[:i] {
			if x.rows[p.row].split == x.rows[q.row].split || len(p.v) != len(q.v) {
				continue
			}
			dot := float32(0)
			for k, a := range p.v {
				dot += a * q.v[k]
			}
			if dot > nearCosine {
				x.alike = append(x.alike, alikePair{min(p.row, q.row), max(p.row, q.row), "embedding", float64(int(dot*1e4)) / 1e4})
			}
		}
	}
}

// vectorsOf reads the embeddings of a slide that are on disk.
func (s *Session) vectorsOf(item SlideItem, o SuggestOptions) (*storage.Embeddings, error) {
	o, err := s.withDefaults(o)
	if err != nil {
		return nil, err
	}
	key := storage.EmbeddingKey{Fingerprint: item.Fingerprint, ModelHash: o.Encoder.Info().Hash, MPP: o.MPP, Patch: o.Patch}
	if o.SRGB {
		key.Pixels = pixelsSRGB
	}
	key.Pixels = keyOf(key.Pixels, o.Planes)
	return s.project.ReadEmbeddings(key)
}

// writeEmbeddings writes what is on disk of each slide's embeddings: a row a
// patch, with the corners of its square.
func (x *exporter) writeEmbeddings(ctx context.Context) error {
	if x.o.Vectors == "" {
		return nil
	}
	without := 0
	for _, e := range x.slides {
		if err := ctx.Err(); err != nil {
			return err
		}
		stored, err := x.s.vectorsOf(e.item, SuggestOptions{SRGB: x.o.SRGB, Planes: x.o.Planes})
		if err != nil {
			without++
			continue
		}
		corners := make([]float32, 0, 4*len(stored.Boxes))
		for _, b := range stored.Boxes {
			corners = append(corners, float32(b.MinX), float32(b.MinY), float32(b.MaxX), float32(b.MaxY))
		}
		if err := x.writeVectors(e, stored, corners); err != nil {
			return about("slide", e.item.Name, err)
		}
	}
	if without > 0 {
		x.warn("%d slide(s) have no embeddings on disk; embed them first to have them in the dataset.", without)
	}
	return nil
}

func (x *exporter) writeVectors(e *slideExport, stored *storage.Embeddings, corners []float32) error {
	base := path.Join("embeddings", e.id)
	vectors := arrays.Matrix{Name: "embeddings", Cols: stored.Dim, Data: stored.Vectors}
	boxes := arrays.Matrix{Name: "boxes", Cols: 4, Data: corners}
	switch x.o.Vectors {
	case "npy":
		err := x.create(base+".npy", func(w io.Writer) error { return arrays.WriteNPY(w, vectors) })
		if err != nil {
			return err
		}
		return x.create(base+".boxes.npy", func(w io.Writer) error { return arrays.WriteNPY(w, boxes) })
	case "parquet":
		c := []parquet.Column{{Name: "x"}, {Name: "y"}, {Name: "w"}, {Name: "h"}, {Name: "embedding"}}
		for i, b := range stored.Boxes {
			for k, v := range []float64{b.MinX, b.MinY, b.MaxX - b.MinX, b.MaxY - b.MinY} {
				c[k].Ints = append(c[k].Ints, int64(v))
			}
			c[4].Lists = append(c[4].Lists, stored.Vectors[i*stored.Dim:(i+1)*stored.Dim])
		}
		return x.create(base+".parquet", func(w io.Writer) error { return parquet.Write(w, c) })
	}
	texts := map[string]string{"model_sha256": stored.Key.ModelHash, "mpp": number(stored.Key.MPP), "patch": fmt.Sprint(stored.Key.Patch)}
	return x.create(base+".safetensors", func(w io.Writer) error {
		return arrays.WriteSafetensors(w, []arrays.Matrix{vectors, boxes}, texts)
	})
}
