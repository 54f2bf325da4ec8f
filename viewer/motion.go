package viewer

import "math"

// The feel of movement. Rates are per second.
const (
	approachRate = 18.0 // zoom and keyed pans close 1-exp(-18 dt) of the way
	glideRate    = 5.0  // a released drag loses speed as exp(-5 t)
	glideStop    = 8.0  // device pixels per second below which a glide ends
	glideStart   = 60.0 // a release slower than this does not glide
	panStop      = 0.5  // device pixels left of a keyed pan that are made at once
	zoomStop     = 2e-3 // natural logarithm of the scale left of a zoom
	maxStep      = 0.1  // seconds; a longer pause (window hidden) counts as this
)

// motion is what still moves the viewport: a zoom on its way, a keyed pan on
// its way, or the glide after a drag.
type motion struct {
	zoomTo       float64 // scale wanted; 0 when no zoom is on its way
	zoomX, zoomY float64 // what stays in place, screen pixels
	panX, panY   float64 // screen pixels still to go
	velX, velY   float64 // screen pixels per second
}

// stop ends all movement.
func (m *motion) stop() { *m = motion{} }

// moving tells whether a step would change anything.
func (m *motion) moving() bool { return *m != motion{} }

// zoom wishes a scale, the point under (sX,sY) staying in place.
func (m *motion) zoom(scale, sX, sY float64) {
	m.velX, m.velY = 0, 0
	m.zoomTo, m.zoomX, m.zoomY = scale, sX, sY
}

// pan wishes a way in screen pixels, on top of what is still to go.
func (m *motion) pan(dSX, dSY float64) {
	m.velX, m.velY = 0, 0
	m.panX += dSX
	m.panY += dSY
}

// glide lets the picture go with a speed in screen pixels per second.
func (m *motion) glide(vx, vy float64) {
	if math.Hypot(vx, vy) >= glideStart {
		m.velX, m.velY = vx, vy
	}
}

// scale is where the scale is going, the present one when it is not changing.
func (m *motion) scale(v Viewport) float64 {
	if m.zoomTo > 0 {
		return m.zoomTo
	}
	return v.Scale
}

// step moves the viewport on by dt seconds.
func (m *motion) step(v Viewport, dt float64) Viewport {
	dt = min(dt, maxStep)
	near := 1 - math.Exp(-approachRate*dt)
	if m.zoomTo > 0 {
		s := v.Scale * math.Pow(m.zoomTo/v.Scale, near)
		if math.Abs(math.Log(m.zoomTo/s)) < zoomStop {
			s = m.zoomTo
		}
		v = v.ZoomedTo(s, m.zoomX, m.zoomY)
		if s == m.zoomTo {
			m.zoomTo, m.zoomX, m.zoomY = 0, 0, 0
		}
	}
	if m.panX != 0 || m.panY != 0 {
		dx, dy := m.panX*near, m.panY*near
		if math.Hypot(m.panX-dx, m.panY-dy) < panStop {
			dx, dy = m.panX, m.panY
		}
		v = v.Panned(dx, dy)
		m.panX -= dx
		m.panY -= dy
	}
	if m.velX != 0 || m.velY != 0 {
		v = v.Panned(m.velX*dt, m.velY*dt)
		keep := math.Exp(-glideRate * dt)
		m.velX *= keep
		m.velY *= keep
		if math.Hypot(m.velX, m.velY) < glideStop {
			m.velX, m.velY = 0, 0
		}
	}
	return v
}

// finish makes what is left of the movement at once; a glide just ends.
func (m *motion) finish(v Viewport) Viewport {
	if m.zoomTo > 0 {
		v = v.ZoomedTo(m.zoomTo, m.zoomX, m.zoomY)
	}
	v = v.Panned(m.panX, m.panY)
	m.stop()
	return v
}

// tracker measures the speed of a drag over its last moments.
type tracker struct {
	vx, vy float64 // screen pixels per second
	last   float64 // seconds, time of the last sample
}

// trackFor is the time constant of the mean, seconds: long enough to even out
// the mouse's steps, short enough to forget a change of mind.
const trackFor = 0.05

// reset begins a drag at a time in seconds.
func (t *tracker) reset(now float64) { *t = tracker{last: now} }

// add tells of a move in screen pixels at a time in seconds.
func (t *tracker) add(dSX, dSY, now float64) {
	dt := now - t.last
	t.last = now
	if dt <= 0.0005 || dt > 0.1 {
		return
	}
	a := min(1, dt/trackFor)
	t.vx += (dSX/dt - t.vx) * a
	t.vy += (dSY/dt - t.vy) * a
}

// speed is the speed at a time in seconds; 0 after the hand has rested.
func (t *tracker) speed(now float64) (vx, vy float64) {
	if now-t.last > 0.08 {
		return 0, 0
	}
	return t.vx, t.vy
}
