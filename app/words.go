package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"coverslip/annotate"
	"coverslip/models"
	"coverslip/models/learn"
	"coverslip/models/zeroshot"
)

// WordClass is a class of the project and what it is called in sentences.
type WordClass struct {
	Class annotate.ID `json:"class"`
	Names []string    `json:"names,omitempty"` // none = the class's name
}

// WordOptions says how patches are named by words.
type WordOptions struct {
	SuggestOptions
	Text      models.TextEncoder // nil takes Session.TextEncoder
	Words     []WordClass        // none = every class of the project that is in use, by its name
	Templates []string           // sentences with CLASSNAME; none = the model's, else our own
	Scale     float64            // of cosines before the softmax; 0 = the model's
	MinMargin float64            // less is "I don't know"; 0 = 0.1
}

// words is what a suggestion by words rests on; kept with the project under the
// hash of its text, which the suggestions name.
type words struct {
	Words     []WordClass `json:"words"`
	Named     []string    `json:"named"` // the names of the classes then
	Templates []string    `json:"templates"`
	Scale     float64     `json:"scale"`
	MinScore  float64     `json:"minScore"`
	MinMargin float64     `json:"minMargin"`
	Text      string      `json:"text"`     // name of the text encoder
	TextHash  string      `json:"textHash"` // sha256
}

// wordsKey is where the words of that hash are among the project's settings.
func wordsKey(hash string) string { return "words:" + hash }

// method is how suggestions by words are called in their provenance.
const methodWords = "zeroshot"

// SuggestByWords proposes a class for every patch with tissue by the sentences
// that describe the classes, without any label. What the model does not know is
// not proposed. Otherwise it does as Suggest does; its errors are those of Embed,
// ErrNoTexts, and those of zeroshot.New.
func (s *Session) SuggestByWords(ctx context.Context, slide annotate.ID, o WordOptions, p Progress) (SuggestReport, []string, error) {
	c, kept, err := s.wordClassifier(ctx, &o)
	if err != nil {
		return SuggestReport{}, nil, err
	}
	if err := c.Fits(o.Encoder.Info()); err != nil {
		return SuggestReport{}, nil, err
	}
	e, err := s.embed(ctx, slide, o.SuggestOptions, p)
	if err != nil {
		return SuggestReport{}, nil, err
	}
	set, err := s.Objects(slide)
	if err != nil {
		return SuggestReport{}, nil, err
	}
	e.report.Method, e.report.Classes = methodWords, len(kept.Words)
	taken := e.grid.labelled(set, anyClass)
	var found []candidate
	for i, at := range e.tissue {
		if i%256 == 0 {
			if err := ctx.Err(); err != nil {
				return SuggestReport{}, nil, err
			}
			p.report("Comparing with words", i, len(e.tissue))
		}
		v := e.vector(at)
		if v == nil || taken[at] != nil {
			continue
		}
		if a := c.Ask(v); a.Class >= 0 {
			found = append(found, candidate{at, learn.Prediction{Class: a.Class, Score: a.Scores[a.Class], Margin: a.Margin, Scores: a.Scores}})
		}
	}
	found, e.report.Candidates = limit(found, o.MinScore, o.Limit)
	edit, err := s.wordSuggestions(slide, set, e, o, c, kept, found)
	if err != nil {
		return SuggestReport{}, nil, err
	}
	p.report("Writing suggestions", 0, 0)
	if err := s.Apply(edit); err != nil {
		return SuggestReport{}, nil, err
	}
	e.report.Suggested, e.report.Elapsed = len(found), time.Since(e.started)
	return e.report, c.Warnings(), nil
}

