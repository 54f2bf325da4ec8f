package exchange

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"coverslip/annotate"
)

// Format is a file format of annotations as a value.
type Format struct {
	Name       string   // one word, for --format: "asap"
	Title      string   // for people: "ASAP XML"
	Line       string   // one sentence for a dialog: who writes it, what for
	Extensions []string // with the dot, lower case; the first is what is written
	Keeps      Keeps    // what a file can hold

	// Detect tells whether a file is of the format, by its first bytes.
	Detect func(h Head) bool
	// Read hands every object of the file to b. Its error is a *FormatError or an
	// *AskError, or what b answered.
	Read func(in *Input, o ReadOptions, b *Builder) error
	// Write writes objects that are as Kept leaves them; nil: the format is only
	// read.
	Write func(w io.Writer, objects iter.Seq[*annotate.Object], o WriteOptions) error
}

// Named tells whether a file is called as files of the format are.
func (f *Format) Named(path string) bool {
	path = strings.TrimSuffix(strings.ToLower(path), ".gz")
	for _, e := range f.Extensions {
		if strings.HasSuffix(path, e) {
			return true
		}
	}
	return false
}

// Head is what a format is recognised by.
type Head struct {
	Name  string // of the file, without its folder
	Bytes []byte // the first of the unpacked file, at most 64 KiB
}

// Has tells whether all the texts stand in the head.
func (h Head) Has(all ...string) bool {
	text := string(h.Bytes)
	for _, t := range all {
		if !strings.Contains(text, t) {
			return false
		}
	}
	return true
}

// JSON tells whether the head begins as a JSON object or array does.
func (h Head) JSON() bool {
	t := strings.TrimLeft(string(h.Bytes), " \t\r\n")
	return strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[")
}

// XML tells whether the head begins as XML does and has the tag.
func (h Head) XML(tag string) bool {
	t := strings.TrimLeft(string(h.Bytes), " \t\r\n")
	return strings.HasPrefix(t, "<") && strings.Contains(t, "<"+tag)
}

// Slide is what a format may need to know of the slide the objects lie on, or
// what a file says of it.
type Slide struct {
	Name          string
	Fingerprint   string
	Width, Height int     // level-0 pixels; 0: not known
	MPPX, MPPY    float64 // µm per level-0 pixel; 0: not known
	// CentreX and CentreY are where the middle of the picture lies, seen from the
	// middle of the glass, nm (Hamamatsu); HasCentre tells whether they are known.
	CentreX, CentreY float64
	HasCentre        bool
	// DICOM names the level-0 image of a DICOM slide; zero for others.
	DICOM DICOMImage
}

// DICOMImage names the image that DICOM annotations refer to.
type DICOMImage struct {
	StudyUID, SeriesUID, FrameUID string // of the slide: study, series, frame of reference
	ClassUID, InstanceUID         string // of the image of level 0
	PatientID, PatientName        string
	ContainerID                   string
}

// ReadOptions is how a file is read; the zero value is good.
type ReadOptions struct {
	Classes annotate.Palette   // the project's: a class of the same name is taken as that one
	Author  string             // of objects that name none
	At      time.Time          // of objects that carry none
	NewID   func() annotate.ID // makes identifiers; annotate.NewID when nil
	Slide   Slide              // that the objects go onto
	Answers Answers            // what a person said to the questions of an AskError

	MaxBytes    int64 // of the unpacked file; 4 GiB when 0
	MaxObjects  int   // 5 million when 0
	MaxVertices int   // of the whole file; 500 million when 0
}

// WriteOptions is what a writer may need beside the objects.
type WriteOptions struct {
	Classes annotate.Palette
	Slide   Slide
	Answers Answers
	At      time.Time // of the export, for formats that date their files
}

// Answers are a person's answers by the key of the question.
type Answers map[string]string

// Question is something that a file does not say.
type Question struct {
	Key     string   // of the answer
	Text    string   // for people, a whole sentence
	Choices []string // the answers that are possible; empty: any text
	Guess   string   // what is likely, may be empty
}

// AskError says that a person must be asked before the file can be read or
// written. Nothing was read.
type AskError struct {
	Format    string
	Questions []Question
}

func (e *AskError) Error() string {
	var texts []string
	for _, q := range e.Questions {
		t := q.Text
		if len(q.Choices) > 0 {
			t += " (" + q.Key + "=" + strings.Join(q.Choices, "|") + ")"
		} else {
			t += " (" + q.Key + "=…)"
		}
		texts = append(texts, t)
	}
	return e.Format + ": " + strings.Join(texts, " ")
}

// Ask is an AskError with one question.
func Ask(format string, q Question) error { return &AskError{Format: format, Questions: []Question{q}} }

// FormatError says that a file cannot be read, and where it broke.
type FormatError struct {
	Format string // name of the format
	Line   int    // counted from 1; 0: not known
	Offset int64  // byte of the unpacked file; -1: not known
	What   string // what is wrong
	Err    error  // cause, may be nil
}

func (e *FormatError) Error() string {
	var b strings.Builder
	b.WriteString(e.Format + ": ")
	switch {
	case e.Line > 0:
		fmt.Fprintf(&b, "line %d: ", e.Line)
	case e.Offset >= 0:
		fmt.Fprintf(&b, "byte %d: ", e.Offset)
	}
	b.WriteString(e.What)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *FormatError) Unwrap() error { return e.Err }

// Limits that a file passed.
var (
	ErrLarge    = errors.New("more bytes than the limit")
	ErrObjects  = errors.New("more objects than the limit")
	ErrVertices = errors.New("more vertices than the limit")
	ErrBomb     = errors.New("it grows more than 200-fold when unpacked")
)

// Report says what a file brought.
type Report struct {
	Objects  int              // handed on
	Skipped  int              // that could not be used
	Repaired int              // whose outline was mended
	Classes  annotate.Palette // that the objects carry, in the order they came
	Slide    Slide            // what the file says of its slide; zero values: nothing
	Warnings []string         // at most 1000
}
