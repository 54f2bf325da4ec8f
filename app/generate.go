package app

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"coverslip/annotate"
	"coverslip/models/folder"
	"coverslip/models/generate"
	"coverslip/tiles"
)

// WriteOptions says how a model writes about a patch. The zero value of all but
// Model does as the model says.
type WriteOptions struct {
	Model     string            // folder; "" = the one that suggests
	MPP       float64           // µm a pixel of the patch; 0 takes the model's, else 0.5
	SRGB      bool              // the model sees the slide's colours converted by its profile
	Planes    tiles.Choice      // of a slide of several planes, what the model sees
	Beams     int               //
	MaxLength int               // tokens
	Told      func(text string) // hears the text as it grows, on the goroutine of WriteCaption; may be nil
}

// Written is a text that a network made up about a patch. It is nobody's word:
// only TakeWritten, which a person calls, enters it.
type Written struct {
	generate.Caption
	Slide     annotate.ID  `json:"-"`
	Object    annotate.ID  `json:"-"`   // the object asked about; zero for a place
	Box       annotate.Box `json:"box"` // of the patch, level-0 pixels
	Model     string       `json:"model"`
	ModelHash string       `json:"modelHash"`
	Untrained bool         `json:"untrained,omitempty"`
	License   string       `json:"license,omitempty"`
	Note      string       `json:"note,omitempty"`
	Line      string       `json:"provenance"` // all that is needed to write it again beside the model
}

// WriteCaption has a model write about the patch around a point, or around the
// middle of an object when one is given. Nothing of it is entered. It returns
// models.ErrNoModel when the folder holds no model that writes, and the errors
// of the slide and the model.
func (s *Session) WriteCaption(ctx context.Context, slide, object annotate.ID, at annotate.Point, o WriteOptions, p Progress) (Written, error) {
	if o.Model == "" {
		o.Model = s.ModelFolder()
	}
	item, err := s.Slide(slide)
	if err != nil {
		return Written{}, err
	}
	if !object.IsZero() {
		set, err := s.Objects(slide)
		if err != nil {
			return Written{}, err
		}
		obj := set.Get(object)
		if obj == nil {
			return Written{}, ErrNoObject
		}
		at = obj.ROI.Bounds().Center()
	}
	if _, err := newGrid(item.Slide, defaultPatch, defaultMPP); err != nil {
		return Written{}, err
	}
	if at.X < 0 || at.Y < 0 || at.X >= float64(item.Width) || at.Y >= float64(item.Height) {
		return Written{}, fmt.Errorf("the point %.0f, %.0f lies beside the slide", at.X, at.Y)
	}
	p.report("Opening the model", 0, 0)
	engine, err := s.Engine()
	if err != nil {
		return Written{}, err
	}
	c, err := folder.OpenCaptioner(engine, o.Model)
	if err != nil {
		return Written{}, about("model", o.Model, err)
	}
	defer c.Close()
	info := c.Info()
	if o.MPP == 0 {
		o.MPP = info.MPP
	}
	if o.MPP == 0 {
		o.MPP = defaultMPP
	}
	g, err := newGrid(item.Slide, info.PatchSize, o.MPP)
	if err != nil {
		return Written{}, err
	}
	half := float64(g.side) / 2
	x0, y0 := math.Round(at.X-half), math.Round(at.Y-half)
	box := annotate.Box{MinX: x0, MinY: y0, MaxX: x0 + float64(g.side), MaxY: y0 + float64(g.side)}
	p.report("Looking at the patch", 0, 0)
	t, _, err := s.find(ctx, item.Slide)
	if err != nil {
		return Written{}, err
	}
	defer t.Close()
	seen, err := seenBy(ctx, t, o.SRGB, o.Planes)
	if err != nil {
		return Written{}, about("slide", item.Name, err)
	}
	reader := newPatchReader(seen, g, &s.traffic)
	defer reader.close()
	img, err := reader.read(ctx, box)
	if err != nil {
		return Written{}, err
	}
	words := 0
	text, err := c.Caption(ctx, img, generate.Options{Beams: o.Beams, MaxLength: o.MaxLength, Told: func(text string) {
		words++
		p.report("Writing", words, 0)
		if o.Told != nil {
			o.Told(text)
		}
	}})
	if err != nil {
		return Written{}, about("model", o.Model, err)
	}
	return Written{Caption: text, Slide: slide, Object: object, Box: box, Model: info.Name, ModelHash: info.Hash, Untrained: info.Untrained, License: info.License, Note: info.Note,
		Line: fmt.Sprintf("mpp=%g patch=%d colour=%s %s preprocess=%s runtime=%s app=%s", o.MPP, info.PatchSize, colourWord(seen.pixels), text.Params, strconv.Quote(info.Preprocess), engine.Version(), Version)}, nil
}

// TakeWritten lets a person enter what a model wrote, in the words that the
// person leaves it with, marked as generated and kept apart from the notes, as
// TakeCaption does. It returns the object.
func (s *Session) TakeWritten(w Written, text string) (annotate.ID, error) {
	likely := math.Exp(math.Min(w.Score, 0))
	return s.takeText(machineSaid{slide: w.Slide, object: w.Object, box: w.Box, text: text, original: w.Text, model: w.Model, modelHash: w.ModelHash,
		untrained: w.Untrained, score: likely, margin: likely, params: w.Line,
		line: fmt.Sprintf("kind=%s score=%.6f sentence=%s", CaptionGenerated, w.Score, strconv.Quote(w.Text)),
		why:  "A network made this sentence up; a person let it stand."})
}
