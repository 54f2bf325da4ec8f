package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"coverslip/annotate"
	"coverslip/storage"
)

// ErrUnsaved: an edit could not be saved; nothing else is taken until it is, or
// until it is given up.
var ErrUnsaved = errors.New("the last edit is not saved yet")

// Unsaved is an edit that the disk did not take. It is kept in memory, and in a
// file of the user's own data folder.
type Unsaved struct {
	Edit   annotate.Edit
	Err    error  // why
	Rescue string // the file; "" when that could not be written either
}

// unsaved holds the one edit that waits.
type unsaved struct {
	mu   sync.Mutex // protects wait
	wait *Unsaved
}

// Unsaved is the edit that waits to be saved; nil when none does.
func (s *Session) Unsaved() *Unsaved {
	s.unsaved.mu.Lock()
	defer s.unsaved.mu.Unlock()
	return s.unsaved.wait
}

// spaceless tells whether an error is about the disk and not about the edit.
func spaceless(err error) bool {
	for _, e := range []error{storage.ErrBroken, storage.ErrMoved, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO, syscall.EROFS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return storage.Full(err)
}

// keepUnsaved keeps an edit that the disk did not take.
func (s *Session) keepUnsaved(e annotate.Edit, cause error) error {
	u := &Unsaved{Edit: e, Err: cause}
	if dir, err := rescueDir(); err == nil && len(e.Changes) > 0 {
		path := filepath.Join(dir, fmt.Sprintf("%s-%s.edit", s.project.UUID(), time.Now().UTC().Format("20060102T150405.000")))
		if err := storage.SaveRescue(path, s.project.UUID(), e); err == nil {
			u.Rescue = path
		}
	}
	s.unsaved.mu.Lock()
	s.unsaved.wait = u
	s.unsaved.mu.Unlock()
	s.emit(Event{Kind: EventUnsaved, Slide: e.Slide, Text: e.Label})
	return fmt.Errorf("%s: %w: %w", e.Label, ErrUnsaved, cause)
}

// RetryUnsaved tries again to save the edit that waits. Nothing waits after nil.
func (s *Session) RetryUnsaved() error {
	s.door.Lock()
	u := s.Unsaved()
	if u == nil {
		s.door.Unlock()
		return nil
	}
	if _, err := s.project.Commit(u.Edit, s.stamp()); err != nil {
		s.door.Unlock()
		return fmt.Errorf("%s: %w: %w", u.Edit.Label, ErrUnsaved, err)
	}
	s.forgetUnsaved()
	err := s.follow(u.Edit)
	s.door.Unlock()
	s.announce(u.Edit, u.Edit.Label)
	return err
}

// DiscardUnsaved gives the edit up that waits.
func (s *Session) DiscardUnsaved() {
	s.forgetUnsaved()
	s.emit(Event{Kind: EventUnsaved})
}

func (s *Session) forgetUnsaved() {
	s.unsaved.mu.Lock()
	defer s.unsaved.mu.Unlock()
	if u := s.unsaved.wait; u != nil && u.Rescue != "" {
		os.Remove(u.Rescue) // a file left behind is offered again, and is then found to be in the project
	}
	s.unsaved.wait = nil
}

func rescueDir() (string, error) {
	data, err := DataDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(data, "rescue"), nil
}

// Rescued takes up the edits of this project that an earlier session could not
// save before it ended, and answers how many it saved. What the project holds
// already, or cannot take any more, is put aside.
func (s *Session) Rescued() (saved int, err error) {
	dir, err := rescueDir()
	if err != nil || s.ReadOnly() {
		return 0, err
	}
	files, err := filepath.Glob(filepath.Join(dir, s.project.UUID().String()+"-*.edit"))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		id, e, lerr := storage.LoadRescue(f)
		if lerr == nil && id == s.project.UUID() {
			lerr = s.Apply(e)
		}
		if lerr != nil {
			err = errors.Join(err, lerr, os.Rename(f, f+".aside"))
			continue
		}
		saved++
		err = errors.Join(err, os.Remove(f))
	}
	return saved, err
}

// SaveCopy writes a checked copy of the whole project into a new folder, from
// what is open, even when the file itself was taken away.
func (s *Session) SaveCopy(dir string) error {
	dir = wholePath(dir)
	path := filepath.Join(dir, storage.FileName)
	if _, err := os.Lstat(path); err == nil {
		return about("project", dir, storage.ErrExists)
	}
	return about("project", dir, s.project.Backup(path))
}
