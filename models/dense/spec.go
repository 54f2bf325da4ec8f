package dense

import (
	"errors"
	"fmt"
	"slices"
)

// Kind is what a model says of a pixel.
type Kind string

// Kinds of dense models.
const (
	Classes Kind = "classes" // which class it is
	Star    Kind = "star"    // how likely it is in an object, and the distances to its border
)

// Activation is what makes probabilities of a model's numbers.
type Activation string

// Activations.
const (
	Softmax Activation = "softmax" // over the channels
	Sigmoid Activation = "sigmoid" // each channel by itself
	None    Activation = "none"    // they are probabilities
)

// Spec says how a dense model is to be read: the key "dense" of coverslip.json.
type Spec struct {
	Kind         Kind       `json:"kind"`
	Classes      []string   `json:"classes,omitempty"`       // names by channel; of a star model by channel of class_output
	Background   *int       `json:"background,omitempty"`    // the channel that is nothing; default 0 of several, none of one
	Activation   Activation `json:"activation,omitempty"`    // default softmax of several channels, sigmoid of one; of a star model none
	Threshold    float64    `json:"threshold,omitempty"`     // least probability; default 0.5, of softmax 0: the likeliest
	Margin       int        `json:"margin,omitempty"`        // pixels from a tile's border that are not trusted; default from the graph
	Multiple     int        `json:"multiple,omitempty"`      // tiles begin at multiples of so many pixels; default from the graph
	Output       string     `json:"output,omitempty"`        // of classes, or of star's probabilities; default the only one that fits
	DistOutput   string     `json:"dist_output,omitempty"`   // of star: distances, a channel a ray
	ClassOutput  string     `json:"class_output,omitempty"`  // of star: classes; default none
	Overlap      float64    `json:"overlap,omitempty"`       // of star: of two objects that share more of the smaller one the likelier stays; default 0.4
	LeastArea    float64    `json:"least_area,omitempty"`    // pixels of the model; smaller objects and holes are left out; default 16
	ChannelsLast bool       `json:"channels_last,omitempty"` // of outputs, as TensorFlow writes them
}

// Bounds of a Spec.
const (
	maxClasses   = 255
	maxMargin    = 2048
	defOverlap   = 0.4
	defThreshold = 0.5
	defLeastArea = 16
)

// Check refuses what cannot be.
func (s *Spec) Check() error {
	switch {
	case s.Kind != Classes && s.Kind != Star:
		return fmt.Errorf("kind is %q, not %s or %s", s.Kind, Classes, Star)
	case s.Activation != "" && !slices.Contains([]Activation{Softmax, Sigmoid, None}, s.Activation):
		return fmt.Errorf("activation is %q, not softmax, sigmoid or none", s.Activation)
	case len(s.Classes) > maxClasses:
		return fmt.Errorf("%d classes, at most %d", len(s.Classes), maxClasses)
	case s.Background != nil && (*s.Background < -1 || *s.Background >= maxClasses):
		return fmt.Errorf("background is channel %d", *s.Background)
	case !(s.Threshold >= 0 && s.Threshold < 1) || !(s.Overlap >= 0 && s.Overlap <= 1):
		return fmt.Errorf("threshold %g and overlap %g must be 0 to 1", s.Threshold, s.Overlap)
	case s.Margin < 0 || s.Margin > maxMargin || s.Multiple < 0 || s.Multiple > maxMargin:
		return fmt.Errorf("margin %d and multiple %d must be 0 to %d", s.Margin, s.Multiple, maxMargin)
	case !(s.LeastArea >= 0 && s.LeastArea < 1e12):
		return fmt.Errorf("least_area is %g", s.LeastArea)
	case s.Kind == Star && (s.Output == "") != (s.DistOutput == ""):
		return errors.New("a star model has output and dist_output, or neither")
	}
	return nil
}

// filled is s with its defaults, for a model of so many channels.
func (s Spec) filled(channels int) Spec {
	if s.Activation == "" {
		switch {
		case s.Kind == Star:
			s.Activation = None
		case channels > 1:
			s.Activation = Softmax
		default:
			s.Activation = Sigmoid
		}
	}
	if s.Background == nil {
		nothing := -1
		if channels > 1 && s.Kind == Classes {
			nothing = 0
		}
		s.Background = &nothing
	}
	if s.Threshold == 0 && !(s.Kind == Classes && s.Activation == Softmax) {
		s.Threshold = defThreshold
	}
	if s.Overlap == 0 {
		s.Overlap = defOverlap
	}
	if s.LeastArea == 0 {
		s.LeastArea = defLeastArea
	}
	for len(s.Classes) < channels {
		s.Classes = append(slices.Clip(s.Classes), fmt.Sprintf("class %d", len(s.Classes)))
	}
	return s
}

// ID is the reading in a line, for the provenance of what it finds.
func (s Spec) ID() string {
	text := fmt.Sprintf("kind=%s activation=%s threshold=%g least-area=%g", s.Kind, s.Activation, s.Threshold, s.LeastArea)
	if s.Kind == Star {
		text += fmt.Sprintf(" overlap=%g", s.Overlap)
	}
	return text
}
