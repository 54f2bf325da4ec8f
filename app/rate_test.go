package app

import (
	"testing"
	"time"
)

func TestRate_FollowsTheStage(t *testing.T) {
	var r rate
	now := time.Now()
	for i := range 101 { // 20 steps a second
		per, left := r.add("Embedding", 2*i, 1000, now.Add(time.Duration(i)*100*time.Millisecond))
		if i < 10 && per != 0 {
			t.Fatalf("a speed after %d ms: %v", 100*i, per)
		}
		if i == 100 && (per < 19.9 || per > 20.1 || left < 39*time.Second || left > 41*time.Second) {
			t.Errorf("%v a second, %v left", per, left)
		}
	}
	now = now.Add(10 * time.Second)
	for i := range 200 { // then 2 a second: after the window nothing else counts
		per, _ := r.add("Embedding", 200+i, 1000, now.Add(time.Duration(i+1)*500*time.Millisecond))
		if i == 199 && (per < 1.9 || per > 2.1) {
			t.Errorf("after the change %v a second", per)
		}
	}
	if per, _ := r.add("Learning", 1, 10, now.Add(2*time.Minute)); per != 0 {
		t.Errorf("the speed of another stage: %v", per)
	}
}

func TestJobStatus_Pace(t *testing.T) {
	for _, c := range []struct {
		j    JobStatus
		want string
	}{
		{JobStatus{}, ""},
		{JobStatus{PerSecond: 28.4, Left: 4*time.Minute + 10*time.Second}, "28 a second · 4 min left"},
		{JobStatus{PerSecond: 2.14, Left: 44 * time.Second}, "2.1 a second · 40 s left"},
		{JobStatus{PerSecond: 0.5, Left: 3*time.Hour + time.Minute}, "30.0 a minute · 3 h left"},
		{JobStatus{PerSecond: 28, Left: time.Second}, "28 a second · nearly done"},
	} {
		if got := c.j.Pace(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.j, got, c.want)
		}
	}
}
