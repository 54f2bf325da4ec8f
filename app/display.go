package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"strings"

	"coverslip/annotate"
	"coverslip/tiles"
)

// Planar is the slide as one of channels, focal planes or time points; nil for an
// ordinary one.
func (o *OpenSlide) Planar() tiles.Planar {
	if o.view == nil {
		return nil
	}
	return o.view.Source()
}

// Asked is what was asked to be shown: Display without reading pixels, in which
// windows that are to be found are empty.
func (o *OpenSlide) Asked() tiles.Display {
	if o.view == nil {
		return tiles.Display{}
	}
	return o.view.Display()
}

// Display says what of a slide of several planes is shown. Windows that were
// asked to be found are found, which may read pixels. The zero value for an
// ordinary slide.
func (o *OpenSlide) Display(ctx context.Context) (tiles.Display, error) {
	if o.view == nil {
		return tiles.Display{}, nil
	}
	return o.view.Resolved(ctx)
}

// Plane is the focal plane and the time point that are shown.
func (o *OpenSlide) Plane() (z, t int) {
	d := o.Asked()
	return d.Z, d.T
}

// SetDisplay shows other planes of an open slide, or the same in another
// way, and returns the slide with its new Loader; what was decoded is not decoded
// again. Labels belong to the slide as a whole and stay. What is shown is kept
// with the project when the slide is closed. It is an error when the slide was
// closed meanwhile (ErrNoSlide) or has no such planes.
func (s *Session) SetDisplay(slide annotate.ID, d tiles.Display) (*OpenSlide, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	was := s.Opened(slide)
	if was == nil || was.view == nil {
		return nil, fmt.Errorf("slide %s: %w", slide, ErrNoSlide)
	}
	view, err := was.view.With(d)
	if err != nil {
		return nil, err
	}
	now := *was
	now.view = view
	shown, colour := s.shown(scaled(view, was.Item.Slide))
	now.Colour = colour
	return s.redraw(was, &now, tiles.Halved(tiles.Filled(shown)))
}

// view is the slide drawn as the project remembers, or by default; nil for an
// ordinary slide.
func (s *Session) viewOf(slide annotate.ID, t tiles.Slide) (*tiles.View, error) {
	p, ok := t.(tiles.Planar)
	if !ok {
		return nil, nil
	}
	if text, ok := s.Setting(displaySetting(slide)); ok {
		// What does not fit any more, or was kept by another version, is forgotten.
		if d, err := parseDisplay(text, p.Stack()); err == nil {
			if v, err := tiles.NewView(p, d); err == nil {
				return v, nil
			}
		}
	}
	return tiles.NewView(p, tiles.DefaultDisplay(p.Stack()))
}

// keepDisplay keeps what is shown of a slide that is being closed.
func (s *Session) keepDisplay(o *OpenSlide) error {
	if o == nil || o.view == nil || s.ReadOnly() {
		return nil
	}
	text, err := formatDisplay(o.view.Display())
	if err != nil {
		return err
	}
	usual, err := formatDisplay(tiles.DefaultDisplay(o.view.Source().Stack()))
	if err != nil {
		return err
	}
	was, kept := s.Setting(displaySetting(o.Item.ID))
	if text == was || !kept && text == usual {
		return nil
	}
	return s.SetSetting(displaySetting(o.Item.ID), text)
}

func displaySetting(slide annotate.ID) string { return "display." + slide.String() }

// displayJSON is the form in which a display is kept.
type displayJSON struct {
	Z        int               `json:"z"`
	T        int               `json:"t"`
	Channels []channelViewJSON `json:"channels,omitempty"`
}

type channelViewJSON struct {
	Hidden bool    `json:"hidden,omitempty"`
	Color  string  `json:"color"` // "#rrggbb"
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Gamma  float64 `json:"gamma"`
}

func formatDisplay(d tiles.Display) (string, error) {
	j := displayJSON{Z: d.Z, T: d.T}
	for _, c := range d.Channels {
		j.Channels = append(j.Channels, channelViewJSON{c.Hidden, fmt.Sprintf("#%02x%02x%02x", c.Color.R, c.Color.G, c.Color.B), c.Low, c.High, c.Gamma})
	}
	b, err := json.Marshal(j)
	return string(b), err
}

func parseDisplay(text string, st *tiles.Stack) (tiles.Display, error) {
	var j displayJSON
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return tiles.Display{}, err
	}
	if len(j.Channels) != len(st.Channels) {
		return tiles.Display{}, errors.New("another number of channels")
	}
	d := tiles.Display{Z: j.Z, T: j.T}
	for _, c := range j.Channels {
		v := tiles.ChannelView{Hidden: c.Hidden, Low: c.Low, High: c.High, Gamma: c.Gamma, Color: color.RGBA{A: 255}}
		if n, err := fmt.Sscanf(c.Color, "#%02x%02x%02x", &v.Color.R, &v.Color.G, &v.Color.B); n != 3 {
			return d, err
		}
		d.Channels = append(d.Channels, v)
	}
	return d, nil
}

// seen is a slide with the pixels that a model or an export is to see.
type seen struct {
	tiles.Slide
	pixels string // what was done to their colours: "" nothing, "srgb" the profile was applied
	key    string // names, in what is kept, that and the planes; "" for what is usual
	planes string // which planes, in words; "" for an ordinary slide
}

// seenBy draws the planes of a slide that are asked for, by default those that
// tiles.DefaultDisplay names, and applies its colour profile when asked.
func seenBy(ctx context.Context, t tiles.Slide, srgb bool, planes tiles.Choice) (seen, error) {
	var text string
	drawn := t
	if p, ok := t.(tiles.Planar); ok {
		d, err := planes.Display(p.Stack())
		if err != nil {
			return seen{}, err
		}
		v, err := tiles.NewView(p, d)
		if err != nil {
			return seen{}, err
		}
		if text, err = planesText(ctx, v); err != nil {
			return seen{}, err
		}
		drawn = v
	} else if !planes.IsZero() {
		if _, err := planes.Of(t); err != nil {
			return seen{}, err
		}
	}
	drawn, pixels := pixelsOf(drawn, srgb)
	return seen{drawn, pixels, keyOf(pixels, planes), text}, nil
}

// keyOf adds to the name of pixels which planes were chosen, in the letters that
// a file name may have.
func keyOf(pixels string, planes tiles.Choice) string {
	if planes.IsZero() {
		return pixels
	}
	sum := sha256.Sum256([]byte(planes.String()))
	key := "planes-" + hex.EncodeToString(sum[:6])
	if pixels != "" {
		key = pixels + "-" + key
	}
	return key
}

// planesText names the planes that a view draws, with the windows of channels.
func planesText(ctx context.Context, v *tiles.View) (string, error) {
	d, err := v.Resolved(ctx)
	if err != nil {
		return "", err
	}
	st := v.Source().Stack()
	var parts, channels []string
	for i, c := range d.Channels {
		if !c.Hidden {
			channels = append(channels, fmt.Sprintf("%s %g-%g", st.Channels[i].Name, c.Low, c.High))
		}
	}
	if len(channels) > 0 {
		parts = append(parts, "channels "+strings.Join(channels, ", "))
	}
	if st.Z > 1 {
		parts = append(parts, fmt.Sprintf("focal plane %d of %d", d.Z+1, st.Z))
	}
	if st.T > 1 {
		parts = append(parts, fmt.Sprintf("time point %d of %d", d.T+1, st.T))
	}
	return strings.Join(parts, "; "), nil
}
