package window

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"math"
	"sync/atomic"

	"github.com/disintegration/imaging"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/tiles"
)

// cropSide is the side of an object's small picture, pixels.
const cropSide = 112

// cropsKept bounds the small pictures in memory: 50 kB each.
const cropsKept = 400

// crops are small pictures of objects, read in the background.
type crops struct {
	w       *Window
	slide   *app.OpenSlide
	have    map[annotate.ID]*image.RGBA
	order   []annotate.ID // oldest first
	pending map[annotate.ID]bool
	side    int                                  // of a picture, pixels
	room    float64                              // of an object's longer side is shown
	kept    int                                  // pictures at most
	lane    *lane                                // that reads them; nil: the window's
	fresh   atomic.Pointer[map[annotate.ID]bool] // what is still wanted; nil: everything. What is not is not read
}

// want says which pictures are still wanted: a person may go faster than they can
// be read.
func (c *crops) want(ids map[annotate.ID]bool) { c.fresh.Store(&ids) }

func newCrops(w *Window) *crops {
	c := &crops{w: w, side: cropSide, room: 1, kept: cropsKept}
	c.reset(nil)
	return c
}

// reset forgets everything and takes another slide.
func (c *crops) reset(open *app.OpenSlide) {
	c.slide = open
	c.have, c.order, c.pending = map[annotate.ID]*image.RGBA{}, nil, map[annotate.ID]bool{}
}

// get is the picture of an object, nil when it is not there yet; ready is
// called once it is.
func (c *crops) get(o *annotate.Object, ready func()) *image.RGBA {
	if im, ok := c.have[o.ID]; ok {
		return im
	}
	if c.slide == nil || c.pending[o.ID] {
		return nil
	}
	c.pending[o.ID] = true
	open, by := c.slide, c.w.reads
	if c.lane != nil {
		by = c.lane
	}
	by.do(func() {
		if fresh := c.fresh.Load(); fresh != nil && !(*fresh)[o.ID] {
			c.w.post(func() { delete(c.pending, o.ID) })
			return
		}
		im := cropOf(open.Loader.Slide(), o.ROI.Bounds(), c.side, c.room)
		c.w.post(func() {
			if c.slide != open {
				return
			}
			delete(c.pending, o.ID)
			c.have[o.ID] = im
			c.order = append(c.order, o.ID)
			if len(c.order) > c.kept {
				delete(c.have, c.order[0])
				c.order = c.order[1:]
			}
			ready()
		})
	})
	return nil
}

// cropOf reads the square around a box of level-0 pixels, so many times as wide
// as its longer side. What cannot be read stays grey: the viewer tells of a
// damaged slide.
func cropOf(s tiles.Slide, b annotate.Box, pixels int, room float64) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, pixels, pixels))
	draw.Draw(out, out.Rect, image.NewUniform(color.NRGBA{128, 128, 128, 255}), image.Point{}, draw.Src)
	side := max(b.MaxX-b.MinX, b.MaxY-b.MinY, 8) * room
	x, y := (b.MinX+b.MaxX-side)/2, (b.MinY+b.MaxY-side)/2
	levels := s.Levels()
	level := tiles.BestLevel(levels, max(1, side/float64(pixels)))
	n := int(math.Round(side / levels[level].Downsample))
	n = max(1, min(n, 4*pixels))
	part := image.NewRGBA(image.Rect(0, 0, n, n))
	if err := tiles.ReadRegion(context.Background(), s, level, int(x), int(y), part); err != nil {
		return out
	}
	ground := image.NewRGBA(part.Rect)
	draw.Draw(ground, ground.Rect, image.NewUniform(s.Info().Background), image.Point{}, draw.Src)
	draw.Draw(ground, ground.Rect, part, image.Point{}, draw.Over)
	// Averaged, not sampled: a patch of 448 pixels keeps its chromatin at 112. The
	// picture is opaque, so that NRGBA and RGBA hold the same bytes.
	small := imaging.Resize(ground, pixels, pixels, imaging.CatmullRom)
	return &image.RGBA{Pix: small.Pix, Stride: small.Stride, Rect: small.Rect}
}

// thumbSide is the longest side of a slide's thumbnail, pixels.
const thumbSide = 144

// thumbsKept bounds the thumbnails in memory: 60 kB each.
const thumbsKept = 500

// thumbsAhead is how many requests later one is out of date: a few screens full
// of a list that is scrolled.
const thumbsAhead = 120

// thumbs are pictures of whole slides, read in the background.
type thumbs struct {
	w       *Window
	have    map[string]image.Image // by the slide's fingerprint, or its id
	pending map[string]bool
	asked   atomic.Int64 // counts what was asked for
}

func newThumbs(w *Window) *thumbs {
	return &thumbs{w: w, have: map[string]image.Image{}, pending: map[string]bool{}}
}

// get is the thumbnail of a slide, nil when it is not there yet or cannot be
// had; ready is called once it is.
func (t *thumbs) get(item app.SlideItem, ready func()) image.Image {
	key := item.Fingerprint + item.ID.String()
	turn := t.asked.Add(1)
	if im, ok := t.have[key]; ok {
		return im
	}
	s := t.w.session
	if s == nil || item.Missing || t.pending[key] {
		return nil
	}
	t.pending[key] = true
	if len(t.have) >= thumbsKept {
		clear(t.have)
	}
	t.w.thumbReads.do(func() {
		if t.asked.Load()-turn > thumbsAhead { // scrolled past: asked for anew when it is seen again
			t.w.post(func() { delete(t.pending, key) })
			return
		}
		im, err := s.Thumbnail(context.Background(), item.ID, thumbSide)
		t.w.post(func() {
			delete(t.pending, key)
			if err != nil { // opening the slide says why
				t.have[key] = nil
				return
			}
			t.have[key] = im
			ready()
		})
	})
	return nil
}
