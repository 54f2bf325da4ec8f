// Package coco reads and writes object annotations of COCO: polygons, run
// lengths (RLE), boxes and keypoints.
//
// A whole slide is one image. Polygons of COCO have no holes: an object with
// holes is written as run lengths, which other programs read as pixels, and with
// its outline beside them, from which it comes back exactly.
package coco

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "coco"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "COCO JSON", Extensions: []string{".json"},
		Line: "detection and segmentation training; polygons, run lengths, boxes, keypoints",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Whole, Line: exchange.Dropped, Rectangle: exchange.Whole, Ellipse: exchange.Outlined, Polygon: exchange.Whole,
			Holes: exchange.Whole, Parts: exchange.Whole, Attrs: exchange.All &^ exchange.Color,
			Note: "Objects with holes are run lengths, which other programs read as whole pixels; on slides of more than 4 gigapixels these show the holes filled.",
		},
		Detect: func(h exchange.Head) bool {
			return h.JSON() && h.Has(`"images"`) && (h.Has(`"categories"`) || h.Has(`"annotations"`)) || h.JSON() && h.Has(`"segmentation"`)
		},
		Read: read, Write: write,
	}
}

type image struct {
	ID       json.RawMessage `json:"id"`
	ImageID  json.RawMessage `json:"image_id"` // Segment Anything's
	Width    int             `json:"width"`
	Height   int             `json:"height"`
	FileName string          `json:"file_name"`
}

func (i *image) key() string {
	if len(i.ID) > 0 {
		return exchange.Text(i.ID)
	}
	return exchange.Text(i.ImageID)
}

type category struct {
	ID   json.RawMessage `json:"id"`
	Name string          `json:"name"`
}

type object struct {
	ID           json.RawMessage   `json:"id"`
	ImageID      json.RawMessage   `json:"image_id"`
	CategoryID   json.RawMessage   `json:"category_id"`
	Segmentation json.RawMessage   `json:"segmentation"`
	BBox         []float64         `json:"bbox"`
	Keypoints    []float64         `json:"keypoints"`
	Score        float64           `json:"score"`
	Outline      [][][]float64     `json:"coverslip_outline"` // polygons of rings of x1,y1,x2,y2,…
	Own          map[string]string `json:"coverslip"`

	where string
}

