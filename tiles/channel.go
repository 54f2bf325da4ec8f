package tiles

import (
	"fmt"
	"image/color"
	"strings"
)

// maxShown is the number of channels that are drawn when nothing is asked: more
// colours than these are not told apart in one picture.
const maxShown = 7

// Colours of channels. They differ in lightness as well as in hue, so that two
// of them stay apart for eyes that see less of red or green; a pure blue is too
// dark on black to show detail.
var (
	channelBlue    = color.RGBA{R: 64, G: 112, B: 255, A: 255}
	channelGreen   = color.RGBA{R: 0, G: 220, B: 90, A: 255}
	channelMagenta = color.RGBA{R: 255, G: 60, B: 220, A: 255}
	channelYellow  = color.RGBA{R: 255, G: 215, B: 0, A: 255}
	channelCyan    = color.RGBA{R: 0, G: 200, B: 255, A: 255}
	channelOrange  = color.RGBA{R: 255, G: 130, B: 0, A: 255}
	channelRed     = color.RGBA{R: 255, G: 70, B: 70, A: 255}
	channelWhite   = color.RGBA{R: 255, G: 255, B: 255, A: 255}
)

// seriesColor is the colour of the i-th channel that nothing else is known of.
func seriesColor(i int) color.RGBA {
	series := [...]color.RGBA{channelBlue, channelGreen, channelMagenta, channelYellow, channelCyan, channelOrange, channelRed}
	return series[((i%len(series))+len(series))%len(series)]
}

// ChannelColor is the colour to draw a channel in when the file does not say:
// the usual one of a dye that the name contains, else the one of the emitted
// light (nm, 0 when unknown), else the i-th of a fixed series.
func ChannelColor(name string, emission float64, i int) color.RGBA {
	if autofluorescence(name) {
		return color.RGBA{R: 160, G: 160, B: 160, A: 255}
	}
	plain := strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(name))
	for _, d := range [...]struct {
		names []string
		color color.RGBA
	}{
		{[]string{"dapi", "hoechst", "coumarin", "pacificblue", "brightfieldblue"}, channelBlue},
		{[]string{"fitc", "gfp", "alexa488", "alexafluor488", "af488", "opal520", "cy2"}, channelGreen},
		{[]string{"yfp", "opal540", "alexa532", "alexafluor532", "af532"}, channelYellow},
		{[]string{"cy3", "tritc", "rhodamine", "alexa555", "alexafluor555", "af555", "opal570", "dsred", "tdtomato", "opal620"}, channelOrange},
		{[]string{"texasred", "txred", "mcherry", "alexa594", "alexafluor594", "af594", "propidium", "opal650"}, channelRed},
		{[]string{"cy5", "alexa647", "alexafluor647", "af647", "opal690", "apc"}, channelMagenta},
		{[]string{"cfp", "opal480", "opalpolaris480"}, channelCyan},
		{[]string{"cy7", "alexa750", "alexafluor750", "af750", "opal780", "opalpolaris780", "brightfield", "transmitted"}, channelWhite},
	} {
		for _, n := range d.names {
			if strings.Contains(plain, n) {
				return d.color
			}
		}
	}
	switch {
	case emission <= 0:
		return seriesColor(i)
	case emission < 475:
		return channelBlue
	case emission < 500:
		return channelCyan
	case emission < 540:
		return channelGreen
	case emission < 575:
		return channelYellow
	case emission < 605:
		return channelOrange
	case emission < 645:
		return channelRed
	case emission < 730:
		return channelMagenta
	}
	return channelWhite
}

// autofluorescence says whether a channel is there to be subtracted from others:
// drawn with them it hides them.
func autofluorescence(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	return name == "af" || name == "sample af" || strings.HasPrefix(name, "autofluor")
}

// CompleteChannels fills in what the file did not say: names "Channel 1", ...,
// colours, gamma, that autofluorescence is not drawn, and the full range as the window of samples of up to eight
// bits. A slide's only channel is drawn in white unless its file gives a colour.
func CompleteChannels(channels []Channel) {
	for i := range channels {
		c := &channels[i]
		if c.Name == "" {
			c.Name = fmt.Sprintf("Channel %d", i+1)
		}
		if c.Bits < 1 || c.Bits > 32 {
			c.Bits = 32
		}
		switch {
		case c.Color.A != 0:
			c.Color.A = 255
		case len(channels) == 1:
			c.Color = channelWhite
		default:
			c.Color = ChannelColor(c.Name, c.Emission, i)
		}
		if len(channels) > 1 && autofluorescence(c.Name) {
			c.Hidden = true
		}
		if !(c.Gamma > 0) {
			c.Gamma = 1
		}
		if c.Low == c.High && !c.Float && c.Bits <= 8 {
			c.Low, c.High = 0, float64(int(1)<<c.Bits-1)
		}
	}
}

// ChannelNames lists the names of channels, for Info.Channels.
func ChannelNames(channels []Channel) []string {
	out := make([]string, len(channels))
	for i, c := range channels {
		out[i] = c.Name
	}
	return out
}

// wide says whether the channel's samples need Float32.
func (c *Channel) wide() bool { return c.Float || c.Bits > 16 }

// Raster makes room for w×h samples of the channel.
func (c *Channel) Raster(w, h int) *Raster {
	r := &Raster{Width: w, Height: h}
	if c.wide() {
		r.Float32 = make([]float32, w*h)
	} else {
		r.Uint16 = make([]uint16, w*h)
	}
	return r
}

// Check says why a plane is not one of the stack, nil when it is.
func (s *Stack) Check(p Plane) error {
	switch {
	case p.Channel < 0 || p.Channel >= max(1, len(s.Channels)):
		return fmt.Errorf("no channel %d: the slide has %d", p.Channel, max(1, len(s.Channels)))
	case p.Z < 0 || p.Z >= s.Z:
		return fmt.Errorf("no focal plane %d: the slide has %d", p.Z, s.Z)
	case p.T < 0 || p.T >= s.T:
		return fmt.Errorf("no time point %d: the slide has %d", p.T, s.T)
	}
	return nil
}
