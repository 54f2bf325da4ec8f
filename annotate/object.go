package annotate

import "time"

// ObjectKind tells who drew an object.
type ObjectKind uint8

// The kinds of object. The numbers are written to disk and never change.
const (
	Annotation ObjectKind = 1 // drawn by a person, or imported as such
	Detection  ObjectKind = 2 // proposed by a machine
)

// Object is one label of a slide: a shape, its class, and who says so and why.
type Object struct {
	ID      ID
	Kind    ObjectKind
	ROI     ROI
	Class   ID // zero: not classified
	Name    string
	Notes   string
	Locked  bool
	Created time.Time // UTC
	Changed time.Time // UTC
	By      Provenance
	Review  Review            // a person's decision on a detection
	Meta    map[string]string // attributes of other programs, kept on export
}

// Provenance is who or which model made a label, and why.
type Provenance struct {
	Author    string  // the person; for a detection the person who asked for it
	Model     string  // the encoder's name; "" for a person's own label
	ModelHash string  // sha256 of the model, hex; "" for a person's own label
	Untrained bool    // the model's weights are random: shown wherever the label is
	Method    string  // "manual", "simpleshot", "logistic", "import:geojson", ...
	Score     float64 // probability 0..1 the method gave the class; 0 for a person
	Margin    float64 // score less the runner-up's score, 0..1
	Why       string  // one sentence for people: what the score rests on
	Nearest   []ID    // the labels that spoke most for this class, nearest first
	Params    string  // what is needed to repeat it: "mpp=0.5 patch=224 labels=18 seed=1"
}

// Decision is a person's word on a suggestion.
type Decision uint8

// The decisions. The numbers are written to disk and never change.
const (
	Undecided Decision = 0
	Accepted  Decision = 1
	Rejected  Decision = 2
	Reclassed Decision = 3 // accepted with another class; Review.Was is the model's
)

// Review is the decision on a detection.
type Review struct {
	Decision Decision
	By       string    // the person
	At       time.Time // UTC
	Was      ID        // the class the model proposed
}

// IsSuggestion tells whether the object waits for a person's decision.
func (o *Object) IsSuggestion() bool {
	return o.Kind == Detection && o.Review.Decision == Undecided
}

// IsLabel tells whether the object counts as a label: a person's annotation, or
// a detection that a person took over.
func (o *Object) IsLabel() bool {
	return o.Kind == Annotation ||
		o.Review.Decision == Accepted || o.Review.Decision == Reclassed
}
