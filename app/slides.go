package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
	"coverslip/tiles"
	"coverslip/tiles/icc"
	"coverslip/tiles/stain"
)

// SlideItem is one slide of the project as a list shows it.
type SlideItem struct {
	storage.Slide
	Missing     bool // the file is at none of the places it was known at
	Labels      int  // annotations, and detections that a person took over
	Suggestions int  // detections that wait for a decision
	Rejected    int  // detections that a person refused

	Classes  map[annotate.ID]int // labels by class; the zero class for those without
	Readers  []string            // whose labels and decisions they are, sorted
	Seen     float64             // share of the tissue that was looked at, 0 to 1; see SetSeen
	Reviewed bool                // a person marked the slide as reviewed
	Reviewer string              // who; "" when it is not
}

// OpenSlide is a slide whose pixels and labels are at hand.
type OpenSlide struct {
	Item   SlideItem     // as it was at opening
	Slide  tiles.Slide   // the scanner's pixels (of several planes those shown by default), with levels that step by about two, see tiles.Halved
	Loader *tiles.Loader // for the screen: the colour profile is applied, tiles that are missing are filled; closed with the slide
	Colour icc.Colour    // what became of the slide's colour profile on the screen
	Set    *annotate.Set // the slide's labels; changed only by the session

	screen    tiles.Slide  // what Loader draws, before it is adjusted
	drawn     *stain.Slide // screen adjusted; nil: as it is
	adjust    stain.Adjust
	view      *tiles.View  // of a slide of several planes: what Loader shows; nil for others
	untrusted bool         // memory-safe decoders only
	rawColour bool         // the profile is left aside on the screen
	outdated  *atomic.Bool // the project knows another scale
}

// Outdated tells whether the project knows another scale of the slide than it was
// opened with: OpenSlide opens it anew.
func (o *OpenSlide) Outdated() bool { return o.outdated.Load() }

// Untrusted tells whether the slide is decoded by memory-safe decoders only.
func (o *OpenSlide) Untrusted() bool { return o.untrusted }

// RawColour tells whether the slide is shown in the scanner's colours.
func (o *OpenSlide) RawColour() bool { return o.rawColour }

// close frees the slide; a nil slide is closed already.
func (o *OpenSlide) close() error {
	if o == nil {
		return nil
	}
	o.Loader.Close()
	return o.Slide.Close()
}

// Slides lists the slides of the project in the order they were added. A slide
// whose labels cannot be read is listed without counts; opening it says why.
func (s *Session) Slides() []SlideItem {
	slides, err := s.project.Slides()
	if err != nil {
		return nil
	}
	items := make([]SlideItem, len(slides))
	for i, sl := range slides {
		items[i] = s.item(sl)
	}
	return items
}

// Slide finds one slide of the project; ErrNoSlide when there is none.
func (s *Session) Slide(id annotate.ID) (SlideItem, error) {
	slides, err := s.project.Slides()
	if err != nil {
		return SlideItem{}, err
	}
	for _, sl := range slides {
		if sl.ID == id {
			return s.item(sl), nil
		}
	}
	return SlideItem{}, fmt.Errorf("slide %s: %w", id, ErrNoSlide)
}

// item adds to a stored slide what a list shows of it.
func (s *Session) item(sl storage.Slide) SlideItem {
	item := SlideItem{Slide: sl, Missing: s.missing(sl)}
	n, err := s.tally(sl.ID)
	if err == nil {
		item.Labels, item.Suggestions, item.Rejected = n.labels, n.suggestions, n.rejected
		item.Classes, item.Readers = n.classes, n.names()
	}
	s.addProgress(&item)
	return item
}

// sighting is when a slide's file was last looked for, and whether in vain.
type sighting struct {
	missing bool
	other   bool // another file lies there: that is known until it is opened anew
	at      time.Time
}

// lookAgain is how long a sighting counts: a list of a thousand slides on a
// network drive must not be looked for after every stroke.
const lookAgain = 5 * time.Second

