// Package csvpoints reads and writes points as a table: a line each, with x, y
// and whatever else is known. Most programs can make and read such a table.
//
// Columns are found by their names, in any order, with commas, semicolons or
// tabs between them; columns in µm need the slide's mpp.
package csvpoints

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

const name = "csv"

// Format is the format as a value.
func Format() exchange.Format {
	return exchange.Format{
		Name: name, Title: "CSV of points", Extensions: []string{".csv", ".tsv", ".txt"},
		Line: "a table with x and y; spreadsheets, QuPath's and CellProfiler's measurements",
		Keeps: exchange.Keeps{
			Point: exchange.Whole, Points: exchange.Apart, Line: exchange.Centred, Rectangle: exchange.Centred, Ellipse: exchange.Centred, Polygon: exchange.Centred,
			Attrs: exchange.All,
		},
		Detect: func(h exchange.Head) bool {
			fields, _ := header(h.Bytes)
			x, y := column(fields, xNames()), column(fields, yNames())
			return x >= 0 && y >= 0
		},
		Read: read, Write: write,
	}
}

// Names of columns, the likeliest first, in lower case.
func xNames() []string {
	return []string{"x", "x_px", "x (px)", "centroid x px", "centroid x", "centroid_x", "x_centroid", "center_x", "cx", "location_center_x", "areashape_center_x", "centroid x µm", "centroid x um", "x µm", "x_um", "x (µm)", "x (um)", "x_micron", "col"}
}

func yNames() []string {
	return []string{"y", "y_px", "y (px)", "centroid y px", "centroid y", "centroid_y", "y_centroid", "center_y", "cy", "location_center_y", "areashape_center_y", "centroid y µm", "centroid y um", "y µm", "y_um", "y (µm)", "y (um)", "y_micron", "row"}
}

func classNames() []string {
	return []string{"class", "classification", "label", "category", "type", "cell_type", "celltype", "cluster", "annotation"}
}

// header is the fields of the first line, and what stands between them.
func header(head []byte) ([]string, rune) {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best, n := ',', 0
	for _, c := range []rune{',', ';', '\t'} {
		if k := strings.Count(string(line), string(c)); k > n {
			best, n = c, k
		}
	}
	r := csv.NewReader(bytes.NewReader(line))
	r.Comma, r.LazyQuotes = best, true
	fields, err := r.Read()
	if err != nil {
		return nil, best
	}
	return fields, best
}

func column(fields, names []string) int {
	for _, n := range names {
		if i := slices.IndexFunc(fields, func(f string) bool { return strings.ToLower(strings.TrimSpace(f)) == n }); i >= 0 {
			return i
		}
	}
	return -1
}

func micron(field string) bool {
	f := strings.ToLower(field)
	return strings.Contains(f, "µm") || strings.Contains(f, "um") || strings.Contains(f, "micron") || strings.Contains(f, "μm")
}

// columns is where things stand in a line; -1: nowhere.
type columns struct{ x, y, class, color, name, id, own int }

// layout finds the columns and asks for those it cannot find.
func layout(fields []string, o exchange.ReadOptions) (columns, error) {
	var c columns
	var questions []exchange.Question
	find := func(key, text string, names []string, must bool) int {
		if v, ok := o.Answers[key]; ok {
			if i := slices.Index(fields, v); i >= 0 || !must {
				return i
			}
		}
		i := column(fields, names)
		if i < 0 && must {
			questions = append(questions, exchange.Question{Key: key, Text: text, Choices: fields})
		}
		return i
	}
	c.x = find("x", "Which column holds x?", xNames(), true)
	c.y = find("y", "Which column holds y?", yNames(), true)
	c.class = find("class", "", classNames(), false)
	c.color, c.name, c.id, c.own = column(fields, []string{"color", "colour"}), column(fields, []string{"name"}), column(fields, []string{"id", "object id"}), column(fields, []string{"coverslip"})
	if len(questions) > 0 {
		return c, &exchange.AskError{Format: name, Questions: questions}
	}
	return c, nil
}

