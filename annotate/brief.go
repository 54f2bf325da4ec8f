package annotate

import (
	"math"
	"time"
)

// Brief is what a Set knows of an object at all times, whether or not its shape
// is in memory: enough to count, sort and find objects and to draw small ones.
type Brief struct {
	ID        ID
	Kind      ObjectKind
	Shape     Kind // of the ROI
	Decision  Decision
	Locked    bool
	Untrained bool
	Named     bool // it has a name or notes
	Class     ID
	Box       Box     // of the ROI, level-0 pixels; of an object on disk widened to float32
	Area      float64 // square level-0 pixels; of an object on disk with the 7 digits of a float32
	Author    string
	Score     float64   // as of Provenance; of an object on disk with the 7 digits of a float32
	Margin    float64   // likewise
	Changed   time.Time // when it was changed last, or made; zero: not known
}

// IsSuggestion is IsSuggestion of the object.
func (b *Brief) IsSuggestion() bool { return b.Kind == Detection && b.Decision == Undecided }

// IsLabel is IsLabel of the object.
func (b *Brief) IsLabel() bool {
	return b.Kind == Annotation || b.Decision == Accepted || b.Decision == Reclassed
}

// BriefOf is the brief of an object in memory.
func BriefOf(o *Object) Brief {
	return Brief{ID: o.ID, Kind: o.Kind, Shape: o.ROI.Kind, Decision: o.Review.Decision, Locked: o.Locked,
		Untrained: o.By.Untrained, Named: o.Name != "" || o.Notes != "", Class: o.Class, Box: o.ROI.Bounds(),
		Area: o.ROI.Area(), Author: o.By.Author, Score: o.By.Score, Margin: o.By.Margin, Changed: o.changedAt()}
}

func (o *Object) changedAt() time.Time {
	if o.Changed.IsZero() {
		return o.Created
	}
	return o.Changed
}

// record is a Brief as an Index keeps it: 32 bytes beside identifier and box.
type record struct {
	changed int64 // nanoseconds since 1970; noTime: not known
	version uint32
	author  uint32 // place in Index.authors
	area    float32
	score   float32
	margin  float32
	class   uint16 // place in Index.classes
	flags   uint16
}

const noTime = math.MinInt64

// Bits of record.flags: kind, shape and decision, then what is true or not.
const (
	shapeShift    = 2
	decisionShift = 6
	kindMask      = 1<<shapeShift - 1
	shapeMask     = 1<<(decisionShift-shapeShift) - 1
	decisionMask  = 7
	flagLocked    = 1 << 9
	flagUntrained = 1 << 10
	flagNamed     = 1 << 11
)

func flagsOf(b *Brief) (uint16, bool) {
	if b.Kind > kindMask || b.Shape > shapeMask || b.Decision > decisionMask {
		return 0, false
	}
	f := uint16(b.Kind) | uint16(b.Shape)<<shapeShift | uint16(b.Decision)<<decisionShift
	for _, is := range [...]struct {
		on  bool
		bit uint16
	}{{b.Locked, flagLocked}, {b.Untrained, flagUntrained}, {b.Named, flagNamed}} {
		if is.on {
			f |= is.bit
		}
	}
	return f, true
}

// brief writes the brief of a place of the index into b. Field by field: a Brief
// made anew and then copied would take twice as long, and a view holds thousands.
func (x *Index) brief(at uint32, b *Brief) {
	r, box := &x.records[at], &x.boxes[at]
	b.ID, b.Class, b.Author = x.ids[at], x.classes[r.class], x.authors[r.author]
	b.Kind = ObjectKind(r.flags & kindMask)
	b.Shape = Kind(r.flags >> shapeShift & shapeMask)
	b.Decision = Decision(r.flags >> decisionShift & decisionMask)
	b.Locked, b.Untrained, b.Named = r.flags&flagLocked != 0, r.flags&flagUntrained != 0, r.flags&flagNamed != 0
	b.Box.MinX, b.Box.MinY, b.Box.MaxX, b.Box.MaxY = float64(box[0]), float64(box[1]), float64(box[2]), float64(box[3])
	b.Area, b.Score, b.Margin = float64(r.area), float64(r.score), float64(r.margin)
	b.Changed = time.Time{}
	if r.changed != noTime {
		b.Changed = time.Unix(0, r.changed).UTC()
	}
}
