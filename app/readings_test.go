package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// first is the name of the reader whose work nobody else may see.
const first = "Rosalind Franklin"

// study is a project in which the first reader labelled two slides, with names,
// notes and a suggestion that was accepted.
func study(t testing.TB) *Session {
	t.Helper()
	s := labelledProject(t, 2)
	s.SetAuthor(first)
	for _, item := range s.Slides() {
		item.Case, item.Patient = "S24-1187", "Jane Roe"
		if err := s.project.UpdateSlide(item.Slide, s.stamp()); err != nil {
			t.Fatal(err)
		}
		var ids []annotate.ID
		set, err := s.Objects(item.ID)
		if err != nil {
			t.Fatal(err)
		}
		e := annotate.Edit{Slide: item.ID, Label: "Whose"}
		set.All(func(o *annotate.Object) bool {
			c := *o
			c.By.Author = first
			ids = append(ids, o.ID)
			e.Changes = append(e.Changes, annotate.Change{Before: o, After: &c})
			return true
		})
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		name, notes := "Suspicious gland", "I think this is a carcinoma"
		if err := s.SetProperties(ids[:1], Properties{Name: &name, Notes: &notes}); err != nil {
			t.Fatal(err)
		}
		by := annotate.Provenance{Author: first, Model: "Phikon", Method: "logistic", Score: 0.8734125}
		x := &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection, ROI: annotate.Rectangle(11.25, 13.5, 77.75, 80.25), Class: annotate.ClassID("Tumour"), By: by}
		if err := errors.Join(s.Apply(annotate.Add(item.ID, "Suggest", x)), s.Accept(x.ID)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// secrets is all of the first reader that may not be found in another's hands.
func secrets(t testing.TB, s *Session) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, word := range []string{first, "Rosalind", "Suspicious gland", "carcinoma", "Phikon", "logistic", "S24-1187", "Jane Roe", "seen by nobody", s.project.Name() + ".coverslip"} {
		out["the words "+word] = []byte(word)
	}
	for _, item := range s.Slides() {
		out["the name "+item.Name] = []byte(item.Name)
		out["the slide's identifier"+item.Name] = item.ID[:]
		out["the slide's identifier in words"+item.Name] = []byte(item.ID.String())
		set, err := s.Objects(item.ID)
		if err != nil {
			t.Fatal(err)
		}
		set.All(func(o *annotate.Object) bool {
			out["the mark "+o.ID.String()] = o.ID[:]
			out["the mark in words "+o.ID.String()] = []byte(o.ID.String())
			return true
		})
	}
	return out
}

// The leak test: nothing of the first reader is in the second reader's project,
// byte for byte, nor in what that session tells or exports.
func TestSession_Assign_NothingLeaks(t *testing.T) {
	s := study(t)
	dir := filepath.Join(t.TempDir(), "reading.coverslip")
	r, err := s.Assign(t.Context(), AssignOptions{Reader: "Maurice", Seed: 9, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	hidden := secrets(t, s)
	there, err := OpenProject(dir, Options{Author: "Maurice"})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, there)
	if own, ok := there.OwnReading(); !ok || own.Reader != "Maurice" || own.ID != r.ID || !there.Hidden() {
		t.Errorf("%+v %v", own, ok)
	}
	var said strings.Builder
	for _, item := range there.Slides() {
		open, err := there.OpenSlide(t.Context(), item.ID)
		if err != nil {
			t.Fatal(err)
		}
		if names := there.Associated(open); names != nil {
			t.Errorf("the reader is shown the pictures %v", names)
		}
		set, err := there.Objects(item.ID)
		if err != nil || set.Len() != 0 {
			t.Errorf("the reader finds %d objects, %v", set.Len(), err)
		}
		if q := there.Queue(item.ID); len(q) != 0 {
			t.Errorf("the reader finds %d suggestions", len(q))
		}
		if label, ok := there.UndoLabel(); ok {
			t.Errorf("the reader may undo %q", label)
		}
		fmt.Fprintf(&said, "%+v %v %v", item, there.PathWords(item), there.Notices())
		var exported bytes.Buffer
		if _, err := there.WriteGeoJSON(&exported, item.ID, nil); err != nil {
			t.Fatal(err)
		}
		said.Write(exported.Bytes())
	}
	if readers, err := there.Readers(); err != nil || len(readers) != 0 {
		t.Errorf("readers %v, %v", readers, err)
	}
	err = there.project.Audit(0, func(a storage.AuditRecord) error {
		fmt.Fprintf(&said, "%+v", a)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range hidden {
		if bytes.Contains([]byte(said.String()), secret) {
			t.Errorf("the session tells %s", what)
		}
	}
	leaksNothing(t, dir, hidden)
}

// leaksNothing looks through all files of a folder.
func leaksNothing(t testing.TB, dir string, hidden map[string][]byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for what, secret := range hidden {
			if bytes.Contains(b, secret) {
				t.Errorf("%s holds %s", filepath.Base(path), what)
			}
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files, %v", files, err)
	}
	// The search itself finds what is there.
	b, err := os.ReadFile(filepath.Join(dir, storage.FileName))
	if err != nil || !bytes.Contains(b, []byte("Slide 001")) || !bytes.Contains(b, []byte("Maurice")) {
		t.Errorf("the search does not find what is there: %v", err)
	}
}

func TestSession_Assign_OrderBySeed(t *testing.T) {
	s := labelledProject(t, 4)
	order := func(seed uint64) string {
		r, err := s.Assign(t.Context(), AssignOptions{Reader: "Maurice", Seed: seed, Dir: filepath.Join(t.TempDir(), "r.coverslip")})
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, x := range r.Slides {
			text += x.Here.String() + " "
		}
		return text
	}
	one, again := order(1), order(1)
	if one != again {
		t.Error("the same seed gives another order")
	}
	if one == order(2) && one == order(3) {
		t.Error("every seed gives the same order")
	}
}

func TestSession_WashOut(t *testing.T) {
	s := study(t)
	give := func(wait time.Duration) string {
		dir := filepath.Join(t.TempDir(), "r.coverslip")
		if _, err := s.Assign(t.Context(), AssignOptions{Reader: "Maurice", Dir: dir, WashOut: wait}); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for i, wait := range []time.Duration{14 * 24 * time.Hour, 14 * 24 * time.Hour, time.Nanosecond} {
		there, err := OpenProject(give(wait), Options{Author: "Maurice"})
		if err != nil {
			t.Fatal(err)
		}
		slide := there.Slides()[0].ID
		_, err = there.OpenSlide(t.Context(), slide)
		_, drawn := there.DrawOn(slide, annotate.Rectangle(0, 0, 9, 9), annotate.ID{})
		if early := i == 1; errors.Is(err, ErrWashOut) != early || errors.Is(drawn, ErrWashOut) != early || (there.WashOut() > 13*24*time.Hour) != early {
			t.Errorf("reading %d: %v, %v, %v left", i+1, err, drawn, there.WashOut())
		}
		closeChecked(t, there)
	}
	all, err := s.Readings()
	if err != nil || len(all) != 3 || all[1].Title() != "Maurice, reading 2" {
		t.Errorf("%+v, %v", all, err)
	}
}

// read draws on every slide of a reader's project; shift moves the shapes.
func read(t testing.TB, dir, who string, shift float64) {
	t.Helper()
	there, err := OpenProject(dir, Options{Author: who})
	if err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, there)
	for _, item := range there.Slides() {
		for band, name := range bandClass {
			x := float64(band*bandW+64) + shift
			if _, err := there.DrawOn(item.ID, annotate.Rectangle(x, 128, x+128, 256), there.Palette().ByName(name).ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func collect(t testing.TB, s *Session, dir string) MergeReport {
	t.Helper()
	m, err := s.Collect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSession_Collect_AgainAndConflicts(t *testing.T) {
	s := study(t)
	dir := filepath.Join(t.TempDir(), "r.coverslip")
	r, err := s.Assign(t.Context(), AssignOptions{Reader: "Maurice", Seed: 3, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	read(t, dir, "Maurice W", 16)
	if m := collect(t, s, dir); m.Added != 6 || m.Slides != 2 || len(m.Conflicts) != 0 {
		t.Errorf("%+v", m)
	}
	if m := collect(t, s, dir); m.Added != 0 || m.Same != 6 || len(m.Conflicts) != 0 {
		t.Errorf("again: %+v", m)
	}
	readers, err := s.Readers()
	if err != nil || !slices.Equal(readers, []string{"Maurice", first}) {
		t.Errorf("readers %v, %v", readers, err)
	}
	// The reader changes one and removes one; one of the others is changed here and there.
	there, err := OpenProject(dir, Options{Author: "Maurice"})
	if err != nil {
		t.Fatal(err)
	}
	slide := r.Slides[0]
	var ids []annotate.ID
	set, err := there.Objects(slide.There)
	if err != nil {
		t.Fatal(err)
	}
	set.All(func(o *annotate.Object) bool { ids = append(ids, o.ID); return true })
	slices.SortFunc(ids, func(a, b annotate.ID) int { return bytes.Compare(a[:], b[:]) })
	stroma, fat := there.Palette().ByName("Fat").ID, annotate.ClassID("Vessel")
	if err := errors.Join(there.SetClass(ids[:1], stroma), there.Delete(ids[1:2]), there.SetClass(ids[2:], stroma)); err != nil {
		t.Fatal(err)
	}
	closeChecked(t, there)
	if err := s.SetClass(ids[2:], fat); err != nil {
		t.Fatal(err)
	}
	m := collect(t, s, dir)
	if m.Updated != 1 || m.Removed != 1 || m.Same != 3 || len(m.Conflicts) != 1 {
		t.Fatalf("%+v", m)
	}
	k := m.Conflicts[0]
	here, other := object(t, s, slide.Here, k.Object), object(t, s, slide.Here, k.Other)
	if k.What != "class" || here.Class != fat || other.Class != stroma || other.Meta[conflictMeta] != here.ID.String() {
		t.Errorf("%+v: %v and %v", k, here, other)
	}
	if m := collect(t, s, dir); len(m.Conflicts) != 1 || m.Conflicts[0].Other != k.Other || m.Added != 0 {
		t.Errorf("the other version is added again: %+v", m)
	}
	if _, err := s.Collect(t.Context(), s.Dir()); !errors.Is(err, ErrNotReading) && !errors.Is(err, storage.ErrLocked) {
		t.Errorf("%v, want ErrNotReading", err)
	}
}

func TestSession_MergeProject_LosesNothing(t *testing.T) {
	s := study(t)
	copied := filepath.Join(t.TempDir(), "copy.coverslip")
	if err := os.MkdirAll(copied, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.project.Backup(filepath.Join(copied, storage.FileName)); err != nil {
		t.Fatal(err)
	}
	item := s.Slides()[0]
	set, err := s.Objects(item.ID)
	if err != nil {
		t.Fatal(err)
	}
	var one annotate.ID
	set.All(func(o *annotate.Object) bool { one = o.ID; return o.Kind != annotate.Annotation })
	other, err := OpenProject(copied, Options{Author: "Maurice"})
	if err != nil {
		t.Fatal(err)
	}
	class := annotate.Class{ID: annotate.NewID(), Name: "Mitosis"}
	if err := other.Apply(annotate.Edit{Label: "Class", Classes: []annotate.ClassChange{{After: &class}}}); err != nil {
		t.Fatal(err)
	}
	_, err = other.DrawOn(item.ID, annotate.Rectangle(300, 300, 340, 340), class.ID)
	if err := errors.Join(err, other.SetClass([]annotate.ID{one}, class.ID)); err != nil {
		t.Fatal(err)
	}
	closeChecked(t, other)
	if err := s.SetClass([]annotate.ID{one}, annotate.ClassID("Fat")); err != nil {
		t.Fatal(err)
	}
	before := s.Slides()
	m, err := s.MergeProject(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	if m.Added != 1 || m.Classes != 1 || m.Slides != 2 || m.NewSlides != 0 || m.Same != 7 || len(m.Conflicts) != 1 || m.Conflicts[0].Object != one {
		t.Errorf("%+v", m)
	}
	if object(t, s, item.ID, one).Class != annotate.ClassID("Fat") || object(t, s, item.ID, m.Conflicts[0].Other).Class != class.ID {
		t.Error("of the two versions one is lost")
	}
	if after := s.Slides(); after[0].Labels != before[0].Labels+2 {
		t.Errorf("%d labels, before %d", after[0].Labels, before[0].Labels)
	}
	if again, err := s.MergeProject(t.Context(), copied); err != nil || again.Added != 0 || again.Same != 8 || len(again.Conflicts) != 1 || again.Conflicts[0].Other != m.Conflicts[0].Other {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func estimates(figures []Figure) map[string]float64 {
	out := map[string]float64{}
	for _, f := range figures {
		out[strings.TrimSpace(f.Name+" "+f.Class)] = f.Estimate.Value
	}
	return out
}

// Two readers drew squares of 128 µm that are 16 µm apart.
func TestSession_Agreement(t *testing.T) {
	s := labelledProject(t, 2)
	dir := filepath.Join(t.TempDir(), "r.coverslip")
	if _, err := s.Assign(t.Context(), AssignOptions{Reader: "Maurice", Seed: 3, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Agreement(t.Context(), AgreementOptions{}, nil); !errors.Is(err, ErrReaders) {
		t.Errorf("%v, want ErrReaders", err)
	}
	read(t, dir, "Maurice", 16)
	collect(t, s, dir)
	a, err := s.Agreement(t.Context(), AgreementOptions{Cell: 16, Resamples: 100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Pairs) != 1 || a.Slides != 2 || a.Patients != 1 || a.Pairs[0].First != "Ada" || a.Pairs[0].Second != "Maurice" {
		t.Fatalf("%+v", a)
	}
	got := estimates(a.Pairs[0].Figures)
	// Of 3 × 9 × 8 squares both name 7/9, and each alone 1/9; twice.
	cells := a.Pairs[0].Cells
	for k, name := range a.Pairs[0].Classes {
		want := 0
		if slices.Contains(bandClass[:], name) {
			want = 2 * 7 * 8
		}
		if k > 0 && cells[k][k] != want {
			t.Errorf("%s: %d squares, want %d", name, cells[k][k], want)
		}
	}
	for name, want := range map[string]float64{
		"observed agreement of squares": 7.0 / 9, "Dice " + bandClass[0]: 0.875, "IoU " + bandClass[0]: 0.875 / (2 - 0.875),
		"Hausdorff µm " + bandClass[0]: 16, "object F1": 1, "object PQ": 0.875 / (2 - 0.875), "Cohen κ of matched objects": 1,
		"Cohen κ of squares, quadratic weights": 1,
	} {
		if d := got[name] - want; !(d < 1e-9 && d > -1e-9) {
			t.Errorf("%s is %g, want %g", name, got[name], want)
		}
	}
	together := estimates(a.Together)
	if k := together["Fleiss κ of squares"]; !(k > 0.5 && k < 1) {
		t.Errorf("%v", together)
	}
	var b bytes.Buffer
	if err := a.WriteCSV(&b); err != nil || strings.Count(b.String(), "\n") != 1+len(a.Pairs[0].Figures)+3 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestSession_AdjudicationAndConsensus(t *testing.T) {
	s := study(t)
	readers := []string{first, "Maurice", "James"}
	for i, who := range readers[1:] {
		dir := filepath.Join(t.TempDir(), "r.coverslip")
		if _, err := s.Assign(t.Context(), AssignOptions{Reader: who, Seed: uint64(i), Dir: dir}); err != nil {
			t.Fatal(err)
		}
		read(t, dir, who, float64(16*(i+1)))
		collect(t, s, dir)
	}
	dir := filepath.Join(t.TempDir(), "a.coverslip")
	r, err := s.Assign(t.Context(), AssignOptions{Reader: "Dorothy", Seed: 5, Dir: dir, Between: readers[:2]})
	if err != nil {
		t.Fatal(err)
	}
	hidden := secrets(t, s)
	delete(hidden, "the words logistic")
	there, err := OpenProject(dir, Options{Author: "Dorothy"})
	if err != nil {
		t.Fatal(err)
	}
	slide := r.Slides[0]
	set, err := there.Objects(slide.There)
	if err != nil {
		t.Fatal(err)
	}
	sides := map[string]int{}
	var one *annotate.Object
	set.All(func(o *annotate.Object) bool {
		sides[o.By.Author]++
		one = o
		if !o.Locked || !o.Created.Equal(r.Made) || o.Notes != "" {
			t.Errorf("a side tells more than it may: %+v", o)
		}
		return true
	})
	if len(sides) != 2 || sides["Reader A"]+sides["Reader B"] != 7 {
		t.Errorf("sides %v", sides)
	}
	taken, err := there.TakeSide(one.ID)
	if err != nil || len(taken) != 1 {
		t.Fatalf("%v, %v", taken, err)
	}
	closeChecked(t, there)
	b, err := os.ReadFile(filepath.Join(dir, storage.FileName))
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range hidden {
		if bytes.Contains(b, secret) {
			t.Errorf("the adjudicator's file holds %s", what)
		}
	}
	if bytes.Contains(b, []byte("Maurice")) {
		t.Error("the adjudicator's file names a reader")
	}
	if m := collect(t, s, dir); m.Added != 1 {
		t.Errorf("%+v", m)
	}
	settled := object(t, s, slide.Here, taken[0])
	if settled.By.Author != "Dorothy" || settled.By.Method != "adjudication" || len(settled.By.Nearest) != 1 || settled.By.Nearest[0] != r.Sources[one.ID.String()] ||
		object(t, s, slide.Here, settled.By.Nearest[0]) == nil {
		t.Errorf("%+v", settled)
	}
	consensus(t, s, slide.Here, readers)
}

// consensus is where two of three readers agree: squares shifted by 0, 16, 32.
func consensus(t *testing.T, s *Session, slide annotate.ID, readers []string) {
	t.Helper()
	for _, method := range []ConsensusMethod{ConsensusVote, ConsensusSTAPLE, ConsensusVote} {
		n, err := s.Consensus(t.Context(), slide, ConsensusOptions{Method: method, Readers: readers})
		if err != nil || n < 3 {
			t.Fatalf("%s: %d, %v", method, n, err)
		}
		set, err := s.Objects(slide)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		set.All(func(o *annotate.Object) bool {
			if !isConsensus(o) {
				return true
			}
			found++
			if o.By.Method != consensusPrefix+string(method) || len(o.By.Nearest) < 2 || !o.IsSuggestion() || !(o.By.Score > 0.5) {
				t.Errorf("%+v", o.By)
			}
			if method == ConsensusVote && o.Class == annotate.ClassID(bandClass[1]) && o.ROI.Area() != 128*128 {
				t.Errorf("area %g of the vote, want that of the reader in the middle", o.ROI.Area())
			}
			return true
		})
		if found != n {
			t.Errorf("%s: %d lie there, %d were added", method, found, n)
		}
	}
	if _, err := s.Consensus(context.Background(), slide, ConsensusOptions{Method: ConsensusVote, Readers: readers[:1]}); !errors.Is(err, ErrReaders) {
		t.Errorf("%v, want ErrReaders", err)
	}
}
