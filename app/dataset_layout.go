package app

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"coverslip/annotate/parquet"
)

// shardSamples and shardBytes bound a shard: loaders read whole shards.
const (
	shardSamples = 1000
	shardBytes   = 256 << 20
)

// writeLayout writes what the layout has beside images and papers.
func (x *exporter) writeLayout() error {
	switch x.o.Format {
	case LayoutImageFolder:
		return x.eachSplit(x.writeMetadata)
	case LayoutCOCO:
		return x.eachSplit(x.writeCOCO)
	case LayoutYOLO:
		return x.writeYOLO()
	case LayoutWebDataset:
		if err := x.eachSplit(x.writeShards); err != nil {
			return err
		}
		if err := os.RemoveAll(x.path("masks")); err != nil {
			return err
		}
		return os.RemoveAll(x.path("patches"))
	}
	return nil
}

func (x *exporter) eachSplit(f func(split string, rows []patchRow) error) error {
	for _, split := range splitNames {
		var rows []patchRow
		for _, r := range x.rows {
			if r.split == split {
				rows = append(rows, r)
			}
		}
		if len(rows) > 0 {
			if err := f(split, rows); err != nil {
				return fmt.Errorf("dataset: split %s: %w", split, err)
			}
		}
	}
	return nil
}

// create writes a file of the dataset.
func (x *exporter) create(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(x.path(name)), 0o755); err != nil {
		return err
	}
	f, err := os.Create(x.path(name))
	if err != nil {
		return err
	}
	err = write(f)
	if err = firstError(err, f.Close()); err == nil {
		x.inside = append(x.inside, name)
	}
	return err
}

func (x *exporter) createJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return x.create(name, func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err })
}

// labelsOf is all classes of a patch.
func (r patchRow) labelsOf() []string { return append([]string{r.class}, r.also...) }

// writeMetadata writes what Hugging Face's imagefolder reads beside the images of
// a split: file_name from the metadata file's own folder, and columns.
func (x *exporter) writeMetadata(split string, rows []patchRow) error {
	dir := path.Join("patches", split)
	name := path.Join(dir, "metadata."+x.o.Meta)
	file := func(r patchRow) string { return strings.TrimPrefix(r.file, dir+"/") }
	switch x.o.Meta {
	case "jsonl":
		return x.create(name, func(w io.Writer) error {
			e := json.NewEncoder(w)
			for _, r := range rows {
				if err := e.Encode(x.metadata(r, file(r))); err != nil {
					return err
				}
			}
			return nil
		})
	case "parquet":
		return x.create(name, func(w io.Writer) error { return parquet.Write(w, x.metadataColumns(rows, file)) })
	}
	header := []string{"file_name", "label", "slide", "patient", "x", "y", "w", "h", "mpp"}
	if x.o.Multi {
		header = append(header, "labels")
	}
	if x.o.Captions {
		header = append(header, "text", "text_by")
	}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		side := strconv.Itoa(r.side)
		cells[i] = []string{file(r), r.class, r.slide, r.patient, strconv.Itoa(r.x), strconv.Itoa(r.y), side, side, number(r.mpp)}
		if x.o.Multi {
			cells[i] = append(cells[i], strings.Join(r.labelsOf(), "|"))
		}
		if x.o.Captions {
			cells[i] = append(cells[i], r.caption, r.captionBy)
		}
	}
	x.inside = append(x.inside, name)
	return x.writeCSV(name, header, cells)
}

// sampleJSON is a patch in JSON lines and in shards. Boxes are x, y, width and
// height in pixels of the patch, categories class numbers, as Hugging Face's
// examples of object detection have them.
type sampleJSON struct {
	File    string       `json:"file_name,omitempty"`
	Label   string       `json:"label"`
	Labels  []string     `json:"labels,omitempty"`
	Slide   string       `json:"slide"`
	Patient string       `json:"patient"`
	X       int          `json:"x"`
	Y       int          `json:"y"`
	Side    int          `json:"w"`
	Height  int          `json:"h"`
	MPP     float64      `json:"mpp"`
	Source  string       `json:"source"`
	Objects *objectsJSON `json:"objects,omitempty"`
	Text    string       `json:"text,omitempty"`
	TextBy  string       `json:"text_by,omitempty"`
}

