package main

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/icc"
)

// infoJSON is the JSON of info.
type infoJSON struct {
	Path       string            `json:"path"`
	Vendor     string            `json:"vendor"`
	Format     string            `json:"format"`
	Levels     []levelJSON       `json:"levels"`
	MPPX       *float64          `json:"mppX"` // µm per level-0 pixel; null when the file does not say
	MPPY       *float64          `json:"mppY"`
	MPPFrom    string            `json:"mppFrom"`
	Objective  *float64          `json:"objective"`
	Associated []string          `json:"associated"`
	Properties map[string]string `json:"properties"`
	Channels   []string          `json:"channels"`
	ZPlanes    []float64         `json:"zPlanes"`

	ChannelDetails []channelJSON `json:"channelDetails"` // empty for a slide in colour
	Times          int           `json:"times"`          // time points
	DefaultZ       int           `json:"defaultZ"`       // focal plane shown at first, from 0
	ICC            int           `json:"icc"`            // bytes of the colour profile
	ICCProfile     string        `json:"iccProfile"`     // its name, and what the window does with it
	Fingerprint    string        `json:"fingerprint"`
	Warnings       []string      `json:"warnings"`
}

type levelJSON struct {
	Width      int     `json:"width"`
	Height     int     `json:"height"`
	Downsample float64 `json:"downsample"`
	TileWidth  int     `json:"tileWidth"`
	TileHeight int     `json:"tileHeight"`
}

func infoVerb() verb {
	return verb{
		name: "info", args: "SLIDE", min: 1, max: 1,
		short:   "say what a slide is: levels, scale, properties",
		example: "coverslipctl info --json CMU-1.svs",
		setup: func(f *flag.FlagSet) func(c *call) error {
			how := declareAccess(f)
			return func(c *call) error {
				s, err := c.openSlideBy(c.args[0], how)
				if err != nil {
					return err
				}
				defer s.Close()
				j := describe(c.args[0], s)
				j.planesOf(c.ctx, s)
				return c.result(j, j.text)
			}
		},
	}
}

// describe gathers what info prints.
func describe(path string, s tiles.Slide) infoJSON {
	i := s.Info()
	j := infoJSON{
		Path: path, Vendor: i.Vendor, Format: i.Format,
		MPPX: known(i.MPPX), MPPY: known(i.MPPY), MPPFrom: i.MPPFrom, Objective: known(i.Objective),
		Associated: append([]string{}, i.Associated...), Properties: i.Properties,
		Channels: append([]string{}, i.Channels...), ZPlanes: append([]float64{}, i.ZPlanes...),
		ICC: len(s.ICC()), ICCProfile: profileWords(s), Fingerprint: i.Fingerprint, Warnings: append([]string{}, i.Warnings...),
	}
	if j.Properties == nil {
		j.Properties = map[string]string{}
	}
	for _, l := range s.Levels() {
		j.Levels = append(j.Levels, levelJSON{l.Width, l.Height, l.Downsample, l.TileWidth, l.TileHeight})
	}
	return j
}

// known is a number of the file; nil when it does not say.
func known(v float64) *float64 {
	if v <= 0 {
		return nil
	}
	return &v
}

func (j infoJSON) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s (%s)\n", j.Path, j.Vendor, j.Format)
	scale := "µm per pixel: not said by the file"
	if j.MPPX != nil && j.MPPY != nil {
		scale = fmt.Sprintf("µm per pixel: %g × %g (%s)", *j.MPPX, *j.MPPY, j.MPPFrom)
	}
	fmt.Fprintln(w, scale)
	if j.Objective != nil {
		fmt.Fprintf(w, "objective: %g×\n", *j.Objective)
	}
	for n, l := range j.Levels {
		fmt.Fprintf(w, "level %d: %d × %d, downsample %g, tiles %d × %d\n", n, l.Width, l.Height, l.Downsample, l.TileWidth, l.TileHeight)
	}
	j.planesText(w)
	if len(j.Associated) > 0 {
		fmt.Fprintf(w, "associated images: %s\n", strings.Join(j.Associated, ", "))
	}
	if j.ICC > 0 {
		fmt.Fprintf(w, "colour profile: %s (%d bytes)\n", j.ICCProfile, j.ICC)
	}
	fmt.Fprintf(w, "fingerprint: %s\n", j.Fingerprint)
	for _, text := range j.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
	for _, k := range sortedKeys(j.Properties) {
		fmt.Fprintf(w, "  %s: %s\n", k, oneLine(j.Properties[k]))
	}
}

// profileWords says what the window does with the slide's colour profile.
func profileWords(s tiles.Slide) string {
	if len(s.ICC()) == 0 {
		return ""
	}
	_, colour := icc.Corrected(s)
	return colour.String()
}