type reader struct {
	j          *exchange.JSON
	o          exchange.ReadOptions
	b          *exchange.Builder
	images     []image
	categories map[string]string
	told       bool     // categories and images were read
	waiting    []object // read before them
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	r := &reader{j: exchange.NewJSON(name, in), o: o, b: b, categories: map[string]string{}}
	seen := map[string]bool{}
	err := r.j.Any(func(key string) error {
		switch key {
		case "image":
			seen[key] = true
			var i image
			if err := r.j.Decode(&i); err != nil {
				return err
			}
			r.images = append(r.images, i)
		case "images":
			seen[key] = true
			return r.j.Array(func() error {
				var i image
				err := r.j.Decode(&i)
				r.images = append(r.images, i)
				return err
			})
		case "categories":
			seen[key] = true
			return r.j.Array(func() error {
				var c category
				err := r.j.Decode(&c)
				r.categories[exchange.Text(c.ID)] = c.Name
				return err
			})
		case "annotations":
			seen[key] = true
			r.told = seen["images"] && seen["categories"]
			return r.j.Array(r.object)
		}
		return nil
	}, func() error { // a bare list: the results file of a detector
		seen["annotations"] = true
		return r.object()
	})
	if err != nil {
		return err
	}
	if !seen["annotations"] {
		return r.j.Errorf("there is no list of annotations in it")
	}
	if err := r.j.End(); err != nil {
		return err
	}
	r.told = true
	for i := range r.waiting {
		if err := r.place(&r.waiting[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) object() error {
	o := object{where: r.j.Where()}
	if err := r.j.Decode(&o); err != nil {
		return err
	}
	if !r.told {
		r.waiting = append(r.waiting, o)
		return nil
	}
	return r.place(&o)
}

// mine tells whether an annotation is one of this slide: a file may hold many
// images, and which of them the slide is, a person may have to say.
func (r *reader) mine(o *object) (bool, error) {
	if len(r.images) < 2 || len(o.ImageID) == 0 {
		return true, nil
	}
	id := exchange.Text(o.ImageID)
	if v, ok := r.o.Answers["image"]; ok {
		return v == r.fileOf(id) || v == id, nil
	}
	var choices []string
	for i := range r.images {
		if stem(r.images[i].FileName) == stem(r.o.Slide.Name) && r.o.Slide.Name != "" {
			return r.images[i].key() == id, nil
		}
		if len(choices) < 50 {
			choices = append(choices, r.images[i].FileName)
		}
	}
	return false, exchange.Ask(name, exchange.Question{Key: "image", Text: fmt.Sprintf("The file holds %d images; which of them is this slide?", len(r.images)), Choices: choices})
}

func (r *reader) fileOf(id string) string {
	for i := range r.images {
		if r.images[i].key() == id {
			return r.images[i].FileName
		}
	}
	return ""
}

func stem(path string) string {
	base := filepath.Base(strings.ReplaceAll(path, `\`, "/"))
	return strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base)))
}

func (r *reader) place(o *object) error {
	mine, err := r.mine(o)
	if err != nil {
		return err
	}
	if !mine {
		r.b.Report.Skipped++
		return nil
	}
	f := exchange.Found{Class: r.categories[exchange.Text(o.CategoryID)], Own: o.Own, Score: o.Score}
	if o.Score > 0 && o.Own == nil {
		f.Detection = true
	}
	if f.Class == unclassified && o.Own != nil {
		f.Class = ""
	}
	roi, err := r.roi(o)
	if err != nil {
		if exchange.Broken(err) {
			return err
		}
		r.b.Skip(o.where, "%v", err)
		return nil
	}
	f.ROI = roi
	return r.b.Add(o.where, f)
}

func (r *reader) roi(o *object) (annotate.ROI, error) {
	if len(o.Outline) > 0 {
		var ps []annotate.Polygon
		for _, p := range o.Outline {
			var q annotate.Polygon
			for i, flat := range p {
				ring, err := r.ring(flat)
				if err != nil {
					return annotate.ROI{}, err
				}
				if i == 0 {
					q.Outer = ring
				} else {
					q.Holes = append(q.Holes, ring)
				}
			}
			ps = append(ps, q)
		}
		return exchange.AreaOf(ps), nil
	}
	if n := len(o.Keypoints); n > 0 {
		return r.keypoints(o.Keypoints)
	}
	if raw := o.Segmentation; len(raw) > 0 && raw[0] == '{' {
		return r.rle(raw)
	}
	var flat [][]float64
	if len(o.Segmentation) > 0 && json.Unmarshal(o.Segmentation, &flat) != nil {
		return annotate.ROI{}, r.j.Errorf("the segmentation of annotation %s is no list of lists of numbers", exchange.Text(o.ID))
	}
	var ps []annotate.Polygon
	for _, f := range flat {
		ring, err := r.ring(f)
		if err != nil {
			return annotate.ROI{}, err
		}
		ps = append(ps, annotate.Polygon{Outer: ring})
	}
	if len(ps) > 0 {
		return exchange.AreaOf(ps), nil
	}
	if len(o.BBox) == 4 {
		return annotate.Rectangle(o.BBox[0], o.BBox[1], o.BBox[0]+o.BBox[2], o.BBox[1]+o.BBox[3]), nil
	}
	return annotate.ROI{}, fmt.Errorf("it has neither outline nor box")
}

func (r *reader) ring(flat []float64) (annotate.Ring, error) {
	if len(flat)%2 != 0 {
		return nil, r.j.Errorf("a polygon of %d numbers", len(flat))
	}
	ps := make([]annotate.Point, len(flat)/2)
	for i := range ps {
		ps[i] = annotate.Point{X: flat[2*i] + 0, Y: flat[2*i+1] + 0}
	}
	return exchange.Opened(ps), nil
}

// keypoints are triples x, y, visibility; 0 is not labelled.
func (r *reader) keypoints(v []float64) (annotate.ROI, error) {
	if len(v)%3 != 0 {
		return annotate.ROI{}, r.j.Errorf("keypoints of %d numbers", len(v))
	}
	var ps []annotate.Point
	for i := 0; i < len(v); i += 3 {
		if v[i+2] != 0 {
			ps = append(ps, annotate.Point{X: v[i] + 0, Y: v[i+1] + 0})
		}
	}
	if len(ps) == 0 {
		return annotate.ROI{}, fmt.Errorf("none of its keypoints is labelled")
	}
	return exchange.PointsOf(ps), nil
}

func (r *reader) rle(raw json.RawMessage) (annotate.ROI, error) {
	var m struct {
		Size   []uint64        `json:"size"`
		Counts json.RawMessage `json:"counts"`
	}
	if err := json.Unmarshal(raw, &m); err != nil || len(m.Size) != 2 {
		return annotate.ROI{}, r.j.Errorf("run lengths without size and counts")
	}
	var runs []uint64
	if json.Unmarshal(m.Counts, &runs) != nil {
		var err error
		if runs, err = Unpack(exchange.Text(m.Counts)); err != nil {
			return annotate.ROI{}, r.j.Errorf("%v", err)
		}
	}
	ps, err := Outline(runs, m.Size[0], m.Size[1], 0, 0)
	if err == errRLE {
		return annotate.ROI{}, r.j.Errorf("%v", err)
	}
	if err == nil && len(ps) == 0 {
		err = fmt.Errorf("its mask is empty")
	}
	return exchange.AreaOf(ps), err
}

// unclassified is the category of objects without a class: COCO has none without.
const unclassified = "unclassified"

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	w := bufio.NewWriterSize(to, 64<<10)
	file, err := exchange.Marshal(o.Slide.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "{\"info\":{\"description\":\"Coverslip\"},\"licenses\":[],\n\"images\":[{\"id\":1,\"width\":%d,\"height\":%d,\"file_name\":%s}],\n\"categories\":[", o.Slide.Width, o.Slide.Height, file)
	numbers := map[annotate.ID]int{}
	for i, c := range o.Classes {
		numbers[c.ID] = i + 1
		title, err := exchange.Marshal(c.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "{\"id\":%d,\"name\":%s,\"supercategory\":\"\"},\n", i+1, title)
	}
	fmt.Fprintf(w, "{\"id\":%d,\"name\":%q,\"supercategory\":\"\"}],\n\"annotations\":[", len(o.Classes)+1, unclassified)
	n := 0
	for obj := range objects {
		if n++; n > 1 {
			w.WriteByte(',')
		}
		category := numbers[obj.Class]
		if category == 0 {
			category = len(o.Classes) + 1
		}
		line, err := encode(n, category, obj, o.Slide)
		if err != nil {
			return fmt.Errorf("%s: object %s: %w", name, obj.ID, err)
		}
		w.WriteByte('\n')
		w.Write(line)
	}
	w.WriteString("\n]}\n")
	return w.Flush()
}

func flatten(r []annotate.Point) []float64 {
	out := make([]float64, 0, 2*len(r))
	for _, p := range r {
		out = append(out, p.X, p.Y)
	}
	return out
}

// maxRuns is the most pixels of a picture that maskApi can count: 32 bits.
const maxRuns = 1 << 32

func encode(id, category int, obj *annotate.Object, s exchange.Slide) ([]byte, error) {
	b := obj.ROI.Bounds()
	e := map[string]any{"id": id, "image_id": 1, "category_id": category, "iscrowd": 0, "area": obj.ROI.Area(),
		"bbox": [4]float64{b.MinX, b.MinY, b.Width(), b.Height()}, "segmentation": []int{}, "coverslip": exchange.Full(obj)}
	if obj.By.Score > 0 && obj.Kind == annotate.Detection {
		e["score"] = obj.By.Score
	}
	switch r := obj.ROI; r.Kind {
	case annotate.KindPoint, annotate.KindPoints:
		var k []float64
		for _, p := range r.Points {
			k = append(k, p.X, p.Y, 2)
		}
		e["keypoints"], e["num_keypoints"] = k, len(r.Points)
	default:
		var rings [][]float64
		holes := false
		for _, p := range r.Polygons {
			rings = append(rings, flatten(p.Outer))
			holes = holes || len(p.Holes) > 0
		}
		e["segmentation"] = rings
		if !holes {
			break
		}
		var outline [][][]float64
		for _, p := range r.Polygons {
			all := [][]float64{flatten(p.Outer)}
			for _, h := range p.Holes {
				all = append(all, flatten(h))
			}
			outline = append(outline, all)
		}
		e["coverslip_outline"] = outline
		if n := uint64(s.Width) * uint64(s.Height); n > 0 && n < maxRuns {
			e["segmentation"] = map[string]any{"size": [2]int{s.Height, s.Width}, "counts": Pack(Runs(r.Polygons, s.Width, s.Height))}
		}
	}
	return exchange.Marshal(e)
}
