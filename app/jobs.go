package app

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// JobStatus is the state of the background job, or of the last one.
type JobStatus struct {
	Name    string // as given to Start; "" before the first job
	Stage   string // what it is doing now
	Done    int    // steps of the stage done
	Total   int    // steps of the stage; 0 when unknown
	Running bool

	PerSecond float64       // steps a second lately; 0 while nothing can be said
	Left      time.Duration // until the end of the stage, at that speed

	Err error // why the last job failed; nil also when it was cancelled
}

// jobs holds the one background job of a session.
type jobs struct {
	mu     sync.Mutex // protects what follows
	status JobStatus
	cancel context.CancelFunc
	done   chan struct{} // closed when the job's goroutine has ended
}

// eventsEvery keeps the progress of a fast job from flooding the listeners.
const eventsEvery = 100 * time.Millisecond

// Start runs f on a goroutine of its own and returns at once; ErrBusy when
// another job runs. Progress and end are told by EventJob, see JobStatus.
func (s *Session) Start(name string, f func(ctx context.Context, p Progress) error) error {
	j := &s.job
	j.mu.Lock()
	if j.status.Running {
		running := j.status.Name
		j.mu.Unlock()
		return fmt.Errorf("%s: %w (%s)", name, ErrBusy, running)
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		j.mu.Unlock()
		return ErrClosed
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	j.cancel, j.done = cancel, done
	j.status = JobStatus{Name: name, Running: true}
	j.mu.Unlock()

	s.emit(Event{Kind: EventJob, Text: name})
	go func() {
		defer close(done)
		defer cancel()
		err := f(ctx, s.jobProgress())
		if stopped(err) {
			err = nil
		}
		j.mu.Lock()
		j.status.Running, j.status.Err = false, err
		j.mu.Unlock()
		s.emit(Event{Kind: EventJob, Text: name})
	}()
	return nil
}

// jobProgress keeps the status up to date and tells the listeners now and then.
func (s *Session) jobProgress() Progress {
	var last time.Time
	var stage string
	var r rate
	return func(st string, done, total int) {
		s.job.mu.Lock()
		s.job.status.Stage, s.job.status.Done, s.job.status.Total = st, done, total
		now := time.Now()
		s.job.status.PerSecond, s.job.status.Left = r.add(st, done, total, now)
		tell := st != stage || now.Sub(last) >= eventsEvery || done == total
		if tell {
			last, stage = now, st
		}
		s.job.mu.Unlock()
		if tell {
			s.emit(Event{Kind: EventJob, Text: st})
		}
	}
}

// CancelJob asks the running job to stop; it ends soon after. Nothing happens
// when none runs.
func (s *Session) CancelJob() {
	s.job.mu.Lock()
	cancel := s.job.cancel
	s.job.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// JobStatus is how far the background job is.
func (s *Session) JobStatus() JobStatus {
	s.job.mu.Lock()
	defer s.job.mu.Unlock()
	return s.job.status
}

// wait returns when no job's goroutine is left.
func (j *jobs) wait() {
	j.mu.Lock()
	done := j.done
	j.mu.Unlock()
	if done != nil {
		<-done
	}
}
