package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// AssignOptions says what a reader is given.
type AssignOptions struct {
	Reader  string        // who reads
	Slides  []annotate.ID // none = all of the project
	Seed    uint64        // of the order; stored
	WashOut time.Duration // since the reader last had any of the slides, before they may be read again; 0 = none
	Dir     string        // folder of the reader's project, which must not exist or be empty
	Between []string      // the two readers between whom is adjudicated; none = a blinded reading
}

// studyAuthor signs what is written into a reader's project when it is made: the
// name of whoever made it may be that of another reader.
const studyAuthor = "study"

// Assign gives slides to a reader: a project in a folder of its own, which holds
// the classes and the slides in an order drawn by the seed, under names that say
// nothing. It holds no label, name, picture or time of another reader, so that
// nothing of them can be seen, searched or exported; for an adjudication it
// holds the labels of two readers, locked, without names and times, as side A
// and B by a coin for each slide. Errors: ErrNoSlide, ErrReaders, storage.ErrExists.
func (s *Session) Assign(ctx context.Context, o AssignOptions) (Reading, error) {
	o.Reader = strings.TrimSpace(o.Reader)
	if o.Reader == "" || o.Dir == "" || len(o.Between) != 0 && len(o.Between) != 2 {
		return Reading{}, fmt.Errorf("a reading needs a reader and a folder, an adjudication two readers: %w", ErrReaders)
	}
	if s.ReadOnly() {
		return Reading{}, fmt.Errorf("readings are noted in the project: %w", storage.ErrReadOnly)
	}
	all, err := s.Readings()
	if err != nil {
		return Reading{}, err
	}
	items, err := s.chosen(o.Slides)
	if err != nil {
		return Reading{}, err
	}
	ids := make([]annotate.ID, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	r := Reading{ID: annotate.NewID(), Reader: o.Reader, Kind: ReadBlind, Number: readingNumber(all, o.Reader), Seed: o.Seed, Made: time.Now().UTC(), Dir: wholePath(o.Dir)}
	if last := lastReading(all, o.Reader, ids); o.WashOut > 0 && !last.IsZero() {
		r.NotBefore = last.Add(o.WashOut)
	}
	if len(o.Between) == 2 {
		r.Kind, r.Number, r.Readers, r.Sources = Adjudicate, 1, o.Between, map[string]annotate.ID{}
	}
	random := rand.New(rand.NewPCG(o.Seed, 0x72656164696e67))
	random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	if err := s.give(ctx, &r, items, random); err != nil {
		return Reading{}, err
	}
	if err := s.keepReadings(append(all, r)); err != nil {
		return Reading{}, err
	}
	return r, nil
}

// chosen are slides by their identifiers; none = all.
func (s *Session) chosen(ids []annotate.ID) ([]SlideItem, error) {
	var items []SlideItem
	for _, item := range s.Slides() {
		if len(ids) == 0 || slices.Contains(ids, item.ID) {
			items = append(items, item)
		}
	}
	if len(items) == 0 || len(ids) > len(items) {
		return nil, fmt.Errorf("%d of %d slides: %w", len(items), len(ids), ErrNoSlide)
	}
	return items, nil
}

// give makes the reader's project; what was begun of it stays when that fails.
func (s *Session) give(ctx context.Context, r *Reading, items []SlideItem, random *rand.Rand) (err error) {
	name := "Reading"
	if r.Kind == Adjudicate {
		name = "Adjudication"
	}
	there, err := CreateProject(r.Dir, name, Options{Author: studyAuthor})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, there.Close()) }()
	if err := there.takeClasses(s.Palette()); err != nil {
		return err
	}
	own, err := json.Marshal(OwnReading{ID: r.ID, Project: s.project.UUID(), Reader: r.Reader, Kind: r.Kind, NotBefore: r.NotBefore})
	if err != nil {
		return err
	}
	for i, item := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		id, err := there.addNameless(item, i+1)
		if err != nil {
			return err
		}
		r.Slides = append(r.Slides, ReadingSlide{Here: item.ID, There: id})
		if r.Kind == Adjudicate {
			if err := s.giveSides(there, r, item.ID, id, random.IntN(2) == 1); err != nil {
				return err
			}
		}
	}
	return there.project.SetSetting(ownKey, string(own))
}

