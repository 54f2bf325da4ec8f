package app

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"coverslip/storage"
)

// backupEvery is how long one works until the next automatic backup.
const backupEvery = 30 * time.Minute

// keeper makes the automatic backups of a session.
type keeper struct {
	stop chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex // one backup at a time
}

// startKeeper makes a backup now and one for every half hour of work, until the
// session is closed. Nothing is copied that the newest backup holds already.
func (s *Session) startKeeper() {
	if !s.options.Backups || s.ReadOnly() {
		return
	}
	s.keeper.stop = make(chan struct{})
	s.keeper.wg.Go(func() {
		s.backUp("open")
		tick := time.NewTicker(backupEvery)
		defer tick.Stop()
		for {
			select {
			case <-s.keeper.stop:
				return
			case <-tick.C:
				s.backUp("work")
			}
		}
	})
}

// stopKeeper makes the last backup, while the project is still open.
func (s *Session) stopKeeper() {
	if s.keeper.stop == nil {
		return
	}
	close(s.keeper.stop)
	s.keeper.wg.Wait()
	s.backUp("close")
}

// backUp tells the listeners when a backup fails or the disk is nearly full.
func (s *Session) backUp(why string) {
	s.keeper.mu.Lock()
	defer s.keeper.mu.Unlock()
	if low, err := s.project.RoomLow(); err == nil && low {
		s.emit(Event{Kind: EventNotice, Text: "The disk is nearly full: free some space. Old backups were taken away."})
	}
	if _, err := s.project.AutoBackup(why, time.Now()); err != nil {
		s.emit(Event{Kind: EventNotice, Text: "The automatic backup failed: " + err.Error()})
	}
}

// BackUpNow makes an automatic backup now, and answers its file; "" when the
// newest one holds everything already.
func (s *Session) BackUpNow() (string, error) {
	s.keeper.mu.Lock()
	defer s.keeper.mu.Unlock()
	return s.project.AutoBackup("now", time.Now())
}

// Notices says what a person should know of the project just opened, one
// sentence each.
func (s *Session) Notices() []string {
	o := s.project.Opening()
	out := append(append([]string(nil), s.notices...), s.originNotices()...)
	if o.Replayed > 0 {
		out = append(out, fmt.Sprintf("%d edits that the project's file lacked were taken from its journal.", o.Replayed))
	}
	if o.SetAside != "" {
		out = append(out, "The journal did not fit ("+o.Journal+"). It was set aside, and a new one made.")
	}
	if o.Cloud != "" {
		out = append(out, "The project lies in a folder of "+o.Cloud+". Open it on one computer at a time, and let it finish copying first.")
	}
	for _, name := range o.Conflicts {
		out = append(out, name+" is a copy that a cloud program made when two computers changed the project.")
	}
	if o.Clock != "" {
		out = append(out, "Check the clock: "+o.Clock+". The edit log says so beside what is done now.")
	}
	return out
}

// openBest opens a project for writing, or for reading where only that is
// possible, and says why.
func openBest(dir string, o Options) (*storage.Project, string, error) {
	p, err := storage.Open(dir, storage.Options{ReadOnly: o.ReadOnly})
	if err == nil || o.ReadOnly {
		return p, "", err
	}
	why := readOnlyWords(err)
	if why == "" {
		return nil, "", err
	}
	p, again := storage.Open(dir, storage.Options{ReadOnly: true})
	if again != nil {
		return nil, "", err
	}
	return p, why, nil
}

// readOnlyWords says why a project can be opened for reading only; "" when it
// is for another reason that it was not opened.
func readOnlyWords(err error) string {
	switch {
	case errors.Is(err, storage.ErrNewer):
		return "A newer Coverslip wrote this project: it is shown, and nothing can be changed. Update the program to work on it."
	case errors.Is(err, storage.ErrNetworkDrive):
		return "The project lies on a network drive: it is shown, and nothing can be changed. Work on a copy on this computer: File, “Work on a copy on this computer”."
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "You may not write here: the project is shown, and nothing can be changed. To work on it: File, “Work on a copy on this computer”."
	}
	return ""
}
