package tiles

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Choice says what of a slide of several planes is drawn where that is not what
// DefaultDisplay says; the zero value changes nothing.
type Choice struct {
	Channels []string              // those to draw, by name or by number from 0; empty: as by default
	Z, T     *int                  // focal plane and time point, from 0; nil: as by default
	Windows  map[string][2]float64 // of channels by name or number: values drawn as black and as the full colour
}

// IsZero says whether nothing is chosen.
func (c Choice) IsZero() bool {
	return len(c.Channels) == 0 && c.Z == nil && c.T == nil && len(c.Windows) == 0
}

// Display is DefaultDisplay of a stack with what was chosen. It is an error when
// the stack does not have it.
func (c Choice) Display(st *Stack) (Display, error) {
	d := DefaultDisplay(st)
	for _, n := range []struct {
		from *int
		to   *int
	}{{c.Z, &d.Z}, {c.T, &d.T}} {
		if n.from != nil {
			*n.to = *n.from
		}
	}
	if err := st.Check(Plane{Z: d.Z, T: d.T}); err != nil {
		return d, err
	}
	if len(c.Channels) > 0 {
		for i := range d.Channels {
			d.Channels[i].Hidden = true
		}
	}
	for _, name := range c.Channels {
		i, err := st.Find(name)
		if err != nil {
			return d, err
		}
		d.Channels[i].Hidden = false
	}
	for name, w := range c.Windows {
		i, err := st.Find(name)
		if err != nil {
			return d, err
		}
		d.Channels[i].Low, d.Channels[i].High = w[0], w[1]
	}
	return d, nil
}

// Of is s drawn as chosen. With nothing chosen it is s itself; it is an error to
// choose from a slide that has one picture of each tile.
func (c Choice) Of(s Slide) (Slide, error) {
	if c.IsZero() {
		return s, nil
	}
	p, ok := s.(Planar)
	if !ok {
		return nil, fmt.Errorf("the slide is one picture in colour: it has no channels, focal planes or time points to choose from")
	}
	d, err := c.Display(p.Stack())
	if err != nil {
		return nil, err
	}
	return NewView(p, d)
}

// String is the choice in words, always the same for the same choice.
func (c Choice) String() string {
	var parts []string
	if len(c.Channels) > 0 {
		parts = append(parts, "channels="+strings.Join(c.Channels, ","))
	}
	if c.Z != nil {
		parts = append(parts, fmt.Sprintf("z=%d", *c.Z))
	}
	if c.T != nil {
		parts = append(parts, fmt.Sprintf("t=%d", *c.T))
	}
	var windows []string
	for name, w := range c.Windows {
		windows = append(windows, fmt.Sprintf("window %s=%g:%g", name, w[0], w[1]))
	}
	slices.Sort(windows)
	return strings.Join(append(parts, windows...), " ")
}

// Find is the number of a channel that is called by its name, in either case, or
// by its number from 0.
func (s *Stack) Find(name string) (int, error) {
	name = strings.TrimSpace(name)
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for i, c := range s.Channels {
			if same(c.Name, name) {
				return i, nil
			}
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(s.Channels) {
		return i, nil
	}
	if len(s.Channels) == 0 {
		return 0, fmt.Errorf("no channel %q: the slide is in colour", name)
	}
	return 0, fmt.Errorf("no channel %q: the slide has %s", name, strings.Join(ChannelNames(s.Channels), ", "))
}
