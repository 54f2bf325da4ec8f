package main

import (
	"flag"
	"fmt"
	"strings"

	"coverslip/annotate"
	"coverslip/app"
)

// projectFlags are the flags of the verbs that work on a project.
type projectFlags struct {
	dir, author, slide string
	onnx, model        string
}

// declareProject declares --project and --author, and --slide on wish.
func declareProject(f *flag.FlagSet, slide bool) *projectFlags {
	p := &projectFlags{}
	f.StringVar(&p.dir, "project", "", "folder `DIR` of the project")
	p.declareAuthor(f)
	if slide {
		f.StringVar(&p.slide, "slide", "", "`SLIDE` by name, file name or identifier; all slides when not given")
	}
	return p
}

func (p *projectFlags) declareAuthor(f *flag.FlagSet) {
	f.StringVar(&p.author, "author", "", "`NAME` written beside every change (default: the system's user)")
}

// declareModel declares the flags of the verbs that run a model.
func (p *projectFlags) declareModel(f *flag.FlagSet) {
	f.StringVar(&p.onnx, "onnx", "", "`FILE` of ONNX Runtime's library (default: looked for)")
	f.StringVar(&p.model, "model", "", "`FOLDER` of the encoder (default: the built-in, untrained one)")
}

// open opens the project.
func (p *projectFlags) open(readOnly bool) (*app.Session, error) {
	if p.dir == "" {
		return nil, wrongUsage("--project DIR is needed")
	}
	return p.openDir(p.dir, readOnly)
}

func (p *projectFlags) options(readOnly bool) app.Options {
	return app.Options{Author: p.author, ReadOnly: readOnly, Onnx: p.onnx, Model: p.model, Worker: self()}
}

func (p *projectFlags) openDir(dir string, readOnly bool) (*app.Session, error) {
	return app.OpenProject(dir, p.options(readOnly))
}

// with opens the project, does f and closes it; the first error counts.
func (p *projectFlags) with(readOnly bool, f func(s *app.Session) error) error {
	s, err := p.open(readOnly)
	if err != nil {
		return err
	}
	return closing(s, f)
}

func closing(s *app.Session, f func(s *app.Session) error) error {
	err := f(s)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return err
}

// within opens the project in dir, works on it and closes it.
func (p *projectFlags) within(dir string, readOnly bool, f func(s *app.Session) error) error {
	s, err := p.openDir(dir, readOnly)
	if err != nil {
		return err
	}
	return closing(s, f)
}

// slides gives the slides that --slide means: one, or all without it.
func (p *projectFlags) slides(s *app.Session) ([]app.SlideItem, error) {
	all := s.Slides()
	if len(all) == 0 {
		return nil, fmt.Errorf("project %s has no slides: %w", s.Name(), app.ErrNoSlide)
	}
	if p.slide == "" {
		return all, nil
	}
	return pick(all, p.slide)
}

// one gives the one slide that --slide means; without it the project must have
// no other.
func (p *projectFlags) one(s *app.Session) (app.SlideItem, error) {
	items, err := p.slides(s)
	if err != nil {
		return app.SlideItem{}, err
	}
	if len(items) > 1 {
		return app.SlideItem{}, wrongUsage("the project has %d slides; say which with --slide", len(items))
	}
	return items[0], nil
}

// pick finds a slide by identifier, by name, or by a beginning of the name that
// only one has.
func pick(all []app.SlideItem, wanted string) ([]app.SlideItem, error) {
	var begins []app.SlideItem
	for _, item := range all {
		if item.Name == wanted || item.ID.String() == strings.ToLower(wanted) {
			return []app.SlideItem{item}, nil
		}
		if strings.HasPrefix(item.Name, wanted) {
			begins = append(begins, item)
		}
	}
	if len(begins) == 1 {
		return begins, nil
	}
	return nil, fmt.Errorf("slide %q: %w (%d names begin so)", wanted, app.ErrNoSlide, len(begins))
}

// className is the name of a class for people.
func className(p annotate.Palette, id annotate.ID) string {
	if id.IsZero() {
		return "(no class)"
	}
	if c := p.ByID(id); c != nil {
		return c.Name
	}
	return id.String()
}

// classNamed finds a class by name, in any case.
func classNamed(p annotate.Palette, name string) (annotate.ID, error) {
	for _, c := range p {
		if strings.EqualFold(c.Name, name) {
			return c.ID, nil
		}
	}
	var names []string
	for _, c := range p {
		if !c.Retired {
			names = append(names, c.Name)
		}
	}
	return annotate.ID{}, fmt.Errorf("class %q: %w (there are: %s)", name, app.ErrNoClass, strings.Join(names, ", "))
}
