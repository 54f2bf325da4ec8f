package app

import (
	"fmt"
	"time"
)

// rateOver is how long back the speed of a job is measured: long enough not to
// jump, short enough to follow a change.
const rateOver = 15 * time.Second

// rate tells how fast a stage of a job is.
type rate struct {
	stage   string
	samples []rateSample
}

type rateSample struct {
	at   time.Time
	done int
}

// add takes note of the progress and gives the steps a second and the time that
// is left; 0 while nothing can be said.
func (r *rate) add(stage string, done, total int, now time.Time) (perSecond float64, left time.Duration) {
	if stage != r.stage || len(r.samples) > 0 && done < r.samples[len(r.samples)-1].done {
		*r = rate{stage: stage}
	}
	if n := len(r.samples); n < 2 || now.Sub(r.samples[n-1].at) >= eventsEvery {
		r.samples = append(r.samples, rateSample{now, done})
	}
	for len(r.samples) > 2 && now.Sub(r.samples[1].at) > rateOver {
		r.samples = r.samples[1:]
	}
	from := r.samples[0]
	span := now.Sub(from.at)
	if span < time.Second || done <= from.done || total <= 0 {
		return 0, 0
	}
	perSecond = float64(done-from.done) / span.Seconds()
	return perSecond, time.Duration(float64(total-done) / perSecond * float64(time.Second))
}

// Pace is the speed of a job and the time that is left in words, such as
// "28 a second · 4 min left"; "" while nothing can be said.
func (j JobStatus) Pace() string {
	if j.PerSecond <= 0 {
		return ""
	}
	speed := fmt.Sprintf("%.0f a second", j.PerSecond)
	switch {
	case j.PerSecond < 1:
		speed = fmt.Sprintf("%.1f a minute", j.PerSecond*60)
	case j.PerSecond < 10:
		speed = fmt.Sprintf("%.1f a second", j.PerSecond)
	}
	return speed + " · " + untilDone(j.Left)
}

// untilDone rounds the time that is left to what a person wants to know.
func untilDone(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "nearly done"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s left", int(d.Round(10*time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min left", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%d h left", int(d.Round(time.Hour).Hours()))
}