// wordClassifier fills in what o leaves open and embeds the sentences.
func (s *Session) wordClassifier(ctx context.Context, o *WordOptions) (*zeroshot.Classifier, words, error) {
	var err error
	if o.SuggestOptions, err = s.withDefaults(o.SuggestOptions); err != nil {
		return nil, words{}, err
	}
	if o.Text == nil {
		if o.Text, err = s.TextEncoder(); err != nil {
			return nil, words{}, err
		}
	}
	palette := s.Palette()
	if len(o.Words) == 0 {
		for _, c := range palette {
			if !c.Retired {
				o.Words = append(o.Words, WordClass{Class: c.ID})
			}
		}
	}
	k := words{Words: slices.Clone(o.Words)}
	for _, w := range k.Words {
		c := palette.ByID(w.Class)
		if c == nil {
			return nil, words{}, ErrNoClass
		}
		k.Named = append(k.Named, c.Name)
	}
	c, err := k.classifier(ctx, o.Text, zeroshot.Options{Templates: o.Templates, Scale: o.Scale, MinScore: o.MinScore, MinMargin: o.MinMargin})
	if err != nil {
		return nil, words{}, err
	}
	used := c.Options()
	k.Templates, k.Scale, k.MinScore, k.MinMargin = used.Templates, used.Scale, used.MinScore, used.MinMargin
	k.Text, k.TextHash = c.Text().Name, c.Text().Hash
	return c, k, nil
}

func (k words) classifier(ctx context.Context, enc models.TextEncoder, o zeroshot.Options) (*zeroshot.Classifier, error) {
	classes := make([]zeroshot.Class, len(k.Words))
	for i, w := range k.Words {
		classes[i] = zeroshot.Class{Name: k.Named[i], Names: w.Names}
	}
	return zeroshot.New(ctx, enc, classes, o)
}

// wordSuggestions is the one edit of a run; the words are kept first.
func (s *Session) wordSuggestions(slide annotate.ID, set *annotate.Set, e *embedding, o WordOptions, c *zeroshot.Classifier, k words, found []candidate) (annotate.Edit, error) {
	b, err := json.Marshal(k)
	if err != nil {
		return annotate.Edit{}, err
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:8])
	if err := s.SetSetting(wordsKey(hash), string(b)); err != nil {
		return annotate.Edit{}, err
	}
	edit := annotate.Edit{Slide: slide, Label: counted("Suggest by words", len(found), "patch")}
	set.All(func(old *annotate.Object) bool {
		if old.IsSuggestion() && old.By.ModelHash == e.info.Hash && old.By.Method == methodWords {
			edit.Changes = append(edit.Changes, annotate.Change{Before: old})
		}
		return true
	})
	e.report.Replaced = len(edit.Changes)
	now, who := time.Now().UTC(), s.Author()
	for _, f := range found {
		box := e.grid.box(f.cell)
		prompt := zeroshot.Options{Templates: k.Templates}.Sentences(zeroshot.Class{Name: k.Named[f.Class], Names: k.Words[f.Class].Names})
		by := annotate.Provenance{Author: who, Model: e.info.Name, ModelHash: e.info.Hash, Untrained: e.info.Untrained || c.Text().Untrained,
			Method: methodWords, Score: f.Score, Margin: f.Margin,
			Params: s.paramsOf(e, o.SuggestOptions, "words="+hash, "text="+strconv.Quote(k.Text), "text-hash="+k.TextHash, fmt.Sprintf("scale=%g", k.Scale),
				"prompt="+strconv.Quote(prompt[0]), fmt.Sprintf("prompts=%d", len(prompt)))}
		by.Why = fmt.Sprintf("By words, no label: %s %.0f %%", k.Named[f.Class], 100*f.Score)
		if second := runnerUp(f.Prediction); second >= 0 {
			by.Why += fmt.Sprintf(", %s %.0f %%", k.Named[second], 100*f.Scores[second])
		}
		by.Why += fmt.Sprintf(". Said as \u201c%s\u201d.", prompt[0])
		if by.Untrained {
			by.Why = "The model is untrained: this means little. " + by.Why
		}
		edit.Changes = append(edit.Changes, annotate.Change{After: &annotate.Object{ID: annotate.NewID(), Kind: annotate.Detection,
			ROI: annotate.Rectangle(box.MinX, box.MinY, box.MaxX, box.MaxY), Class: k.Words[f.Class].Class, Created: now, Changed: now, By: by}})
	}
	return edit, nil
}
