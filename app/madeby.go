package app

import (
	"context"
	"fmt"
	"time"

	"coverslip/annotate"
)

// MadeBy says in one line who or what made an object and who decided on it; the
// same for a person's own label.
func MadeBy(o *annotate.Object, palette annotate.Palette) string {
	if o.By.Model == "" {
		who := o.By.Author
		if who == "" {
			who = "an unknown person"
		}
		return "Made by " + who + " on " + day(o.Created)
	}
	text := "Made by " + o.By.Model
	if o.By.Untrained {
		text += " (untrained)"
	}
	text += ", " + methodWord(o.By.Method)
	if o.By.Score > 0 {
		text += fmt.Sprintf(" %.2f", o.By.Score)
	}
	switch {
	case o.Kind == annotate.Annotation:
		text += "; accepted by " + o.By.Author + " on " + day(o.Created)
	case o.Review.Decision == annotate.Undecided:
		text += "; waits for a decision"
	case o.Review.Decision == annotate.Rejected:
		text += "; rejected by " + o.Review.By + " on " + day(o.Review.At)
	case o.Review.Decision == annotate.Reclassed:
		was := "another class"
		if c := palette.ByID(o.Review.Was); c != nil {
			was = c.Name
		}
		text += "; accepted by " + o.Review.By + " on " + day(o.Review.At) + " instead of " + was
	default:
		text += "; accepted by " + o.Review.By + " on " + day(o.Review.At)
	}
	return text
}

func day(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// methodWord says a method to people; one that is not known stays as it is.
func methodWord(m string) string {
	switch m {
	case methodWords:
		return "by words"
	case methodPrompt:
		return "outlined where a person pointed"
	case methodCaption:
		return "found as a caption"
	case "simpleshot":
		return "by class means of labels"
	case "logistic":
		return "learned from labels"
	}
	return m
}

// Provenance lists all that is known of how an object came about, for people, the
// most important first.
func Provenance(o *annotate.Object, palette annotate.Palette) []ModelLine {
	var list []ModelLine
	add := func(head, text string) {
		if text != "" {
			list = append(list, ModelLine{head, text})
		}
	}
	add("Origin", MadeBy(o, palette))
	if t, ok := TextOf(o); ok {
		add("Caption", t.Text)
		add("", t.Sentence())
	}
	if o.By.Model == "" {
		add("Method", o.By.Method)
		return list
	}
	add("Why", o.By.Why)
	if o.By.Score > 0 {
		text := fmt.Sprintf("%.4f", o.By.Score)
		if o.By.Margin > 0 {
			text += fmt.Sprintf(", %.4f before the second", o.By.Margin)
		}
		add("Score", text)
	}
	add("Asked by", o.By.Author)
	add("Model", o.By.Model)
	add("SHA-256", o.By.ModelHash)
	p := parseParams(o.By.Params)
	for _, f := range [][2]string{{"text", "Text side"}, {"text-hash", "Its SHA-256"}, {"prompt", "Said or pointed"}, {"mpp", "µm a pixel"}, {"patch", "Patch, pixels"},
		{"seen", "Square seen"}, {"preprocess", "Preprocessing"}, {"colour", "Colours"}, {"planes", "Planes"}, {"labels", "Labels"}, {"runtime", "ONNX Runtime"},
		{"provider", "Computed by"}, {"app", "Coverslip"}} {
		add(f[1], p[f[0]])
	}
	return list
}

// CanReplay tells whether an object's origin can be computed again.
func CanReplay(o *annotate.Object) bool {
	if o.By.Model == "" {
		return false
	}
	return o.By.Method == methodPrompt || o.Kind == annotate.Detection && o.By.Method != methodCaption
}

// ReplayAny is Replay for whatever made an object; outliner is the folder of the
// models that outline.
func (s *Session) ReplayAny(ctx context.Context, slide annotate.ID, o *annotate.Object, outliner string, w WordOptions, p Progress) (Replayed, error) {
	if !CanReplay(o) {
		return Replayed{}, ErrNotSuggestion
	}
	if o.By.Method != methodPrompt {
		return s.Replay(ctx, slide, o.ID, w, p)
	}
	if outliner == "" {
		return Replayed{}, fmt.Errorf("%w: %s (%.12s); no folder is chosen", ErrOtherModel, o.By.Model, o.By.ModelHash)
	}
	models, err := s.Outliner(outliner)
	if err != nil {
		return Replayed{}, err
	}
	p.report("Outlining again", 0, 0)
	return s.ReplayOutline(ctx, slide, o.ID, models)
}