type objectsJSON struct {
	Boxes      [][4]float64 `json:"bbox"`
	Categories []int        `json:"categories"`
}

func (x *exporter) metadata(r patchRow, file string) sampleJSON {
	s := sampleJSON{File: file, Label: r.class, Slide: r.slide, Patient: r.patient, X: r.x, Y: r.y, Side: r.side, Height: r.side,
		MPP: r.mpp, Source: r.source, Text: r.caption, TextBy: r.captionBy}
	if x.o.Multi {
		s.Labels = r.labelsOf()
	}
	if x.o.needsObjects() {
		s.Objects = &objectsJSON{Boxes: [][4]float64{}, Categories: []int{}}
		for _, p := range r.objects {
			s.Objects.Boxes = append(s.Objects.Boxes, [4]float64{p.X, p.Y, p.W, p.H})
			s.Objects.Categories = append(s.Objects.Categories, p.Class)
		}
	}
	return s
}

func (x *exporter) metadataColumns(rows []patchRow, file func(patchRow) string) []parquet.Column {
	text := func(name string, f func(patchRow) string) parquet.Column {
		c := parquet.Column{Name: name, Strings: make([]string, len(rows))}
		for i, r := range rows {
			c.Strings[i] = f(r)
		}
		return c
	}
	whole := func(name string, f func(patchRow) int) parquet.Column {
		c := parquet.Column{Name: name, Ints: make([]int64, len(rows))}
		for i, r := range rows {
			c.Ints[i] = int64(f(r))
		}
		return c
	}
	columns := []parquet.Column{
		text("file_name", file), text("label", func(r patchRow) string { return r.class }),
		text("slide", func(r patchRow) string { return r.slide }), text("patient", func(r patchRow) string { return r.patient }),
		whole("x", func(r patchRow) int { return r.x }), whole("y", func(r patchRow) int { return r.y }),
		whole("w", func(r patchRow) int { return r.side }), whole("h", func(r patchRow) int { return r.side }),
	}
	if x.o.Multi {
		columns = append(columns, text("labels", func(r patchRow) string { return strings.Join(r.labelsOf(), "|") }))
	}
	if x.o.Captions {
		columns = append(columns, text("text", func(r patchRow) string { return r.caption }), text("text_by", func(r patchRow) string { return r.captionBy }))
	}
	return columns
}

// cocoJSON is annotations/instances_SPLIT.json of COCO.
type cocoJSON struct {
	Info       map[string]string `json:"info"`
	Images     []cocoImage       `json:"images"`
	Labels     []cocoLabel       `json:"annotations"`
	Categories []cocoCategory    `json:"categories"`
}

