package app

import "coverslip/annotate"

// EventKind tells what happened.
type EventKind uint8

// The kinds of event.
const (
	// EventObjects: labels of Event.Slide changed inside Event.Boxes.
	EventObjects EventKind = iota + 1
	// EventSlides: the list of slides, or the current slide, changed.
	EventSlides
	// EventPalette: a class was added or changed.
	EventPalette
	// EventJob: the background job made progress or ended; see JobStatus.
	EventJob
	// EventSaved: an edit is on disk; Event.Text says which: its label, after an undo
	// or redo with that word in front.
	EventSaved
	// EventTiles: decoded tiles of the current slide are ready to be drawn.
	EventTiles
	// EventUnsaved: an edit could not be saved and waits, see Session.Unsaved; or
	// none waits any more.
	EventUnsaved
	// EventNotice: something a person should know; Event.Text says what.
	EventNotice
)

// Event is told to the listeners of a Session after the fact.
type Event struct {
	Kind  EventKind
	Slide annotate.ID    // the slide concerned; zero when none is
	Boxes []annotate.Box // level-0 pixels; where objects changed, for EventObjects
	Text  string         // for people; may be empty
}

// Subscribe calls f after every event until cancel is called. f runs on the
// goroutine that caused the event and must be quick; it may call the Session.
func (s *Session) Subscribe(f func(Event)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastListener++
	n := s.lastListener
	s.listeners[n] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, n)
	}
}

// emit tells every listener, in no fixed order, without holding a lock.
func (s *Session) emit(e Event) {
	s.mu.Lock()
	fs := make([]func(Event), 0, len(s.listeners))
	for _, f := range s.listeners {
		fs = append(fs, f)
	}
	s.mu.Unlock()
	for _, f := range fs {
		f(e)
	}
}
