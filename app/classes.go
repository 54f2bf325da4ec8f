package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"coverslip/annotate"
)

// At editing classes.
var (
	// ErrClassName: a class without a name, or with that of another one.
	ErrClassName = errors.New("every class needs a name of its own")
	// ErrClassParent: a class cannot stand above itself.
	ErrClassParent = errors.New("a class cannot be the parent of its own parent")
)

// SaveClass adds a class (zero ID: it gets one) or changes the one of the same
// ID, in one edit. Its key is taken away from the class that has it. A class is never
// deleted: Retired takes it out of the lists, and old labels keep their meaning.
// It returns the class's ID. Errors: ErrClassName, ErrClassParent.
func (s *Session) SaveClass(c annotate.Class) (annotate.ID, error) {
	c.Name = strings.TrimSpace(c.Name)
	p := s.Palette()
	before := p.ByID(c.ID)
	if other := p.ByName(c.Name); c.Name == "" || other != nil && other.ID != c.ID {
		return c.ID, fmt.Errorf("class %q: %w", c.Name, ErrClassName)
	}
	if c.ID.IsZero() {
		c.ID = annotate.ClassID(c.Name)
		if p.ByID(c.ID) != nil { // renamed since: the name's identifier is taken
			c.ID = annotate.NewID()
		}
	}
	if !c.Parent.IsZero() && p.Under(c.Parent, c.ID) {
		return c.ID, fmt.Errorf("class %q: %w", c.Name, ErrClassParent)
	}
	if c.Color.A == 0 {
		c.Color = p.Free()
	}
	label := "Change class " + c.Name
	if before == nil {
		label = "Add class " + c.Name
	}
	e := annotate.Edit{Label: label, Classes: []annotate.ClassChange{{Before: before, After: &c}}}
	if holder := p.ByKey(c.Key); c.Key != "" && holder != nil && holder.ID != c.ID {
		without := *holder
		without.Key = ""
		e.Classes = append(e.Classes, annotate.ClassChange{Before: holder, After: &without})
	}
	if before.Equal(&c) {
		return c.ID, nil
	}
	return c.ID, s.Apply(e)
}

// AddClasses takes the classes that the palette lacks, by name, in one edit, and
// returns how many. A key that is taken already is left out; a parent is found by
// its name.
func (s *Session) AddClasses(classes annotate.Palette, label string) (int, error) {
	p := s.Palette()
	e := annotate.Edit{Label: label}
	ids := map[annotate.ID]annotate.ID{} // of the file to those of the project
	for _, c := range classes {
		ids[c.ID] = c.ID
		if have := p.ByName(c.Name); have != nil {
			ids[c.ID] = have.ID
		}
	}
	for _, c := range classes {
		if p.ByName(c.Name) != nil {
			continue
		}
		if p.ByID(c.ID) != nil {
			ids[c.ID] = annotate.NewID()
		}
		c.ID, c.Parent = ids[c.ID], ids[c.Parent]
		if p.ByKey(c.Key) != nil {
			c.Key = ""
		}
		e.Classes = append(e.Classes, annotate.ClassChange{After: &c})
	}
	return len(e.Classes), s.Apply(e)
}

// ImportClasses takes the classes of a file: one that ExportClasses wrote, or
// QuPath's classes.json. It returns how many were new.
func (s *Session) ImportClasses(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, about("file", path, err)
	}
	defer f.Close()
	const most = 8 << 20 // annotate.ReadClasses refuses what is larger than half of it
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return 0, about("file", path, err)
	}
	p, err := annotate.ReadClasses(b)
	if err != nil {
		return 0, about("file", path, err)
	}
	return s.AddClasses(p, "Import classes")
}

// ExportClasses writes the palette, retired classes included, as JSON that QuPath
// reads as well.
func (s *Session) ExportClasses(path string) error {
	b, err := annotate.WriteClasses(s.Palette())
	if err != nil {
		return err
	}
	return WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}