type cocoImage struct {
	ID     int    `json:"id"`
	File   string `json:"file_name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type cocoLabel struct {
	ID       int        `json:"id"`
	Image    int        `json:"image_id"`
	Category int        `json:"category_id"`
	Box      [4]float64 `json:"bbox"`
	Area     int        `json:"area"`
	Crowd    int        `json:"iscrowd"`
	Pixels   struct {
		Size   [2]int `json:"size"`
		Counts string `json:"counts"`
	} `json:"segmentation"`
}

type cocoCategory struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Super string `json:"supercategory"`
}

// writeCOCO writes the labels of a split. Shapes are run lengths: holes and parts
// cost nothing, and no program has to draw polygons the way we do.
func (x *exporter) writeCOCO(split string, rows []patchRow) error {
	c := cocoJSON{Info: map[string]string{"description": "Coverslip dataset, split " + split, "version": Version},
		Images: []cocoImage{}, Labels: []cocoLabel{}, Categories: []cocoCategory{}}
	for i, class := range x.classes {
		c.Categories = append(c.Categories, cocoCategory{i + 1, class.name, "tissue"})
	}
	for i, r := range rows {
		c.Images = append(c.Images, cocoImage{i + 1, path.Base(r.file), r.px, r.px})
		for _, p := range r.objects {
			l := cocoLabel{ID: len(c.Labels) + 1, Image: i + 1, Category: p.Class + 1, Box: [4]float64{p.X, p.Y, p.W, p.H}, Area: p.Area}
			l.Pixels.Size, l.Pixels.Counts = [2]int{r.px, r.px}, p.Counts
			c.Labels = append(c.Labels, l)
		}
	}
	return x.createJSON(path.Join("annotations", "instances_"+split+".json"), c)
}

// writeYOLO writes a text of boxes for each image (class, centre and size in
// shares of the image) and data.yaml.
func (x *exporter) writeYOLO() error {
	for _, r := range x.rows {
		var b strings.Builder
		for _, p := range r.objects {
			n := float64(r.px)
			fmt.Fprintf(&b, "%d %.6f %.6f %.6f %.6f\n", p.Class, (p.X+p.W/2)/n, (p.Y+p.H/2)/n, p.W/n, p.H/n)
		}
		name := path.Join("labels", r.split, r.id+".txt")
		if err := x.create(name, func(w io.Writer) error { _, err := io.WriteString(w, b.String()); return err }); err != nil {
			return err
		}
	}
	var b strings.Builder
	b.WriteString("path: .\n")
	for _, split := range splitNames {
		if n := x.report().Splits[split]; n > 0 {
			fmt.Fprintf(&b, "%s: images/%s\n", split, split)
		}
	}
	b.WriteString("names:\n")
	for i, c := range x.classes {
		fmt.Fprintf(&b, "  %d: %s\n", i, strconv.Quote(c.name))
	}
	return x.create("data.yaml", func(w io.Writer) error { _, err := io.WriteString(w, b.String()); return err })
}

// writeShards packs the images of a split into tar files, as webdataset reads
// them: files of one sample follow each other and share the name to the first
// dot. Names have none, times are zero.
func (x *exporter) writeShards(split string, rows []patchRow) error {
	for n := 0; len(rows) > 0; n++ {
		name := path.Join("shards", fmt.Sprintf("%s-%06d.tar", split, n))
		err := x.create(name, func(w io.Writer) error {
			t := tar.NewWriter(w)
			for k, size := 0, 0; len(rows) > 0 && k < shardSamples && size < shardBytes; k++ {
				wrote, err := x.sample(t, rows[0])
				if err != nil {
					return err
				}
				size += wrote
				rows = rows[1:]
			}
			return t.Close()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) sample(t *tar.Writer, r patchRow) (int, error) {
	meta, err := json.Marshal(x.metadata(r, ""))
	if err != nil {
		return 0, err
	}
	image, err := os.ReadFile(x.path(r.file))
	if err != nil {
		return 0, err
	}
	class := 0
	for i, c := range x.classes {
		if c.name == r.class {
			class = i
		}
	}
	parts := []struct {
		ending string
		data   []byte
	}{{"cls", []byte(strconv.Itoa(class))}, {"json", meta}, {x.o.Image, image}}
	if r.mask != "" {
		mask, err := os.ReadFile(x.path(r.mask))
		if err != nil {
			return 0, err
		}
		parts = append(parts, struct {
			ending string
			data   []byte
		}{"mask.png", mask})
	}
	size := 0
	for _, p := range parts {
		h := &tar.Header{Name: r.id + "." + p.ending, Mode: 0o644, Size: int64(len(p.data)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return 0, err
		}
		if _, err := t.Write(p.data); err != nil {
			return 0, err
		}
		size += len(p.data)
	}
	return size, nil
}
