package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// At reading.
var (
	// ErrWashOut: the time between two readings of the same slides is not over.
	ErrWashOut = errors.New("the wash-out time is not over")
	// ErrNotReading: the project was not made for a reader of this one.
	ErrNotReading = errors.New("the project is no reading of this project")
	// ErrReaders: an action needs readers that the project does not have.
	ErrReaders = errors.New("there are not enough readers")
)

// ReadingKind is what a reader is asked to do.
type ReadingKind string

// The kinds of reading; the words are on the disk.
const (
	ReadBlind  ReadingKind = "blinded reading" // draw and class, without seeing anybody else's labels
	Adjudicate ReadingKind = "adjudication"    // settle where two readers differ, without their names
)

// Reading is slides given to one reader: a project of its own, in a drawn order.
type Reading struct {
	ID        annotate.ID            `json:"id"`
	Reader    string                 `json:"reader"`
	Kind      ReadingKind            `json:"kind"`
	Number    int                    `json:"number"` // of this reader, from 1
	Seed      uint64                 `json:"seed"`   // of the order, and of the sides of an adjudication
	Slides    []ReadingSlide         `json:"slides"` // in the reader's order
	Sources   map[string]annotate.ID `json:"sources,omitempty"`
	Readers   []string               `json:"readers,omitempty"` // whose labels an adjudication is about
	Made      time.Time              `json:"made"`
	NotBefore time.Time              `json:"notBefore,omitzero"` // end of the wash-out
	Collected time.Time              `json:"collected,omitzero"` // zero: not yet
	Dir       string                 `json:"dir"`
}

// ReadingSlide is a slide of a reading: here, and in the reader's project.
type ReadingSlide struct {
	Here  annotate.ID `json:"here"`
	There annotate.ID `json:"there"`
}

// Title is whose reading it is, for people and as the name of a reader in
// figures.
func (r Reading) Title() string {
	title := r.Reader
	if r.Number > 1 {
		title += fmt.Sprintf(", reading %d", r.Number)
	}
	if r.Kind == Adjudicate {
		title += ", adjudication"
	}
	return title
}

// readingsKey holds the readings of a project; ownKey what a reader's project is.
const (
	readingsKey = "readings"
	ownKey      = "reading"
	readingMeta = "reading" // attribute of collected labels: the reading's identifier
)

// OwnReading is what a reader's project knows of itself: nothing of the other
// readers.
type OwnReading struct {
	ID        annotate.ID `json:"id"`
	Project   annotate.ID `json:"project"` // that gave it
	Reader    string      `json:"reader"`
	Kind      ReadingKind `json:"kind"`
	NotBefore time.Time   `json:"notBefore,omitzero"`
}

// Readings lists what was given to readers, in the order it was given.
func (s *Session) Readings() ([]Reading, error) {
	text, ok := s.project.Setting(readingsKey)
	if !ok {
		return nil, nil
	}
	var all []Reading
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("readings of the project: %w", err)
	}
	return all, nil
}

func (s *Session) keepReadings(all []Reading) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return s.project.SetSetting(readingsKey, string(text))
}

// OwnReading tells what the project was made for; false when it is no reader's
// project. In one, names of slides and patients, label images, and all that
// other readers made are not there.
func (s *Session) OwnReading() (OwnReading, bool) {
	if s.own == nil {
		return OwnReading{}, false
	}
	return *s.own, true
}

// ownReading reads it, once, at opening: it never changes.
func ownReading(p *storage.Project) *OwnReading {
	text, ok := p.Setting(ownKey)
	if !ok {
		return nil
	}
	var own OwnReading
	// What cannot be read is a reading all the same: it must not show more.
	if err := json.Unmarshal([]byte(text), &own); err != nil {
		own.Kind = ReadBlind
	}
	return &own
}

// WashOut is how long the reader still has to wait before the slides may be
// read; 0 when they may.
func (s *Session) WashOut() time.Duration {
	own, ok := s.OwnReading()
	if !ok || own.NotBefore.IsZero() {
		return 0
	}
	return max(0, time.Until(own.NotBefore))
}

// washedOut refuses work before the wash-out is over.
func (s *Session) washedOut() error {
	left := s.WashOut()
	if left == 0 {
		return nil
	}
	own, _ := s.OwnReading()
	return fmt.Errorf("until %s: %w", own.NotBefore.Local().Format("2 January 2006 15:04"), ErrWashOut)
}

// Hidden tells whether names, paths and label images of slides are not to be
// shown.
func (s *Session) Hidden() bool { _, ok := s.OwnReading(); return ok }

// Associated lists the pictures of the open slide that may be shown: none in a
// reader's project, as a label names the patient.
func (s *Session) Associated(o *OpenSlide) []string {
	if s.Hidden() {
		return nil
	}
	return o.Slide.Info().Associated
}

// Readers lists who made labels of the project, as agreement names them: people,
// and their readings each by its title. Consensus is nobody's.
func (s *Session) Readers() ([]string, error) {
	titles, err := s.readingTitles()
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, item := range s.Slides() {
		set, err := s.Objects(item.ID)
		if err != nil {
			return nil, err
		}
		set.All(func(o *annotate.Object) bool {
			if name := readerOf(o, titles); name != "" {
				have[name] = true
			}
			return true
		})
	}
	return sortedNames(have), nil
}

// readingTitles are the names of readers by the readings' identifiers.
func (s *Session) readingTitles() (map[string]string, error) {
	all, err := s.Readings()
	if err != nil {
		return nil, err
	}
	titles := map[string]string{}
	for _, r := range all {
		titles[r.ID.String()] = r.Title()
	}
	return titles, nil
}

// readerOf names who made a label; "" for what is no reader's: suggestions that
// wait, what was rejected, consensus.
func readerOf(o *annotate.Object, titles map[string]string) string {
	if !o.IsLabel() || isConsensus(o) {
		return ""
	}
	if title := titles[o.Meta[readingMeta]]; title != "" {
		return title
	}
	if o.Kind == annotate.Detection {
		return o.Review.By
	}
	return o.By.Author
}

// readingNumber counts the readings of a person.
func readingNumber(all []Reading, reader string) int {
	n := 1
	for _, r := range all {
		if r.Reader == reader && r.Kind == ReadBlind {
			n++
		}
	}
	return n
}

// lastReading is when any of the slides was last read by this reader: when their
// labels were collected, else when they were given.
func lastReading(all []Reading, reader string, slides []annotate.ID) time.Time {
	var last time.Time
	for _, r := range all {
		if r.Reader != reader || r.Kind != ReadBlind || !slices.ContainsFunc(r.Slides, func(x ReadingSlide) bool { return slices.Contains(slides, x.Here) }) {
			continue
		}
		at := r.Collected
		if at.IsZero() {
			at = r.Made
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// PathWords is where a slide lies, for people; "" in a reader's project, as
// folders and files bear names of patients.
func (s *Session) PathWords(item SlideItem) string {
	if s.Hidden() {
		return ""
	}
	return item.Path
}
