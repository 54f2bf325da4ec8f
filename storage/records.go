package storage

import (
	"encoding/binary"
	"fmt"
	"image/color"
	"math"
	"time"

	"coverslip/annotate"
)

// Slide is one slide of a project: where its file is and what it is known by.
type Slide struct {
	ID            annotate.ID
	Name          string    // what people see; by default the file's name
	Path          string    // as given when it was added or found again
	RelPath       string    // the same from the project's folder, with '/'; "" when there is none
	Fingerprint   string    // of the file's bytes, see tiles.FingerprintOf
	Width, Height int       // level-0 pixels
	MPPX, MPPY    float64   // µm per level-0 pixel; 0 when unknown
	MPPFrom       string    // where the mpp comes from
	Vendor        string    // who made the scanner
	Format        string    // name of the reader
	Objective     float64   // nominal magnification; 0 when unknown
	Case          string    // the case it belongs to; may be empty
	Patient       string    // the patient, as a pseudonym; may be empty
	Notes         string    // a person's remarks
	Added         time.Time // UTC
}

// instant is a time as seconds since 1970 and nanoseconds; empty for no time.
type instant []int64

func toInstant(t time.Time) instant {
	if t.IsZero() {
		return nil
	}
	return instant{t.Unix(), int64(t.Nanosecond())}
}

func (i instant) time() (time.Time, error) {
	if len(i) == 0 {
		return time.Time{}, nil
	}
	if len(i) != 2 || i[1] < 0 || i[1] > 999_999_999 {
		return time.Time{}, fmt.Errorf("time is damaged")
	}
	return time.Unix(i[0], i[1]).UTC(), nil
}

func toBytes(id annotate.ID) []byte {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

func toID(b []byte) (annotate.ID, error) {
	var id annotate.ID
	if len(b) != 0 && len(b) != len(id) {
		return id, fmt.Errorf("identifier of %d bytes", len(b))
	}
	copy(id[:], b)
	return id, nil
}

type objectV1 struct {
	Kind    uint8             `cbor:"1,keyasint"`
	ROI     []byte            `cbor:"2,keyasint"`
	Class   []byte            `cbor:"3,keyasint,omitempty"`
	Name    string            `cbor:"4,keyasint,omitempty"`
	Notes   string            `cbor:"5,keyasint,omitempty"`
	Locked  bool              `cbor:"6,keyasint,omitempty"`
	Created instant           `cbor:"7,keyasint,omitempty"`
	Changed instant           `cbor:"8,keyasint,omitempty"`
	By      *provenanceV1     `cbor:"9,keyasint,omitempty"`
	Review  *reviewV1         `cbor:"10,keyasint,omitempty"`
	Meta    map[string]string `cbor:"11,keyasint,omitempty"`
}

type provenanceV1 struct {
	Author    string   `cbor:"1,keyasint,omitempty"`
	Model     string   `cbor:"2,keyasint,omitempty"`
	ModelHash string   `cbor:"3,keyasint,omitempty"`
	Untrained bool     `cbor:"4,keyasint,omitempty"`
	Method    string   `cbor:"5,keyasint,omitempty"`
	Score     float64  `cbor:"6,keyasint,omitempty"`
	Margin    float64  `cbor:"7,keyasint,omitempty"`
	Why       string   `cbor:"8,keyasint,omitempty"`
	Nearest   [][]byte `cbor:"9,keyasint,omitempty"`
	Params    string   `cbor:"10,keyasint,omitempty"`
}

type reviewV1 struct {
	Decision uint8   `cbor:"1,keyasint,omitempty"`
	By       string  `cbor:"2,keyasint,omitempty"`
	At       instant `cbor:"3,keyasint,omitempty"`
	Was      []byte  `cbor:"4,keyasint,omitempty"`
}

// boxBytes is the length of the bounding box before an object's CBOR: min x,
// min y, max x, max y as little-endian float32, rounded outwards. With it a
// spatial index can be built without decoding.
const boxBytes = 16

// object is the body of an object's value.
func (c *codec) object(o *annotate.Object) ([]byte, error) {
	v := objectV1{Kind: uint8(o.Kind), ROI: encodeROI(o.ROI), Class: toBytes(o.Class), Name: o.Name,
		Notes: o.Notes, Locked: o.Locked, Created: toInstant(o.Created), Changed: toInstant(o.Changed), Meta: o.Meta}
	by := o.By
	p := provenanceV1{Author: by.Author, Model: by.Model, ModelHash: by.ModelHash, Untrained: by.Untrained,
		Method: by.Method, Score: by.Score, Margin: by.Margin, Why: by.Why, Params: by.Params}
	for _, id := range by.Nearest {
		p.Nearest = append(p.Nearest, append([]byte(nil), id[:]...))
	}
	if p.Nearest != nil || !plain(by) {
		v.By = &p
	}
	if r := o.Review; r != (annotate.Review{}) {
		v.Review = &reviewV1{uint8(r.Decision), r.By, toInstant(r.At), toBytes(r.Was)}
	}
	b, err := c.enc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("storage: object %s: %w", o.ID, err)
	}
	return append(boxOf(o.ROI.Bounds()), b...), nil
}

// plain tells whether a provenance without neighbours says nothing.
func plain(p annotate.Provenance) bool {
	return p.Author == "" && p.Model == "" && p.ModelHash == "" && !p.Untrained && p.Method == "" &&
		p.Score == 0 && p.Margin == 0 && p.Why == "" && p.Params == ""
}

