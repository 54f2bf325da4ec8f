package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"coverslip/tiles"
)

// planesFlags choose what of a slide of several planes is drawn.
type planesFlags struct{ choice *tiles.Choice }

// declarePlanes declares --channel, --channels, --z, --t and --window, which are
// written into choice.
func declarePlanes(f *flag.FlagSet, choice *tiles.Choice) *planesFlags {
	p := &planesFlags{choice}
	add := func(text string) error {
		for _, name := range strings.Split(text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				p.choice.Channels = append(p.choice.Channels, name)
			}
		}
		return nil
	}
	f.Func("channels", "`NAMES` or numbers from 0 of the channels to draw, with commas between (default: as the window does)", add)
	f.Func("channel", "`NAME` or number of a channel to draw; may be given again", func(text string) error {
		p.choice.Channels = append(p.choice.Channels, strings.TrimSpace(text))
		return nil
	})
	plane := func(to **int) func(string) error {
		return func(text string) error {
			v, err := strconv.Atoi(text)
			if err != nil || v < 0 {
				return fmt.Errorf("%q is no number from 0 on", text)
			}
			*to = &v
			return nil
		}
	}
	f.Func("z", "`N` of the focal plane, from 0 (default: the one in best focus)", plane(&p.choice.Z))
	f.Func("t", "`N` of the time point, from 0", plane(&p.choice.T))
	f.Func("window", "`C=LOW:HIGH`: sample values of channel C drawn as black and as its full colour; may be given again (default: the file's, else found from the pixels)", p.window)
	return p
}

// window reads C=LOW:HIGH; C may hold an equals sign.
func (p *planesFlags) window(text string) error {
	wrong := fmt.Errorf("%q is not C=LOW:HIGH", text)
	i := strings.LastIndexByte(text, '=')
	if i < 1 {
		return wrong
	}
	low, high, ok := strings.Cut(text[i+1:], ":")
	if !ok {
		return wrong
	}
	a, errA := strconv.ParseFloat(strings.TrimSpace(low), 64)
	b, errB := strconv.ParseFloat(strings.TrimSpace(high), 64)
	if d := b - a; errA != nil || errB != nil || d == 0 || math.IsNaN(d) || math.IsInf(d, 0) {
		return wrong
	}
	if p.choice.Windows == nil {
		p.choice.Windows = map[string][2]float64{}
	}
	p.choice.Windows[strings.TrimSpace(text[:i])] = [2]float64{a, b}
	return nil
}

// of is the slide drawn as chosen.
func (p *planesFlags) of(path string, s tiles.Slide) (tiles.Slide, error) {
	drawn, err := p.choice.Of(s)
	if err != nil {
		return nil, wrongUsage("%s: %v", path, err)
	}
	return drawn, nil
}

// channelJSON is a channel in the JSON of info.
type channelJSON struct {
	Name       string   `json:"name"`
	Color      string   `json:"color"` // "#rrggbb"
	Bits       int      `json:"bits"`
	Type       string   `json:"type"`       // "uint" or "float"
	Low        *float64 `json:"windowLow"`  // what is drawn as black; null when it could not be found
	High       *float64 `json:"windowHigh"` // what is drawn in the full colour
	WindowFrom string   `json:"windowFrom"` // "file" or "pixels"
	Shown      bool     `json:"shown"`      // by default
	Excitation *float64 `json:"excitation"` // nm; null when the file does not say
	Emission   *float64 `json:"emission"`   // nm
}

// planesOf adds to the description of a slide its channels, focal planes and time
// points. Windows that the file does not give are found from pixels.
func (j *infoJSON) planesOf(ctx context.Context, s tiles.Slide) {
	j.ChannelDetails, j.Times = []channelJSON{}, 1
	p, ok := s.(tiles.Planar)
	if !ok {
		return
	}
	st := p.Stack()
	j.Times, j.DefaultZ = st.T, st.DefaultZ
	d := tiles.DefaultDisplay(st)
	for i, c := range st.Channels {
		out := channelJSON{Name: c.Name, Color: fmt.Sprintf("#%02x%02x%02x", c.Color.R, c.Color.G, c.Color.B), Bits: c.Bits, Type: "uint",
			WindowFrom: "file", Shown: !d.Channels[i].Hidden, Excitation: known(c.Excitation), Emission: known(c.Emission)}
		if c.Float {
			out.Type = "float"
		}
		low, high, err := c.Low, c.High, error(nil)
		if low == high {
			out.WindowFrom = "pixels"
			low, high, err = tiles.AutoWindow(ctx, p, tiles.Plane{Channel: i, Z: st.DefaultZ})
		}
		if err == nil {
			out.Low, out.High = &low, &high
		} else {
			j.Warnings = append(j.Warnings, fmt.Sprintf("no window for channel %q: %v", c.Name, err))
		}
		j.ChannelDetails = append(j.ChannelDetails, out)
	}
}

// planesText is planesOf for people.
func (j *infoJSON) planesText(w io.Writer) {
	for i, c := range j.ChannelDetails {
		window := "window unknown"
		if c.Low != nil && c.High != nil {
			window = fmt.Sprintf("window %g to %g (%s)", *c.Low, *c.High, map[string]string{"file": "said by the file", "pixels": "found from the pixels"}[c.WindowFrom])
		}
		kind := "bits"
		if c.Type == "float" {
			kind = "bits, signed or floating-point"
		}
		hidden := ""
		if !c.Shown {
			hidden = ", not shown at first"
		}
		fmt.Fprintf(w, "channel %d: %s, %s, %d %s, %s%s\n", i, c.Name, c.Color, c.Bits, kind, window, hidden)
	}
	if len(j.ZPlanes) > 1 {
		fmt.Fprintf(w, "focal planes: %d, at %v µm; plane %d is shown at first\n", len(j.ZPlanes), j.ZPlanes, j.DefaultZ)
	}
	if j.Times > 1 {
		fmt.Fprintf(w, "time points: %d\n", j.Times)
	}
}
