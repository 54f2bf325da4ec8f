package app

import (
	"fmt"
	"os"
	"path/filepath"

	"coverslip/storage"
)

// TwinWords says that the file at abs holds the bytes of a slide of the project;
// "" when it is the file that was added, or the place to which that moved.
func TwinWords(sl storage.Slide, abs string) string {
	if sl.Path == abs || IsAddress(abs) {
		return ""
	}
	a, errA := os.Stat(sl.Path)
	b, errB := os.Stat(abs)
	if errA != nil || errB != nil || os.SameFile(a, b) {
		return ""
	}
	return fmt.Sprintf("%s is a copy of the slide %s of this project, byte for byte: there is one slide, and its labels stand for both files.", filepath.Base(abs), sl.Name)
}

// tellTwin tells that a slide was added twice.
func (s *Session) tellTwin(sl storage.Slide, abs string) {
	if words := TwinWords(sl, abs); words != "" {
		s.emit(Event{Kind: EventNotice, Slide: sl.ID, Text: words})
	}
}