// missing tells whether the slide's file is at none of its places.
func (s *Session) missing(sl storage.Slide) bool {
	s.mu.Lock()
	seen, ok := s.sightings[sl.ID]
	s.mu.Unlock()
	if ok && (seen.other || time.Since(seen.at) < lookAgain) {
		return seen.missing
	}
	seen = sighting{missing: true, at: time.Now()}
	for _, p := range s.places(sl) {
		if _, err := os.Stat(p); err == nil || IsAddress(p) { // whether a server is there is seen when it is asked
			seen.missing = false
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sightings[sl.ID] = seen
	return seen.missing
}

// forgetSighting has a slide's file looked for anew.
func (s *Session) forgetSighting(slide annotate.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sightings, slide)
}

// places lists where the slide's file may be, best first: beside the project as
// it was added (so that a folder moved as a whole is found), at the absolute
// path, and under its name in the project's folder or the one around it.
func (s *Session) places(sl storage.Slide) []string {
	if IsAddress(sl.Path) {
		return []string{sl.Path}
	}
	dir := s.project.Home()
	var ps []string
	if sl.RelPath != "" {
		ps = append(ps, filepath.Join(dir, filepath.FromSlash(sl.RelPath)))
	}
	if sl.Path != "" {
		ps = append(ps, sl.Path)
		name := filepath.Base(sl.Path)
		ps = append(ps, filepath.Join(dir, name), filepath.Join(filepath.Dir(dir), name))
	}
	return ps
}

// findWhole is find for work on all of a slide: ErrOtherSlide too when what was found
// is not as large as the slide that was labelled.
func (s *Session) findWhole(ctx context.Context, item SlideItem) (tiles.Slide, error) {
	t, _, err := s.find(ctx, item.Slide)
	if err != nil {
		return nil, err
	}
	if l := t.Levels()[0]; l.Width != item.Width || l.Height != item.Height {
		return nil, errors.Join(fmt.Errorf("slide %s: %w: the size differs", item.Name, ErrOtherSlide), t.Close())
	}
	return t, nil
}

// find opens the slide's file at the first of its places that holds the same
// bytes. It returns ErrSlideMissing, or ErrOtherSlide when a file of that name
// holds other bytes.
func (s *Session) find(ctx context.Context, sl storage.Slide) (tiles.Slide, string, error) {
	var failed error
	tried := map[string]bool{}
	for _, p := range s.places(sl) {
		if !IsAddress(p) {
			p = filepath.Clean(p)
			if _, err := os.Stat(p); err != nil {
				continue
			}
		}
		if tried[p] {
			continue
		}
		tried[p] = true
		t, err := s.openFile(ctx, p)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if same(t, sl) {
			return t, p, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", p, ErrOtherSlide), t.Close())
	}
	if errors.Is(failed, ErrOtherSlide) { // then its own file may lie elsewhere, see Relink
		s.mu.Lock()
		s.sightings[sl.ID] = sighting{missing: true, other: true, at: time.Now()}
		s.mu.Unlock()
	}
	if failed == nil {
		failed = fmt.Errorf("last seen at %s: %w", sl.Path, ErrSlideMissing)
	}
	return nil, "", about("slide", sl.Path, failed)
}

// same tells whether the opened file holds the bytes that were added.
func same(t tiles.Slide, sl storage.Slide) bool {
	return sl.Fingerprint == "" || t.Info().Fingerprint == sl.Fingerprint
}

// AddSlide adds the slide at path to the project and returns its identifier.
// The file is not copied. A slide that is in the project already keeps its
// identifier; if its file had moved, the new place is noted.
func (s *Session) AddSlide(ctx context.Context, path string) (annotate.ID, error) {
	abs, open, err := place(path)
	if err != nil {
		return annotate.ID{}, fmt.Errorf("slide %s: %w", path, err)
	}
	t, err := s.openFile(ctx, open)
	if err != nil {
		return annotate.ID{}, about("slide", abs, err)
	}
	defer t.Close()
	known, err := s.project.Slides()
	if err != nil {
		return annotate.ID{}, err
	}
	for _, sl := range known {
		if sl.Fingerprint != "" && sl.Fingerprint == t.Info().Fingerprint {
			s.tellTwin(sl, abs)
			return sl.ID, s.noteMoved(sl, abs)
		}
	}
	sl := s.describe(t, abs)
	if err := s.project.AddSlide(sl, s.stamp()); err != nil {
		return annotate.ID{}, fmt.Errorf("slide %s: %w", sl.Name, err)
	}
	s.emit(Event{Kind: EventSlides, Slide: sl.ID, Text: sl.Name})
	return sl.ID, nil
}

// describe is the project's record of an opened slide.
func (s *Session) describe(t tiles.Slide, abs string) storage.Slide {
	info, level := t.Info(), t.Levels()[0]
	return storage.Slide{
		ID:          annotate.NewID(),
		Name:        BaseName(abs),
		Path:        abs,
		RelPath:     s.relative(abs),
		Fingerprint: info.Fingerprint,
		Width:       level.Width,
		Height:      level.Height,
		MPPX:        info.MPPX,
		MPPY:        info.MPPY,
		MPPFrom:     info.MPPFrom,
		Vendor:      info.Vendor,
		Format:      info.Format,
		Objective:   info.Objective,
		Added:       time.Now().UTC(),
	}
}

// relative is the path of a file seen from the project's folder, with forward
// slashes; "" when there is none (another drive).
func (s *Session) relative(abs string) string {
	if IsAddress(abs) {
		return ""
	}
	dir, err := filepath.Abs(s.project.Home())
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(dir, abs)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// noteMoved writes down where a slide's file is now, if that is news.
func (s *Session) noteMoved(sl storage.Slide, abs string) error {
	if sl.Path == abs || s.ReadOnly() {
		return nil
	}
	if _, err := os.Stat(sl.Path); err == nil || IsAddress(sl.Path) {
		return nil // a second copy: the first one stays
	}
	sl.Path, sl.RelPath = abs, s.relative(abs)
	return s.UpdateSlide(sl)
}

// UpdateSlide changes what the project notes of a slide: its name, case,
// patient, place or µm per pixel. Labels are untouched.
func (s *Session) UpdateSlide(sl storage.Slide) error {
	if err := s.project.UpdateSlide(sl, s.stamp()); err != nil {
		return fmt.Errorf("slide %s: %w", sl.Name, err)
	}
	s.forgetSighting(sl.ID)
	s.emit(Event{Kind: EventSlides, Slide: sl.ID, Text: sl.Name})
	return nil
}

// OpenSlide opens the pixels and labels of a slide and makes it the current
// one; the slide that was current is closed. Opening the current slide again
// returns it, and one that is open beside it becomes the current one while the
// other stays. It returns ErrSlideMissing and ErrOtherSlide as described there.
func (s *Session) OpenSlide(ctx context.Context, id annotate.ID) (*OpenSlide, error) {
	return s.openSlide(ctx, id, false)
}

func (s *Session) openSlide(ctx context.Context, id annotate.ID, keep bool) (*OpenSlide, error) {
	if err := s.washedOut(); err != nil {
		return nil, err
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if open := s.Opened(id); open != nil && s.upToDate(open) {
		return open, s.Activate(id)
	}
	open, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errors.Join(ErrClosed, open.close())
	}
	gone := s.take(open, keep)
	s.mu.Unlock()
	err = s.shut(gone...)
	s.emit(Event{Kind: EventSlides, Slide: id, Text: open.Item.Name})
	return open, err
}

// load opens the pixels and labels of a slide; the session does not hold it yet.
func (s *Session) load(ctx context.Context, id annotate.ID) (*OpenSlide, error) {
	item, err := s.Slide(id)
	if err != nil {
		return nil, err
	}
	s.forgetSighting(id)
	t, path, err := s.find(ctx, item.Slide)
	if err != nil {
		return nil, err
	}
	if err := s.noteMoved(item.Slide, path); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	set, err := s.Objects(id)
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t = scaled(t, item.Slide)
	open := &OpenSlide{Item: item, Slide: tiles.Halved(t), Set: set, untrusted: s.Untrusted(), rawColour: s.RawColour(), outdated: new(atomic.Bool)}
	if open.view, err = s.viewOf(id, t); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	if open.view != nil {
		t = open.view
	}
	shown, colour := s.shown(t)
	open.Colour, open.adjust = colour, s.adjustOf(id)
	if err := s.fetch(open, tiles.Halved(tiles.Filled(shown))); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return open, nil
}

// readers is how many goroutines decode tiles for the screen or for a model.
const readers = 2

// Current is the slide that is worked on: the one opened or activated last; nil
// when none is.
func (s *Session) Current() *OpenSlide {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Objects is the labels of a slide, read from disk when first wanted. Only the
// session changes the set.
func (s *Session) Objects(id annotate.ID) (*annotate.Set, error) {
	s.door.Lock() // so that no edit comes between the reading and the keeping
	defer s.door.Unlock()
	return s.objects(id)
}

// objects is Objects for callers that hold the door.
func (s *Session) objects(id annotate.ID) (*annotate.Set, error) {
	s.mu.Lock()
	set, closed := s.sets[id], s.closed
	s.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if set != nil {
		return set, nil
	}
	set, err := s.readSet(id)
	if err != nil {
		return nil, fmt.Errorf("labels of slide %s: %w", id, err)
	}
	s.mu.Lock()
	s.sets[id] = set
	s.mu.Unlock()
	return set, nil
}

// wholeSet is how many objects are read as a whole: up to there they take up
// little memory and nothing has to be read again. Of a larger set the index
// alone is read, and shapes when they are asked for.
const wholeSet = 30_000

// readSet reads the labels of a slide from disk.
func (s *Session) readSet(id annotate.ID) (*annotate.Set, error) {
	index, err := s.project.Index(id)
	if err == nil && index.Len() > wholeSet {
		return annotate.NewIndexedSet(index), nil
	}
	var objects []*annotate.Object
	switch {
	case err == nil:
		objects, err = index.Objects()
	case errors.Is(err, annotate.ErrIndexFull):
		objects, err = s.project.Objects(id)
	}
	if err != nil {
		return nil, err
	}
	return annotate.NewSet(objects), nil
}
