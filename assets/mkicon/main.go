// Command mkicon draws the program's icon: a glass slide with stained tissue
// under a cover slip, one cell outlined. It is run by go generate in assets.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"

	"golang.org/x/image/vector"
)

const side = 256 // pixels of the icon

func main() {
	out := flag.String("out", "icon.png", "file to write")
	flag.Parse()
	b, err := encode(drawIcon())
	if err == nil {
		err = os.WriteFile(*out, b, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mkicon:", err)
		os.Exit(1)
	}
}

// encode writes the PNG as small as Go's encoder can.
func encode(img image.Image) ([]byte, error) {
	var buf bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&buf, img); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

type point struct{ x, y float64 }

// shape fills the closed line through the points.
func shape(dst draw.Image, c color.NRGBA, pts ...point) {
	r := vector.NewRasterizer(side, side)
	for i, p := range pts {
		if i == 0 {
			r.MoveTo(float32(p.x), float32(p.y))
		} else {
			r.LineTo(float32(p.x), float32(p.y))
		}
	}
	r.ClosePath()
	r.Draw(dst, dst.Bounds(), image.NewUniform(c), image.Point{})
}

// blob is a closed wavy line around a centre.
func blob(cx, cy, rx, ry, wave, phase float64) []point {
	pts := make([]point, 0, 96)
	for i := range 96 {
		t := 2 * math.Pi * float64(i) / 96
		k := 1 + wave*math.Cos(3*t+phase) + wave/2*math.Sin(5*t+phase)
		pts = append(pts, point{cx + rx*k*math.Cos(t), cy + ry*k*math.Sin(t)})
	}
	return pts
}

// roundRect is a rectangle with corners of radius r.
func roundRect(x, y, w, h, r float64) []point {
	var pts []point
	for q := range 4 {
		cx := []float64{x + w - r, x + r, x + r, x + w - r}[q]
		cy := []float64{y + h - r, y + h - r, y + r, y + r}[q]
		for i := 0; i <= 12; i++ {
			t := math.Pi/2*float64(q) + math.Pi/2*float64(i)/12
			pts = append(pts, point{cx + r*math.Cos(t), cy + r*math.Sin(t)})
		}
	}
	return pts
}

// ring strokes a closed line of the given width, with round joins.
func ring(dst draw.Image, c color.NRGBA, pts []point, width float64) {
	for i, p := range pts {
		q := pts[(i+1)%len(pts)]
		dx, dy := q.x-p.x, q.y-p.y
		l := math.Hypot(dx, dy)
		if l == 0 {
			continue
		}
		nx, ny := -dy/l*width/2, dx/l*width/2
		shape(dst, c, point{p.x + nx, p.y + ny}, point{q.x + nx, q.y + ny}, point{q.x - nx, q.y - ny}, point{p.x - nx, p.y - ny})
	}
	for _, p := range pts {
		shape(dst, c, blob(p.x, p.y, width/2, width/2, 0, 0)...)
	}
}

// drawIcon is the whole picture; it is pure, so a test compares it with the file.
func drawIcon() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	shape(img, color.NRGBA{0x26, 0x27, 0x2a, 255}, roundRect(8, 8, 240, 240, 52)...)
	shape(img, color.NRGBA{0xf4, 0xf5, 0xf6, 255}, roundRect(34, 62, 188, 132, 12)...)
	shape(img, color.NRGBA{0xd5, 0xd8, 0xdd, 255}, roundRect(34, 62, 34, 132, 12)...)
	shape(img, color.NRGBA{0xd5, 0xd8, 0xdd, 255}, roundRect(56, 62, 12, 132, 0.1)...)
	shape(img, color.NRGBA{0xe7, 0xa6, 0xc6, 255}, blob(146, 128, 62, 50, 0.07, 0.6)...)
	for i := range 15 {
		t := float64(i) * 2.39996
		r := 5 + 11.2*math.Sqrt(float64(i))
		shape(img, color.NRGBA{0x6c, 0x45, 0x9c, 255}, blob(146+r*math.Cos(t)*1.12, 128+r*math.Sin(t)*0.85, 6.5, 5, 0.08, t)...)
	}
	ring(img, color.NRGBA{0x2e, 0x74, 0xbe, 255}, blob(160, 120, 36, 30, 0.06, 2), 7)
	return img
}