// takeClasses makes the classes those of another project, identifiers included;
// its own others are retired.
func (s *Session) takeClasses(palette annotate.Palette) error {
	e := annotate.Edit{Label: "Classes of the study"}
	mine := s.Palette()
	for _, c := range palette {
		have := mine.ByID(c.ID)
		if have == nil || *have != c {
			e.Classes = append(e.Classes, annotate.ClassChange{Before: have, After: &c})
		}
	}
	for _, c := range mine {
		if palette.ByID(c.ID) == nil && !c.Retired {
			retired := c
			retired.Retired, retired.Key = true, ""
			e.Classes = append(e.Classes, annotate.ClassChange{Before: &c, After: &retired})
		}
	}
	return s.Apply(e)
}

// singleFile are the endings of slides that are one file and may be opened by
// another name.
var singleFile = []string{".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".qptiff"}

// addNameless takes a slide into a reader's project under a name that says
// nothing. Where the slide is one file and the system allows it, its path too is
// a neutral link beside the project.
func (s *Session) addNameless(item SlideItem, number int) (annotate.ID, error) {
	sl := storage.Slide{ID: annotate.NewID(), Name: fmt.Sprintf("Slide %03d", number), Path: item.Path, Fingerprint: item.Fingerprint,
		Width: item.Width, Height: item.Height, MPPX: item.MPPX, MPPY: item.MPPY, MPPFrom: item.MPPFrom,
		Format: item.Format, Objective: item.Objective, Added: time.Now().UTC()}
	ext := strings.ToLower(filepath.Ext(item.Path))
	if !IsAddress(item.Path) && slices.Contains(singleFile, ext) {
		folder := filepath.Join(s.Dir(), "slides")
		link := filepath.Join(folder, fmt.Sprintf("slide-%03d%s", number, ext))
		if os.MkdirAll(folder, 0o755) == nil && os.Symlink(item.Path, link) == nil {
			sl.Path = link
		}
	}
	sl.RelPath = s.relative(sl.Path)
	return sl.ID, s.project.AddSlide(sl, s.stamp())
}

// sideNames are what the two readers are called in an adjudication.
var sideNames = [2]string{"Reader A", "Reader B"}

// giveSides copies the labels of the two readers, without anything that says
// whose they are. turned: the second reader is side A.
func (s *Session) giveSides(there *Session, r *Reading, here, id annotate.ID, turned bool) error {
	titles, err := s.readingTitles()
	if err != nil {
		return err
	}
	set, err := s.Objects(here)
	if err != nil {
		return err
	}
	e := annotate.Edit{Slide: id, Label: "Labels of two readers"}
	set.All(func(o *annotate.Object) bool {
		side := slices.Index(r.Readers, readerOf(o, titles))
		if side < 0 {
			return true
		}
		if turned {
			side = 1 - side
		}
		c := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: o.ROI, Class: o.Class, Name: sideNames[side], Locked: true,
			Created: r.Made, Changed: r.Made, By: annotate.Provenance{Author: sideNames[side], Method: "adjudicated"}}
		r.Sources[c.ID.String()] = o.ID
		e.Changes = append(e.Changes, annotate.Change{After: c})
		return true
	})
	random := rand.New(rand.NewPCG(r.Seed, uint64(len(e.Changes)))) // the order in the file tells nothing either
	random.Shuffle(len(e.Changes), func(i, j int) { e.Changes[i], e.Changes[j] = e.Changes[j], e.Changes[i] })
	return there.Apply(e)
}

// isSide tells the labels of an adjudication that are not the adjudicator's own.
func isSide(o *annotate.Object) bool { return o.By.Method == "adjudicated" }

// TakeSide makes labels of one side the adjudicator's own: copies that name what
// they were taken from. It returns the new identifiers, and ErrNotReading
// outside an adjudication.
func (s *Session) TakeSide(ids ...annotate.ID) ([]annotate.ID, error) {
	own, ok := s.OwnReading()
	if !ok || own.Kind != Adjudicate {
		return nil, ErrNotReading
	}
	slide, objects, err := s.locate(ids)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	e := annotate.Edit{Slide: slide, Label: counted("Take over", len(objects), "label")}
	var made []annotate.ID
	for _, o := range objects {
		if !isSide(o) {
			continue
		}
		c := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Annotation, ROI: o.ROI, Class: o.Class, Created: now, Changed: now,
			By: annotate.Provenance{Author: s.Author(), Method: "adjudication", Nearest: []annotate.ID{o.ID}}}
		made = append(made, c.ID)
		e.Changes = append(e.Changes, annotate.Change{After: c})
	}
	return made, s.Apply(e)
}
