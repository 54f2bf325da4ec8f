package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"coverslip/storage"
)

// TakeWorkingCopy is the folder of a copy of this project on this computer, where it can be
// worked on: of one that lies on a network drive, or where nobody may write. It is made when
// there is none yet. It returns ctx's error.
func (s *Session) TakeWorkingCopy(ctx context.Context) (dir string, made bool, err error) {
	data, err := DataDir()
	if err != nil {
		return "", false, err
	}
	id := s.project.UUID().String()
	stem := strings.TrimSuffix(filepath.Base(s.Dir()), ProjectExt)
	dir = filepath.Join(data, "working", safeName(stem)+"-"+id[len(id)-8:]+ProjectExt)
	if _, err := os.Stat(filepath.Join(dir, storage.FileName)); err == nil {
		return dir, false, nil
	}
	if _, err := storage.WorkingCopy(ctx, s.Dir(), dir); err != nil {
		return "", false, about("project", s.Dir(), err)
	}
	return dir, true, nil
}

// CanTake tells whether a working copy would help: the project is shown, and cannot be
// changed where it lies.
func (s *Session) CanTake() bool { return s.shownOnly }

// Origin is the folder of the project of which this one is the working copy; "" when it is
// none.
func (s *Session) Origin() string {
	o, _ := s.project.Origin()
	return o.Dir
}

// SendBack puts the working copy in the place of its origin, unless that was changed
// meanwhile, and answers how many edits the origin lacked. It returns storage's
// ErrNoOrigin, *AheadError and ErrLocked, ErrUnsaved, and ctx's error.
func (s *Session) SendBack(ctx context.Context) (uint64, error) {
	if u := s.Unsaved(); u != nil {
		return 0, fmt.Errorf("%s: %w", u.Edit.Label, ErrUnsaved)
	}
	sent, err := s.project.SendBack(ctx)
	return sent.Commits, about("project", s.Origin(), err)
}

// originNotices says whose working copy the project is.
func (s *Session) originNotices() []string {
	var out []string
	if why := s.project.Opening().Origin; why != "" {
		out = append(out, "The note of whose working copy this project is cannot be used ("+why+"): it is a project of its own now.")
	}
	o, ok := s.project.Origin()
	if !ok {
		return out
	}
	n, err := s.project.Unsent()
	switch {
	case err != nil:
		out = append(out, "How many edits of this working copy were not sent back cannot be told: "+err.Error())
	case n > 0:
		out = append(out, fmt.Sprintf("This is the working copy of %s. %d of its edits wait to be sent back: File, “Send the working copy back”.", o.Dir, n))
	default:
		out = append(out, "This is the working copy of "+o.Dir+". When you are done: File, “Send the working copy back”.")
	}
	return out
}
