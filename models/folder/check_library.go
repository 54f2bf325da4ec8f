package folder

import (
	"context"
	"errors"
	"fmt"

	"coverslip/models"
	"coverslip/models/onnx"
)

// describeLibrary copies what a library's settings and the catalogue say.
func (r *Report) describeLibrary(s *source) {
	k := s.known
	if k == nil {
		r.Kind = KindBare
		if s.desc != nil {
			r.Kind, r.Pooling = KindDescribed, string(s.desc.Pooling)
		}
		return
	}
	r.Kind, r.PrepFrom, r.Classes = k.kind, k.prepFrom, k.classes
	if k.listed {
		r.Known, r.Access, r.Templates = k.entry.Name, string(k.entry.Access), k.entry.Templates
	}
	if k.vision != nil {
		r.Makes, r.Weights, r.Pooling = k.vision.Architecture, k.set.Count(), string(k.vision.Pool)
		r.Inputs = []string{fmt.Sprintf("%s float32[n %d %d %d]", k.vision.Input, 3, k.vision.Image, k.vision.Image)}
		r.Outputs = []string{fmt.Sprintf("%s float32[n %d]", k.vision.Output, k.vision.Dim)}
		r.Dim = k.vision.Dim
	} else {
		_, pool := s.imageOutput()
		r.Pooling = string(pool)
	}
	t, err := s.text()
	switch {
	case err == nil && t.tower != nil:
		r.Text, r.Tokenizer = t.tower.Architecture, t.words.Kind()
	case err == nil:
		r.Text, r.Tokenizer = t.file, t.words.Kind()
	case !errors.Is(err, models.ErrNoModel):
		r.Warnings = append(r.Warnings, "its text side cannot be used: "+err.Error())
	case k.listed && k.entry.Text:
		r.Warnings = append(r.Warnings, "the model has a text side, and a part of it is missing in the folder: "+err.Error())
	}
}

// textTest feeds the text side and holds it against the image side.
func (r *Report) textTest(rt onnx.Engine, path string) {
	t, err := OpenText(rt, path)
	if err != nil {
		r.add("reads texts", err, "")
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), selfTestTime, errTooSlow)
	defer cancel()
	v, err := t.EncodeText(ctx, []string{"An H&E image of tumour", "An H&E image of normal stroma", "An H&E image of tumour"})
	if err == nil {
		switch c := models.Dot(v[0], v[2]); {
		case len(v[0]) != r.Dim:
			err = fmt.Errorf("texts have %d numbers, images %d", len(v[0]), r.Dim)
		case c < 0.9999:
			err = fmt.Errorf("the same text gave two embeddings (cosine %.6f)", c)
		case models.Dot(v[0], v[1]) > 0.999999:
			err = errors.New("two texts have the same embedding")
		}
	}
	if err = errors.Join(err, t.Close()); err != nil {
		r.add("reads texts", err, "")
		return
	}
	r.add("reads texts", nil, fmt.Sprintf("%d numbers a text, at most %d tokens; cosine of two texts: %.3f", len(v[0]), t.info.MaxTokens, models.Dot(v[0], v[1])))
}
