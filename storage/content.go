package storage

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"coverslip/annotate"

	bolt "go.etcd.io/bbolt"
)

// AddSlide takes a slide into the project. Without an ID it gets none: the
// caller makes one (annotate.NewID). RelPath is filled in when it is empty and
// Path is no web address.
func (p *Project) AddSlide(s Slide, by Stamp) error { return p.putSlide(s, by, false) }

// UpdateSlide replaces the description of a slide, for example when its file
// was found elsewhere; ErrUnknownSlide when the project has none of that ID.
func (p *Project) UpdateSlide(s Slide, by Stamp) error { return p.putSlide(s, by, true) }

func (p *Project) putSlide(s Slide, by Stamp, exists bool) error {
	label := "Add slide"
	if exists {
		label = "Change slide"
	}
	fail := func(err error) error { return fmt.Errorf("storage: %s %q: %w", label, s.Name, err) }
	if s.ID.IsZero() {
		return fail(errors.New("it has no ID"))
	}
	if s.RelPath == "" && !strings.Contains(s.Path, "://") { // a web address has no place beside the project
		s.RelPath = p.relative(s.Path)
	}
	err := p.update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketSlides)
		if have := b.Get(s.ID[:]) != nil; have != exists {
			if exists {
				return ErrUnknownSlide
			}
			return errors.New("the project has it already")
		}
		t, err := p.begin(tx, by)
		if err != nil {
			return err
		}
		body, err := p.codec.slide(s)
		if err != nil {
			return err
		}
		if err := t.put(b, changeSlide, s.ID, body); err != nil {
			return err
		}
		t.record.Op, t.record.Slide, t.record.Label = OpSlide, s.ID, label
		return t.finish()
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// relative is the path from the project's folder, "" when there is none (on
// another drive).
func (p *Project) relative(path string) string {
	if path == "" {
		return ""
	}
	dir, err := filepath.Abs(p.Home())
	if err != nil {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(dir, abs)
	if err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// Slides lists the slides in the order of their IDs (for fresh IDs: in the
// order they were added).
func (p *Project) Slides() ([]Slide, error) {
	var out []Slide
	err := p.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketSlides).ForEach(func(k, v []byte) error {
			s, err := parseSlide(p.codec, k, v)
			if err != nil {
				return err
			}
			out = append(out, s)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("storage: slides: %w", err)
	}
	return out, nil
}

func parseSlide(c *codec, k, v []byte) (Slide, error) {
	id, err := toID(k)
	if err == nil {
		var body []byte
		if _, _, body, err = unseal(k, v); err == nil {
			var s Slide
			if s, err = c.readSlide(id, body); err == nil {
				return s, nil
			}
		}
	}
	return Slide{}, &DamageError{What: "slide " + id.String(), Err: err}
}

// Palette is the classes in the order shown to people, retired ones included.
func (p *Project) Palette() (annotate.Palette, error) {
	type placed struct {
		class *annotate.Class
		place uint64
	}
	var all []placed
	err := p.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketClasses).ForEach(func(k, v []byte) error {
			c, place, err := parseClass(p.codec, k, v)
			all = append(all, placed{c, place})
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("storage: classes: %w", err)
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	out := make(annotate.Palette, len(all))
	for i, a := range all {
		out[i] = *a.class
	}
	return out, nil
}

// Objects is all objects of the slide in the order of their IDs; none for a
// slide without objects. A damaged value is an error that names the object; use
// Salvage for the rest.
func (p *Project) Objects(slide annotate.ID) ([]*annotate.Object, error) {
	var out []*annotate.Object
	err := p.view(func(tx *bolt.Tx) error {
		return eachObject(tx, p.codec, slide[:], func(o *annotate.Object) error {
			out = append(out, o)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("storage: slide %s: %w", slide, err)
	}
	return out, nil
}

// Salvage is the objects of the slide that can be read, and what is wrong with
// each of the others.
func (p *Project) Salvage(slide annotate.ID) (good []*annotate.Object, bad []error, err error) {
	err = p.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketObjects).Bucket(slide[:])
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			o, err := parseObject(p.codec, k, v)
			if err != nil {
				bad = append(bad, located(p.path, err))
			} else {
				good = append(good, o)
			}
			return nil
		})
	})
	return good, bad, err
}

func eachObject(tx *bolt.Tx, c *codec, slide []byte, f func(*annotate.Object) error) error {
	b := tx.Bucket(bucketObjects).Bucket(slide)
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, v []byte) error {
		o, err := parseObject(c, k, v)
		if err != nil {
			return err
		}
		return f(o)
	})
}

func parseObject(c *codec, k, v []byte) (*annotate.Object, error) {
	id, err := toID(k)
	if err == nil {
		var body []byte
		if _, _, body, err = unseal(k, v); err == nil {
			var o *annotate.Object
			if o, err = c.readObject(id, body); err == nil {
				return o, nil
			}
		}
	}
	return nil, &DamageError{What: "object " + id.String(), Err: err}
}

// Version is what an object was after one commit.
type Version struct {
	Seq    uint64           // the commit, see Audit
	Object *annotate.Object // nil: the commit removed it
}

// History is every version of the object, oldest first, the present one last.
func (p *Project) History(slide, id annotate.ID) ([]Version, error) {
	var out []Version
	err := p.view(func(tx *bolt.Tx) error {
		add := func(v []byte) error {
			format, version, body, err := unseal(id[:], v)
			var o *annotate.Object
			if err == nil && format != formatGone {
				o, err = p.codec.readObject(id, body)
			}
			if err != nil {
				return &DamageError{What: "history of object " + id.String(), Err: err}
			}
			out = append(out, Version{version, o})
			return nil
		}
		c := tx.Bucket(bucketHistory).Cursor()
		for k, v := c.Seek(id[:]); bytes.HasPrefix(k, id[:]); k, v = c.Next() {
			if err := add(v); err != nil {
				return err
			}
		}
		if b := tx.Bucket(bucketObjects).Bucket(slide[:]); b != nil {
			if v := b.Get(id[:]); v != nil {
				return add(v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return out, nil
}

// Setting is a value that belongs to the project, for example the view it was
// left in; false when it was never set or cannot be read.
func (p *Project) Setting(key string) (string, bool) {
	var value string
	var ok bool
	err := p.view(func(tx *bolt.Tx) error {
		v := tx.Bucket(bucketSettings).Get([]byte(key))
		if v == nil {
			return nil
		}
		_, _, body, err := unseal([]byte(key), v)
		if err != nil {
			return err
		}
		value, ok = string(body), true
		return nil
	})
	return value, ok && err == nil
}

// SetSetting keeps a value with the project. Settings are neither undone nor
// audited.
func (p *Project) SetSetting(key, value string) error {
	err := p.update(func(tx *bolt.Tx) error {
		sealed := seal([]byte(key), formatV1, 0, []byte(value))
		p.pending = append(p.pending, settingEntry([]byte(key), sealed))
		return tx.Bucket(bucketSettings).Put([]byte(key), sealed)
	})
	if err != nil {
		return fmt.Errorf("storage: setting %q: %w", key, err)
	}
	return nil
}
