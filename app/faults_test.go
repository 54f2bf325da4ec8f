package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/modeltest"
	"coverslip/storage"
	"coverslip/tiles"
)

// The cases of the fault table that are about slides, exports and models; those
// about the project's file are in storage. docs/validation.md lists all forty.

// errCut is a power cut: from here on nothing happens.
var errCut = errors.New("the power is gone")

// TestCase07_CutWhileExporting cuts the power after each step of an export: the
// final name holds nothing or what it held before, until it holds all; what is
// left half written is called partial, and goes with a later export.
func TestCase07_CutWhileExporting(t *testing.T) {
	whole := bytes.Repeat([]byte("all of it "), 60_000) // several writes
	export := func(o outlet, path string) error {
		return o.write(path, func(w io.Writer) error {
			for at := 0; at < len(whole); at += 10_000 {
				if _, err := w.Write(whole[at : at+10_000]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for cut := 0; ; cut++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "labels.geojson")
		if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
			t.Fatal(err)
		}
		var steps []string
		err := export(outlet{before: func(step string) error {
			if len(steps) == cut {
				return errCut
			}
			steps = append(steps, step)
			return nil
		}}, path)
		got, rerr := os.ReadFile(path)
		if rerr != nil {
			t.Fatal(rerr)
		}
		renamed := strings.Contains(strings.Join(steps, " "), "sync rename") // synced before it gets its name
		if !renamed && string(got) != "before" || renamed && !bytes.Equal(got, whole) {
			t.Errorf("cut after %v: %d bytes under the final name", steps, len(got))
		}
		if err == nil {
			if len(steps) < 6 || steps[len(steps)-1] != "sync folder" {
				t.Errorf("the steps of an export: %v", steps)
			}
			break
		}
		if !errors.Is(err, errCut) {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	old, young := filepath.Join(dir, ".coverslip-1.partial"), filepath.Join(dir, ".coverslip-2.partial")
	for _, left := range []string{old, young} {
		if err := os.WriteFile(left, whole[:1000], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * abandoned)
	if err := errors.Join(os.Chtimes(old, past, past), WriteFile(filepath.Join(dir, "x"), func(io.Writer) error { return nil })); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what a cut left is still there:", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Error("what somebody may be writing is gone:", err)
	}
}

// exportInside has the test program write one file over and over, to be killed.
const exportInside = "COVERSLIP_EXPORT_INSIDE"

// exportForever writes versions of a file, each of one letter, and tells of each.
func exportForever(path string) {
	for i := 0; ; i++ {
		line := bytes.Repeat([]byte{byte('a' + i%26)}, 1<<16)
		err := WriteFile(path, func(w io.Writer) error {
			for range 32 {
				if _, err := w.Write(line); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

// TestCase07_KilledWhileExporting kills a real export at random moments: under
// the final name lies one version, whole.
func TestCase07_KilledWhileExporting(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	path := filepath.Join(t.TempDir(), "labels.geojson")
	for range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), exportInside+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 16)); err != nil { // the first version is there
			t.Error(err)
		}
		time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("it ended by itself")
		}
		got, err := os.ReadFile(path)
		if err != nil || len(got) != 32<<16 || len(bytes.Trim(got, string(got[:1]))) != 0 {
			t.Fatalf("%d bytes under the final name, %v", len(got), err)
		}
	}
}

// TestCase10_DiskFullWhileExporting: the export stops, nothing of it stays, and
// it is told how much is needed.
func TestCase10_DiskFullWhileExporting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "labels.geojson")
	writes := 0
	err := outlet{before: func(step string) error {
		if step == "write" {
			if writes++; writes == 3 {
				return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
			}
		}
		return nil
	}}.write(path, func(w io.Writer) error {
		_, err := io.Copy(w, io.LimitReader(rand.NewChaCha8([32]byte{}), 1_234_567))
		return err
	})
	var full *RoomError
	if !errors.As(err, &full) || full.Needed != 1_234_567 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	if p := Explain(err); !strings.Contains(p.Title, "too full for labels.geojson") || !strings.Contains(p.Hint, "needs about 1.2 MB") {
		t.Errorf("told: %s | %s", p.Title, p.Hint)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	if writes != 3 {
		t.Errorf("%d writes: it went on after the disk was full", writes)
	}
}

// TestCase10_DiskFull_Dataset fills a real, small file system with a dataset and
// with a converted slide.
func TestCase10_DiskFull_Dataset(t *testing.T) {
	s, _ := newProject(t)
	label(t, s)
	small := smallDisk(t, 64<<10)
	_, err := ExportDataset(t.Context(), s, DatasetOptions{Out: filepath.Join(small, "set"), Patch: 64, MPP: 1}, nil)
	tooFull := func(what string, err error) {
		t.Helper()
		var full *RoomError
		if !errors.As(err, &full) || full.Needed <= 60<<10 || full.Free < 0 || !strings.Contains(Explain(err).Hint, "It needs about") {
			t.Errorf("%s: %v", what, err)
		}
		if left, err := os.ReadDir(small); err != nil || len(left) != 0 {
			t.Errorf("%s left: %v %v", what, left, err)
		}
	}
	tooFull("dataset", err)
	small = smallDisk(t, 192<<10)
	_, err = ConvertSlide(t.Context(), s.Current().Slide, filepath.Join(small, "slide.ome.tif"), ConvertOptions{Lossless: true}, nil)
	tooFull("conversion", err)
}

// snapshot is every file below a folder: size, time, and mode.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		all[path] = fmt.Sprint(info.Size(), info.ModTime(), info.Mode())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCase15_SlideFolderReadOnly does everything with a slide in a folder that
// may not be written (which counts for all but root): nothing is ever written
// beside it.
func TestCase15_SlideFolderReadOnly(t *testing.T) {
	root := t.TempDir()
	archive := filepath.Join(root, "archive")
	if err := os.Mkdir(archive, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(archive, "slide.svs")
	writeSlide(t, path, 1)
	if err := errors.Join(os.Chmod(path, 0o400), os.Chmod(archive, 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(archive, 0o700) })
	before := snapshot(t, archive)
	s, err := CreateProject(filepath.Join(root, "p.coverslip"), "P", Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.AddSlide(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	open, err := s.OpenSlide(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open.Loader.Read(t.Context(), tiles.Key{}); err != nil {
		t.Error(err)
	}
	label(t, s)
	if _, err := s.Suggest(t.Context(), id, fake(), nil); err != nil {
		t.Error(err)
	}
	if _, err := ExportDataset(t.Context(), s, DatasetOptions{Out: filepath.Join(root, "set"), Patch: 64, MPP: 1}, nil); err != nil {
		t.Error(err)
	}
	if _, err := s.BackUpNow(); err != nil {
		t.Error(err)
	}
	closeChecked(t, s)
	after := snapshot(t, archive)
	if len(after) != 2 || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the slide's folder was changed:\n%v\n%v", before, after)
	}
}

// TestCase19_OtherFileOfTheSameName: labels are not shown, and none is drawn, on
// another slide that took the name; the slide's own file is found elsewhere.
func TestCase19_OtherFileOfTheSameName(t *testing.T) {
	s, slide := newProject(t)
	mark := draw(t, s, "Tumour", 10, 10, 90, 90)
	path := filepath.Join(filepath.Dir(s.Dir()), "slide.svs")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(t.TempDir(), "kept.svs")
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	writeSlide(t, path, 2)
	s, err := OpenProject(s.Dir(), Options{Author: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeChecked(t, s) })
	_, err = s.OpenSlide(t.Context(), slide)
	if p := Explain(err); !errors.Is(err, ErrOtherSlide) || !strings.Contains(p.Title, "slide.svs is another slide") || !strings.Contains(p.Hint, "find it in another folder") {
		t.Fatalf("%v; told: %+v", err, p)
	}
	if _, err := s.Draw(annotate.Rectangle(10, 10, 50, 50), class(t, s, "Tumour")); !errors.Is(err, ErrNothingOpen) {
		t.Errorf("drawing on it: %v", err)
	}
	if item := s.Slides()[0]; !item.Missing || item.Labels != 1 || object(t, s, slide, mark) == nil {
		t.Errorf("%+v: its own file is missing, its labels are there", item)
	}
	if n, err := s.Relink(t.Context(), filepath.Dir(away)); err != nil || n != 1 {
		t.Fatalf("relinked %d, %v", n, err)
	}
	if open, err := s.OpenSlide(t.Context(), slide); err != nil || open.Slide.Info().Path != away || s.Slides()[0].Missing {
		t.Errorf("found again: %v", err)
	}
}

// TestCase20_SlideTwice: a copy under another name is the same slide, with the
// same labels, and that is told.
func TestCase20_SlideTwice(t *testing.T) {
	s, slide := newProject(t)
	mark := draw(t, s, "Tumour", 10, 10, 90, 90)
	twin := filepath.Join(t.TempDir(), "a copy.svs")
	writeSlide(t, twin, 1)
	var told []string
	stop := s.Subscribe(func(e Event) {
		if e.Kind == EventNotice {
			told = append(told, e.Text)
		}
	})
	defer stop()
	again, err := s.AddSlide(t.Context(), twin)
	if err != nil || again != slide || len(s.Slides()) != 1 {
		t.Fatalf("%v, %v, %d slides", again, err, len(s.Slides()))
	}
	if len(told) != 1 || !strings.Contains(told[0], "a copy.svs is a copy of the slide slide.svs") || !strings.Contains(told[0], "labels") {
		t.Errorf("told: %q", told)
	}
	if object(t, s, again, mark) == nil {
		t.Error("the label is not shared")
	}
	if _, err := s.AddSlide(t.Context(), filepath.Join(filepath.Dir(s.Dir()), "slide.svs")); err != nil || len(told) != 1 {
		t.Errorf("the file itself: %v, told %q", err, told)
	}
}

// TestCase21_SlideCut cuts a slide at many places: it opens as far as it can be
// read, and says that it is incomplete, or it is refused with words that say so.
func TestCase21_SlideCut(t *testing.T) {
	whole, err := firstSlide()
	if err != nil {
		t.Fatal(err)
	}
	s, _ := newProject(t)
	opened := 0
	cuts := []int{secondDirectory(t, whole) + 1} // level 0 is there, its smaller levels are not
	for n := 1; n < 12; n++ {
		cuts = append(cuts, len(whole)*n/12)
	}
	for _, n := range cuts {
		path := filepath.Join(t.TempDir(), "half copied.svs")
		if err := os.WriteFile(path, whole[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		sl, err := s.openFile(t.Context(), path)
		if err != nil {
			if p := Explain(err); !strings.Contains(p.Title, "is damaged or incomplete") || !strings.Contains(p.Hint, "compare the file sizes") {
				t.Errorf("cut at %d: %s | %s", n, p.Title, p.Hint)
			}
			continue
		}
		opened++
		if i := sl.Info(); i.Incomplete == "" || !strings.Contains(strings.Join(i.Warnings, "\n"), "incomplete") {
			t.Errorf("cut at %d: opened as if it were whole", n)
		}
		l := sl.Levels()[0]
		img := image.NewRGBA(image.Rectangle{Max: l.TileRect(0, 0).Size()})
		if err := errors.Join(sl.ReadTile(t.Context(), tiles.Key{}, img), sl.Close()); err != nil || l.Width != slideW {
			t.Errorf("cut at %d: %v, %d pixels wide", n, err, l.Width)
		}
	}
	if opened == 0 {
		t.Error("no cut slide was opened as far as it goes")
	}
}

// TestCase37_Memory: what claims to be huge is refused before memory is taken
// for it.
func TestCase37_Memory(t *testing.T) {
	s, slide := newProject(t)
	dir := t.TempDir()
	bomb := func(name string, head string, fill byte, n int64) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(f)
		_, err = io.WriteString(z, head)
		line := bytes.Repeat([]byte{fill}, 1<<20)
		for ; n > 0 && err == nil; n -= int64(len(line)) {
			_, err = z.Write(line)
		}
		if err = errors.Join(err, z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	deep := filepath.Join(dir, "deep.geojson")
	if err := os.WriteFile(deep, []byte(strings.Repeat("[", 4<<20)), 0o644); err != nil {
		t.Fatal(err)
	}
	// Level 0 claims 2^31 by 2^31 pixels in tiles of as many.
	huge, err := firstSlide()
	if err != nil {
		t.Fatal(err)
	}
	huge = enlarged(t, huge)
	hugePath := filepath.Join(dir, "huge.svs")
	if err := os.WriteFile(hugePath, huge, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() error{
		"gzip bomb": func() error {
			_, err := s.ImportGeoJSON(slide, bomb("bomb.geojson.gz", `{"type":"FeatureCollection","features":[`, ' ', 64<<20))
			return err
		},
		"nested file": func() error { _, err := s.ImportGeoJSON(slide, deep); return err },
		"huge slide":  func() error { _, err := s.AddSlide(t.Context(), hugePath); return err },
	} {
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		err := open()
		runtime.ReadMemStats(&b)
		if err == nil {
			t.Errorf("%s: it was taken", name)
		}
		if p := Explain(err); p.Hint == "" || p.Title == "Something went wrong" {
			t.Errorf("%s: told %+v", name, p)
		}
		if took := b.Sys - min(a.Sys, b.Sys); took > 128<<20 {
			t.Errorf("%s: %d MB were taken from the system", name, took>>20)
		}
	}
}

// firstDirectory is where the entries of a TIFF file's first directory begin, how
// many there are, and how long each is.
func firstDirectory(b []byte) (entry, n, size int) {
	if binary.LittleEndian.Uint16(b[2:]) == 43 { // BigTIFF
		at := int(binary.LittleEndian.Uint64(b[8:]))
		return at + 8, int(binary.LittleEndian.Uint64(b[at:])), 20
	}
	at := int(binary.LittleEndian.Uint32(b[4:]))
	return at + 2, int(binary.LittleEndian.Uint16(b[at:])), 12
}

// secondDirectory is where a TIFF file's second directory begins.
func secondDirectory(t *testing.T, b []byte) int {
	t.Helper()
	entry, n, size := firstDirectory(b)
	next := int(binary.LittleEndian.Uint32(b[entry+n*size:])) // enough for files below 4 GB
	if next == 0 || next >= len(b) {
		t.Fatalf("the slide has no second directory")
	}
	return next
}

// enlarged is a TIFF file whose first directory claims 2^31 - 1 pixels a side, of
// the image and of its tiles.
func enlarged(t *testing.T, data []byte) []byte {
	t.Helper()
	b := bytes.Clone(data)
	entry, n, size := firstDirectory(b)
	done := 0
	for ; n > 0; n, entry = n-1, entry+size {
		switch binary.LittleEndian.Uint16(b[entry:]) {
		case 256, 257, 322, 323: // ImageWidth, ImageLength, TileWidth, TileLength
			binary.LittleEndian.PutUint16(b[entry+2:], 4) // LONG
			binary.LittleEndian.PutUint32(b[entry+size-map[int]int{12: 4, 20: 8}[size]:], 1<<31-1)
			done++
		}
	}
	if done != 4 {
		t.Fatalf("%d of four sizes found", done)
	}
	return b
}

// otherModel is the encoder for tests with other weights.
type otherModel struct{ *modeltest.Encoder }

func (o otherModel) Info() models.EncoderInfo {
	i := o.Encoder.Info()
	i.Hash = strings.Repeat("ab", 32)
	return i
}

// TestCase39_ModelMissingOrOther: without its model the program says so and goes
// on; results carry the hash of the model that made them, and are not mixed with
// those of another one. (A device that is not there: TestEngine_ProviderFallsBack.)
func TestCase39_ModelMissingOrOther(t *testing.T) {
	s, slide := newProject(t)
	labels := label(t, s)
	none := filepath.Join(t.TempDir(), "no model")
	if err := os.Mkdir(none, 0o755); err != nil {
		t.Fatal(err)
	}
	s.options.Model = none
	if _, err := s.Suggest(t.Context(), slide, SuggestOptions{}, nil); err == nil || Explain(err).Hint == "" {
		t.Fatalf("a folder without a model: %v", err)
	}
	draw(t, s, "Stroma", 300, 300, 380, 380) // and the work goes on
	if _, err := s.Suggest(t.Context(), slide, fake(), nil); err != nil {
		t.Fatal(err)
	}
	hash := modeltest.New().Info().Hash
	queue := s.Queue(slide)
	for _, o := range queue {
		if o.By.ModelHash != hash {
			t.Fatalf("a suggestion by %q, of the model %q", o.By.ModelHash, hash)
		}
	}
	if len(queue) == 0 || object(t, s, slide, labels[0]).By.ModelHash != "" {
		t.Error("suggestions carry a model's hash, labels by hand none")
	}
	other := SuggestOptions{Encoder: otherModel{modeltest.New()}}
	if _, err := s.Embedded(slide, other); !errors.Is(err, storage.ErrNoEmbeddings) {
		t.Errorf("embeddings of another model: %v", err)
	}
	if _, err := s.Replay(context.Background(), slide, queue[0].ID, WordOptions{SuggestOptions: other}, nil); !errors.Is(err, ErrOtherModel) || Explain(err).Hint == "" {
		t.Errorf("repeated by another model: %v", err)
	}
}