func read(in *exchange.Input, o exchange.ReadOptions, b *exchange.Builder) error {
	fields, comma := header(in.Head())
	r := csv.NewReader(in)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, true
	var c columns
	sx, sy := 1.0, 1.0
	broken := func(err error) error {
		var p *csv.ParseError
		e := &exchange.FormatError{Format: name, Offset: r.InputOffset(), What: "the table is damaged", Err: err}
		if errors.As(err, &p) {
			e.Line, e.Err = p.Line, p.Err
		}
		return e
	}
	_, errX := exchange.ParseNumber(first(fields, 0))
	_, errY := exchange.ParseNumber(first(fields, 1))
	if plain := len(fields) > 1 && errX == nil && errY == nil; plain {
		c = columns{0, 1, -1, -1, -1, -1, -1}
		if len(fields) > 2 {
			c.class = 2
		}
		b.Warn("", "the table has no head; its columns are taken as x, y and class, in pixels")
	} else {
		if _, err := r.Read(); err != nil {
			return broken(err)
		}
		var err error
		if c, err = layout(fields, o); err != nil {
			return err
		}
		if micron(fields[c.x]) || micron(fields[c.y]) {
			mx, my, err := exchange.MPP(name, o.Slide, o.Answers)
			if err != nil {
				return err
			}
			sx, sy = 1/mx, 1/my
		}
	}
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if err := line(rec, c, sx, sy, r, b); err != nil {
			return err
		}
	}
}

func first(fields []string, i int) string {
	if i >= 0 && i < len(fields) {
		return fields[i]
	}
	return ""
}

// line makes an object of a line.
func line(rec []string, c columns, sx, sy float64, r *csv.Reader, b *exchange.Builder) error {
	at, _ := r.FieldPos(0)
	x, errX := exchange.ParseNumber(first(rec, c.x))
	y, errY := exchange.ParseNumber(first(rec, c.y))
	if errX != nil || errY != nil {
		return &exchange.FormatError{Format: name, Line: at, Offset: r.InputOffset(), What: "x and y are no numbers: " + strconv.Quote(first(rec, c.x)) + ", " + strconv.Quote(first(rec, c.y))}
	}
	where := "line " + strconv.Itoa(at)
	f := exchange.Found{ROI: annotate.PointAt(x*sx, y*sy), Class: plainText(first(rec, c.class)), Name: plainText(first(rec, c.name)), ID: first(rec, c.id)}
	f.Color, _ = exchange.ParseColor(first(rec, c.color))
	if own := first(rec, c.own); own != "" {
		if json.Unmarshal([]byte(own), &f.Own) != nil {
			b.Warn(where, "what this program wrote of it is not readable")
		}
	}
	return b.Add(where, f)
}

// formula tells whether a spreadsheet would take a text for a formula: after any
// apostrophes, one of = + - @ or a control character.
func formula(s string) bool {
	s = strings.TrimLeft(s, "'")
	return s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0]))
}

// safeText puts an apostrophe before what a spreadsheet would run.
func safeText(s string) string {
	if formula(s) {
		return "'" + s
	}
	return s
}

// plainText takes the apostrophe of safeText away.
func plainText(s string) string {
	if strings.HasPrefix(s, "'") && formula(s) {
		return s[1:]
	}
	return s
}

func write(to io.Writer, objects iter.Seq[*annotate.Object], o exchange.WriteOptions) error {
	b := bufio.NewWriterSize(to, 64<<10)
	w := csv.NewWriter(b)
	if err := w.Write([]string{"x", "y", "class", "color", "name", "id", "coverslip"}); err != nil {
		return err
	}
	for obj := range objects {
		class, c := exchange.ClassOf(obj, o.Classes)
		color := ""
		if class != "" {
			color = exchange.HexColor(c)
		}
		full := exchange.Full(obj)
		own, err := exchange.Marshal(full)
		if err != nil {
			return err
		}
		p := obj.ROI.Points[0]
		if err := w.Write([]string{exchange.Number(p.X), exchange.Number(p.Y), safeText(class), color, safeText(obj.Name), obj.ID.String(), string(own)}); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return b.Flush()
}
