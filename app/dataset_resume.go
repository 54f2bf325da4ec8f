package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"coverslip/tiles/likeness"
)

// resumeFolder holds, while a dataset is written, the rows of every slide that is
// done. It is taken away before the dataset gets its name.
const resumeFolder = ".done"

// begin makes the folder in which the dataset is written. With Resume its name
// comes from everything that decides the bytes, so that the same export finds
// what it left, and another one does not.
func (x *exporter) begin(out string) (err error) {
	parent := filepath.Dir(out)
	if !x.o.Resume {
		x.dir, err = os.MkdirTemp(parent, ".coverslip-dataset-*.partial")
		return err
	}
	print, err := x.fingerprint(out)
	if err != nil {
		return err
	}
	x.dir = filepath.Join(parent, ".coverslip-dataset-"+print+".partial")
	return os.MkdirAll(filepath.Join(x.dir, resumeFolder), 0o755)
}

// fingerprint is a hash of options, slides, patches and labels.
func (x *exporter) fingerprint(out string) (string, error) {
	h := sha256.New()
	options, err := json.Marshal(x.o)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s %s %s %s\n", Version, out, options, hex.EncodeToString(x.names.key))
	for _, e := range x.slides {
		fmt.Fprintf(h, "%s %s %s\n", e.id, e.item.Fingerprint, e.split)
		for _, p := range e.patches {
			fmt.Fprintf(h, "%d %d %s %d %v\n", p.cell.col, p.cell.row, p.label.ID, p.label.Changed.UnixNano(), p.also)
		}
		set, err := x.s.Objects(e.item.ID)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, set.Len())
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// giveUp removes what was written, unless it is to be gone on with.
func (x *exporter) giveUp() error {
	if x.o.Resume {
		return nil
	}
	return os.RemoveAll(x.dir)
}

// forget takes away the notes about slides that are done.
func (x *exporter) forget() error { return os.RemoveAll(filepath.Join(x.dir, resumeFolder)) }

// rowJSON is a row as noted for a later run.
type rowJSON struct {
	ID         string        `json:"id"`
	Sum        string        `json:"sum"`
	Unreadable bool          `json:"unreadable"`
	Colour     string        `json:"colour"`
	Objects    []patchObject `json:"objects"`
	Caption    string        `json:"caption"`
	CaptionBy  string        `json:"captionBy"`
	Hash       likeness.Hash `json:"hash"`
	Hashed     bool          `json:"hashed"`
}

// doneJSON is a slide that is done.
type doneJSON struct {
	Planes string    `json:"planes"`
	Rows   []rowJSON `json:"rows"`
}

// remember notes a slide as done, when its images are on the disk.
func (x *exporter) remember(e *slideExport, rows []patchRow) error {
	if !x.o.Resume {
		return nil
	}
	d := doneJSON{Planes: e.planes}
	for _, r := range rows {
		d.Rows = append(d.Rows, rowJSON{r.id, r.sum, r.unreadable, r.colour, r.objects, r.caption, r.captionBy, r.hash, r.hashed})
	}
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	name := filepath.Join(x.dir, resumeFolder, e.id)
	if err := os.WriteFile(name+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// resume takes a slide over from an earlier run; false when it is not there whole.
func (x *exporter) resume(e *slideExport, step func()) bool {
	if !x.o.Resume {
		return false
	}
	data, err := os.ReadFile(filepath.Join(x.dir, resumeFolder, e.id))
	var d doneJSON
	if err != nil || json.Unmarshal(data, &d) != nil || len(d.Rows) != len(e.patches) {
		return false
	}
	rows := make([]patchRow, len(d.Rows))
	for i, j := range d.Rows {
		r := x.row(e, e.patches[i])
		if r.id != j.ID {
			return false
		}
		r.unreadable = r.unreadable || j.Unreadable
		r.sum, r.colour, r.objects, r.caption, r.captionBy, r.hash, r.hashed = j.Sum, j.Colour, j.Objects, j.Caption, j.CaptionBy, j.Hash, j.Hashed
		if !r.unreadable { // a power cut may have eaten images behind a note that lived
			if sum, err := fileSum(x.path(r.file)); err != nil || sum != r.sum {
				return false
			}
			if r.mask != "" {
				if _, err := os.Stat(x.path(r.mask)); errors.Is(err, fs.ErrNotExist) {
					return false
				}
			}
		}
		rows[i] = r
	}
	e.planes = d.Planes
	x.take(e, rows)
	for range rows {
		step()
	}
	return true
}
