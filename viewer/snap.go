package viewer

import (
	"math"

	"coverslip/annotate"
)

// Distances of snapping, Fyne units.
const (
	snapVertex = 9.0 // to a vertex, which goes before an edge
	snapEdge   = 6.0
)

// mostSnapped bounds the vertices that are looked at for one position.
const mostSnapped = 200_000

// SetSnapping has drawn points snap to vertices and edges of what is shown.
func (v *Viewer) SetSnapping(on bool) {
	v.snapping = on
	v.touch()
}

// Snapping tells whether drawn points snap.
func (v *Viewer) Snapping() bool { return v.snapping }

// snapped is the nearest vertex, else the nearest point of an edge, near a point
// of the slide; the point itself when there is none or snapping is off.
func (v *Viewer) snapped(p annotate.Point) annotate.Point { return v.snappedBut(p, annotate.ID{}) }

// snappedBut is snapped that leaves one object out.
func (v *Viewer) snappedBut(p annotate.Point, but annotate.ID) annotate.Point {
	if !v.snapping || v.objects == nil || !v.overlay.on {
		return p
	}
	reach := v.l0(snapVertex)
	corner, edge := p, p
	nearCorner, nearEdge := reach, v.l0(snapEdge)
	looked := 0
	chain := func(ps []annotate.Point, closed bool) {
		looked += len(ps)
		for i, a := range ps {
			if d := math.Hypot(a.X-p.X, a.Y-p.Y); d < nearCorner {
				corner, nearCorner = a, d
			}
			if i == len(ps)-1 && !closed {
				break
			}
			q := nearestOn(p, a, ps[(i+1)%len(ps)])
			if d := math.Hypot(q.X-p.X, q.Y-p.Y); d < nearEdge {
				edge, nearEdge = q, d
			}
		}
	}
	box := annotate.Box{MinX: p.X, MinY: p.Y, MaxX: p.X, MaxY: p.Y}.Grow(reach)
	v.objects.Search(box, func(o *annotate.Object) bool {
		if o.ID != but && v.style.showsWhole(o) {
			chain(o.ROI.Points, false)
			for _, g := range o.ROI.Outline() {
				chain(g.Outer, true)
				for _, h := range g.Holes {
					chain(h, true)
				}
			}
		}
		return looked < mostSnapped
	})
	if nearCorner < reach {
		return corner
	}
	return edge
}

// nearestOn is the point of the edge from a to b that is nearest to p.
func nearestOn(p, a, b annotate.Point) annotate.Point {
	dx, dy := b.X-a.X, b.Y-a.Y
	l := dx*dx + dy*dy
	if l == 0 {
		return a
	}
	t := max(0, min(1, ((p.X-a.X)*dx+(p.Y-a.Y)*dy)/l))
	return annotate.Point{X: a.X + t*dx, Y: a.Y + t*dy}
}

// drawSnap marks the place that a click would snap to.
func (v *Viewer) drawSnap(l *live, p annotate.Point, inside bool) {
	if !v.snapping || !inside || !v.hand.inside {
		return
	}
	x, y := v.view.L0FromS(v.hand.at.x, v.hand.at.y)
	if p == (annotate.Point{X: x, Y: y}) {
		return
	}
	at := l.pixelOf(p)
	r := snapVertex * float64(l.unit) / 2
	l.line(pixel{at.x - r, at.y - r}, pixel{at.x + r, at.y + r}, liveWidth, markColor)
	l.line(pixel{at.x - r, at.y + r}, pixel{at.x + r, at.y - r}, liveWidth, markColor)
}