func boxOf(b annotate.Box) []byte {
	out := make([]byte, 0, boxBytes)
	for _, v := range []float64{b.MinX, b.MinY} {
		f := float32(v)
		if float64(f) > v {
			f = math.Nextafter32(f, float32(math.Inf(-1)))
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	for _, v := range []float64{b.MaxX, b.MaxY} {
		f := float32(v)
		if float64(f) < v {
			f = math.Nextafter32(f, float32(math.Inf(1)))
		}
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	return out
}

func (c *codec) readObject(id annotate.ID, body []byte) (*annotate.Object, error) {
	if len(body) < boxBytes {
		return nil, fmt.Errorf("value is too short")
	}
	var v objectV1
	if err := c.dec.Unmarshal(body[boxBytes:], &v); err != nil {
		return nil, err
	}
	o := &annotate.Object{ID: id, Kind: annotate.ObjectKind(v.Kind), Name: v.Name, Notes: v.Notes,
		Locked: v.Locked}
	if len(v.Meta) > 0 {
		o.Meta = v.Meta
	}
	var err error
	if o.ROI, err = decodeROI(v.ROI); err != nil {
		return nil, err
	}
	if o.Class, err = toID(v.Class); err != nil {
		return nil, err
	}
	if o.Created, err = v.Created.time(); err != nil {
		return nil, err
	}
	if o.Changed, err = v.Changed.time(); err != nil {
		return nil, err
	}
	if p := v.By; p != nil {
		o.By = annotate.Provenance{Author: p.Author, Model: p.Model, ModelHash: p.ModelHash, Untrained: p.Untrained,
			Method: p.Method, Score: p.Score, Margin: p.Margin, Why: p.Why, Params: p.Params}
		for _, b := range p.Nearest {
			n, err := toID(b)
			if err != nil {
				return nil, err
			}
			o.By.Nearest = append(o.By.Nearest, n)
		}
	}
	if r := v.Review; r != nil {
		o.Review = annotate.Review{Decision: annotate.Decision(r.Decision), By: r.By}
		if o.Review.At, err = r.At.time(); err != nil {
			return nil, err
		}
		if o.Review.Was, err = toID(r.Was); err != nil {
			return nil, err
		}
	}
	return o, nil
}

type classV1 struct {
	Name    string `cbor:"1,keyasint"`
	Color   uint32 `cbor:"2,keyasint"` // 0xRRGGBBAA
	Key     string `cbor:"3,keyasint,omitempty"`
	Parent  []byte `cbor:"4,keyasint,omitempty"`
	Code    string `cbor:"5,keyasint,omitempty"`
	Retired bool   `cbor:"6,keyasint,omitempty"`
	Order   uint64 `cbor:"7,keyasint,omitempty"` // place in the palette
}

func (c *codec) class(k *annotate.Class, order uint64) ([]byte, error) {
	n := k.Color
	return c.enc.Marshal(classV1{Name: k.Name, Key: k.Key, Parent: toBytes(k.Parent), Code: k.Code, Retired: k.Retired,
		Order: order, Color: uint32(n.R)<<24 | uint32(n.G)<<16 | uint32(n.B)<<8 | uint32(n.A)})
}

func (c *codec) readClass(id annotate.ID, body []byte) (*annotate.Class, uint64, error) {
	var v classV1
	if err := c.dec.Unmarshal(body, &v); err != nil {
		return nil, 0, err
	}
	parent, err := toID(v.Parent)
	if err != nil {
		return nil, 0, err
	}
	return &annotate.Class{ID: id, Name: v.Name, Key: v.Key, Parent: parent, Code: v.Code, Retired: v.Retired,
		Color: color.NRGBA{R: uint8(v.Color >> 24), G: uint8(v.Color >> 16), B: uint8(v.Color >> 8), A: uint8(v.Color)}}, v.Order, nil
}

type slideV1 struct {
	Name        string  `cbor:"1,keyasint,omitempty"`
	Path        string  `cbor:"2,keyasint,omitempty"`
	RelPath     string  `cbor:"3,keyasint,omitempty"`
	Fingerprint string  `cbor:"4,keyasint,omitempty"`
	Width       int     `cbor:"5,keyasint,omitempty"`
	Height      int     `cbor:"6,keyasint,omitempty"`
	MPPX        float64 `cbor:"7,keyasint,omitempty"`
	MPPY        float64 `cbor:"8,keyasint,omitempty"`
	MPPFrom     string  `cbor:"9,keyasint,omitempty"`
	Vendor      string  `cbor:"10,keyasint,omitempty"`
	Format      string  `cbor:"11,keyasint,omitempty"`
	Objective   float64 `cbor:"12,keyasint,omitempty"`
	Case        string  `cbor:"13,keyasint,omitempty"`
	Patient     string  `cbor:"14,keyasint,omitempty"`
	Notes       string  `cbor:"15,keyasint,omitempty"`
	Added       instant `cbor:"16,keyasint,omitempty"`
}

func (c *codec) slide(s Slide) ([]byte, error) {
	return c.enc.Marshal(slideV1{s.Name, s.Path, s.RelPath, s.Fingerprint, s.Width, s.Height, s.MPPX, s.MPPY,
		s.MPPFrom, s.Vendor, s.Format, s.Objective, s.Case, s.Patient, s.Notes, toInstant(s.Added)})
}

func (c *codec) readSlide(id annotate.ID, body []byte) (Slide, error) {
	var v slideV1
	if err := c.dec.Unmarshal(body, &v); err != nil {
		return Slide{}, err
	}
	added, err := v.Added.time()
	if err != nil {
		return Slide{}, err
	}
	return Slide{id, v.Name, v.Path, v.RelPath, v.Fingerprint, v.Width, v.Height, v.MPPX, v.MPPY,
		v.MPPFrom, v.Vendor, v.Format, v.Objective, v.Case, v.Patient, v.Notes, added}, nil
}
