package app

import (
	"context"
	"errors"
	"os/user"
	"path/filepath"
	"sync"
	"time"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/attention"
	"coverslip/models/caption"
	"coverslip/models/onnx"
	"coverslip/storage"
	"coverslip/tiles"
)

// Version of the program, written beside every change it makes.
const Version = "0.1.0"

// Decoded tiles that are kept. The most holds about 1,000 of 256 × 256 pixels without
// being noticed on a machine with 4 GB of memory; where it is known how much a person
// sees of slides it is some screens full (Session.Watched).
const (
	defaultCacheBytes = 256 << 20
	leastCacheBytes   = 64 << 20
	cacheScreens      = 16
)

// Options of a session.
type Options struct {
	Author     string                                                         // who works; "" takes the name of the operating system's user
	CacheBytes int64                                                          // bytes of decoded tiles kept; 0 takes what suits the screen, at most 256 MiB
	ReadOnly   bool                                                           // open without the right to change anything
	Onnx       string                                                         // path of ONNX Runtime's library; "" looks for it
	Worker     string                                                         // program to start for models, with the hidden verb of models/worker; "" runs them in this process
	Text       func(e onnx.Engine, folder string) (models.TextEncoder, error) // opens the text side of Model; nil = folder.OpenText
	Model      string                                                         // folder of the default encoder; "" takes the built-in, untrained one
	RawColour  bool                                                           // slides are shown in the scanner's colours, their colour profiles left aside
	Network    bool                                                           // slides may be read from web addresses; nothing is fetched otherwise
	Backups    bool                                                           // back the project up by itself: at opening, every half hour of work, at closing
	Untrusted  bool                                                           // slides come from strangers: memory-safe decoders only, no native library sees them
}

// Session is one open project. Its methods are safe for concurrent use.
type Session struct {
	project *storage.Project
	options Options
	cache   *tiles.Cache

	fixedCache bool          // its size was asked for
	traffic    tiles.Traffic // jobs give way to the screen
	session    string        // names this run in the audit trail

	opening sync.Mutex // serialises OpenSlide; taken before door
	// door serialises the edits: commit and change of the set of one edit come
	// before those of the next. It is taken before mu.
	door sync.Mutex

	mu           sync.Mutex // protects what follows
	author       string
	palette      annotate.Palette
	sets         map[annotate.ID]*annotate.Set
	tallies      map[annotate.ID]tally
	sightings    map[annotate.ID]sighting
	current      *OpenSlide
	beside       []*OpenSlide // open too, in the order they stopped being the current one
	listeners    map[int]func(Event)
	lastListener int
	closed       bool

	encoderMu sync.Mutex // protects encoder and engine; held while they are loaded
	encoder   models.Encoder
	text      models.TextEncoder
	captions  *caption.Index // the bank read last
	shelves   shelves        // embeddings as the search keeps them; has its own lock
	outliner  *Outliner
	looker    *attention.Looker
	engine    onnx.Engine
	worker    peakTeller            // of the process for models; nil when there is none
	plans     map[string]MemoryPlan // by the encoder's hash
	release   func() error          // frees engine

	job jobs

	people  people
	unsaved unsaved
	keeper  keeper
	began   time.Time   // for the clock that nobody sets
	own     *OwnReading // what a reader's project knows of itself; nil in any other
	notices []string    // of the opening

	shownOnly bool // nobody may write where the project lies
}

// CreateProject makes a new project in folder dir, which must not exist or be
// empty, and opens it. The project starts with annotate.DefaultPalette.
func CreateProject(dir, name string, o Options) (*Session, error) {
	s := newSession(o)
	p, err := storage.Create(wholePath(dir), name, s.stamp())
	if err != nil {
		return nil, about("project", dir, err)
	}
	return s.use(p)
}

// OpenProject opens the project in folder dir.
func OpenProject(dir string, o Options) (*Session, error) {
	s := newSession(o)
	p, why, err := openBest(wholePath(dir), o)
	if err != nil {
		return nil, about("project", dir, err)
	}
	if why != "" {
		s.notices, s.shownOnly = append(s.notices, why), true
	}
	return s.use(p)
}

// wholePath is the path from the root, which is what people are shown and what
// stays right when the working folder changes; the path itself when that folder
// is gone.
func wholePath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func newSession(o Options) *Session {
	if o.Author == "" {
		o.Author = "unknown"
		if u, err := user.Current(); err == nil && u.Username != "" {
			o.Author = u.Username
		}
	}
	fixed := o.CacheBytes > 0
	if !fixed {
		o.CacheBytes = defaultCacheBytes
	}
	return &Session{
		options: o,
		began:   time.Now(),
		author:  o.Author,
		session: annotate.NewID().String(),
		cache:   tiles.NewCache(o.CacheBytes),

		fixedCache: fixed,
		sets:       map[annotate.ID]*annotate.Set{},
		tallies:    map[annotate.ID]tally{},
		sightings:  map[annotate.ID]sighting{},
		listeners:  map[int]func(Event){},
	}
}

// use makes p the session's project; on failure p is closed.
func (s *Session) use(p *storage.Project) (*Session, error) {
	palette, err := p.Palette()
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	s.project, s.palette, s.own = p, palette, ownReading(p)
	if s.own != nil && s.own.Reader != "" {
		s.author = s.own.Reader // what is drawn in a reader's project is the reader's
	}
	s.startKeeper()
	return s, nil
}

// Close stops the background job, closes the slide, the encoder and the
// project. Everything acknowledged before is on disk already. A second call
// does nothing.
func (s *Session) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.CancelJob()
	s.job.wait()

	s.door.Lock() // let a running edit finish
	defer s.door.Unlock()
	s.mu.Lock()
	open := append(s.beside, s.current)
	s.current, s.beside = nil, nil
	s.listeners = map[int]func(Event){}
	s.mu.Unlock()

	err := s.shut(open...)
	s.stopKeeper()
	return errors.Join(err, s.closeEncoder(), s.project.Close())
}

// Name is the project's name.
func (s *Session) Name() string { return s.project.Name() }

// Dir is the project's folder.
func (s *Session) Dir() string { return s.project.Dir() }

// ReadOnly tells whether the project was opened without the right to change it.
func (s *Session) ReadOnly() bool { return s.project.ReadOnly() }

// Project is the disk below, for what needs no session: backup, check, audit.
// Labels are never changed through it.
func (s *Session) Project() *storage.Project { return s.project }

// Author is who works now.
func (s *Session) Author() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.author
}

// SetAuthor names who works from now on; "" is ignored.
func (s *Session) SetAuthor(name string) {
	if name == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.author = name
}

// Palette is the classes of the project; the value is the caller's.
func (s *Session) Palette() annotate.Palette {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(annotate.Palette(nil), s.palette...)
}

// stamp says who, where and when, for the audit trail.
func (s *Session) stamp() storage.Stamp {
	return storage.Stamp{
		Author:  s.Author(),
		Session: s.session,
		App:     "coverslip " + Version,
		At:      time.Now(),
		Run:     time.Since(s.began),
	}
}

// Progress reports how far a long action is. total 0 means unknown. It is
// called on any goroutine, never twice at once.
type Progress func(stage string, done, total int)

// report calls p when there is one.
func (p Progress) report(stage string, done, total int) {
	if p != nil {
		p(stage, done, total)
	}
}

// stopped tells whether err only says that the user cancelled.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled)
}
