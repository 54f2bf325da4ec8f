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
	Words     []WordClass // none = every class of the project that is in use, by its name
	Templates []string    // sentences with CLASSNAME; none = the model's, else our own
	Scale     float64     // of cosines before the softmax; 0 = the model's
	MinMargin float64     // less is "I don't know"; 0 = 0.1
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

// WordAnswers is what words say of the patches of a slide. Nothing is written by
// asking; see SuggestAnswers.
type WordAnswers struct {
	Report   SuggestReport
	Classes  []annotate.ID // in the order of the answers
	Names    []string      // of the classes, for people
	Asked    int           // patches that were asked about
	Counts   []int         // patches a class; the others got "I don't know"
	Warnings []string      // what a person should know before believing it

	slide   annotate.ID
	e       *embedding
	o       WordOptions
	c       *zeroshot.Classifier
	kept    words
	cells   []cell
	answers []zeroshot.Answer
}

// Known is how many patches got a class.
func (a *WordAnswers) Known() int {
	n := 0
	for _, c := range a.Counts {
		n += c
	}
	return n
}

// Heat is the score of a class, by its index, over the slide. Patches that were
// not asked about have none.
func (a *WordAnswers) Heat(class int) *Heat {
	if class < 0 || class >= len(a.Classes) || len(a.cells) == 0 {
		return nil
	}
	return a.e.grid.heat(HeatWords, a.Names[class]+" by words", a.cells, func(i int) float64 { return a.answers[i].Scores[class] }, 0, 1)
}

// AskWords compares every patch with tissue with the sentences that describe the
// classes, without any label, and writes nothing but embeddings. Its errors are
// those of Embed, ErrNoTexts, and those of zeroshot.New.
func (s *Session) AskWords(ctx context.Context, slide annotate.ID, o WordOptions, p Progress) (*WordAnswers, error) {
	c, kept, err := s.wordClassifier(ctx, &o)
	if err != nil {
		return nil, err
	}
	if err := c.Fits(o.Encoder.Info()); err != nil {
		return nil, err
	}
	e, err := s.embed(ctx, slide, o.SuggestOptions, p)
	if err != nil {
		return nil, err
	}
	e.report.Method, e.report.Classes = methodWords, len(kept.Words)
	a := &WordAnswers{Names: kept.Named, Counts: make([]int, len(kept.Words)), Warnings: c.Warnings(), slide: slide, e: e, o: o, c: c, kept: kept}
	for _, w := range kept.Words {
		a.Classes = append(a.Classes, w.Class)
	}
	for i, at := range e.tissue {
		if i%256 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p.report("Comparing with words", i, len(e.tissue))
		}
		v := e.vector(at)
		if v == nil {
			continue
		}
		answer := c.Ask(v)
		a.cells, a.answers = append(a.cells, at), append(a.answers, answer)
		if answer.Class >= 0 {
			a.Counts[answer.Class]++
		}
	}
	a.Asked = len(a.cells)
	e.report.Elapsed = time.Since(e.started)
	a.Report = e.report
	return a, nil
}

// SuggestAnswers proposes what the words said, as outlined squares, in one edit:
// the undecided suggestions by words of the same model go away where it was asked
// again. What the model does not know is not proposed, nor what a label speaks for, nor
// what a person rejected.
func (s *Session) SuggestAnswers(ctx context.Context, a *WordAnswers, p Progress) (SuggestReport, error) {
	set, err := s.Objects(a.slide)
	if err != nil {
		return SuggestReport{}, err
	}
	taken, refused := a.e.grid.labelled(set, anyClass), a.e.grid.refused(set)
	var found []candidate
	for i, at := range a.cells {
		if answer := a.answers[i]; answer.Class >= 0 && taken[at] == nil && !refused[at][a.Classes[answer.Class]] {
			found = append(found, candidate{at, learn.Prediction{Class: answer.Class, Score: answer.Scores[answer.Class], Margin: answer.Margin, Scores: answer.Scores}})
		}
	}
	r := a.Report
	found, r.Candidates = limit(found, a.o.MinScore, a.o.Limit)
	edit, replaced, err := s.wordSuggestions(a, set, found)
	if err != nil {
		return SuggestReport{}, err
	}
	if err := ctx.Err(); err != nil {
		return SuggestReport{}, err
	}
	p.report("Writing suggestions", 0, 0)
	if err := s.Apply(edit); err != nil {
		return SuggestReport{}, err
	}
	r.Suggested, r.Replaced, r.Elapsed = len(found), replaced, time.Since(a.e.started)
	return r, nil
}

// SuggestByWords is AskWords and SuggestAnswers in one, with the warnings.
func (s *Session) SuggestByWords(ctx context.Context, slide annotate.ID, o WordOptions, p Progress) (SuggestReport, []string, error) {
	a, err := s.AskWords(ctx, slide, o, p)
	if err != nil {
		return SuggestReport{}, nil, err
	}
	r, err := s.SuggestAnswers(ctx, a, p)
	return r, a.Warnings, err
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
func (s *Session) wordSuggestions(a *WordAnswers, set *annotate.Set, found []candidate) (annotate.Edit, int, error) {
	e, k, c := a.e, a.kept, a.c
	b, err := json.Marshal(k)
	if err != nil {
		return annotate.Edit{}, 0, err
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:8])
	if err := s.SetSetting(wordsKey(hash), string(b)); err != nil {
		return annotate.Edit{}, 0, err
	}
	edit := annotate.Edit{Slide: a.slide, Label: counted("Suggest by words", len(found), "patch")}
	set.All(func(old *annotate.Object) bool {
		if old.IsSuggestion() && old.By.ModelHash == e.info.Hash && old.By.Method == methodWords && lies(a.o.Within, old.ROI.Bounds().Center()) {
			edit.Changes = append(edit.Changes, annotate.Change{Before: old})
		}
		return true
	})
	replaced := len(edit.Changes)
	now, who := time.Now().UTC(), s.Author()
	for _, f := range found {
		box := e.grid.box(f.cell)
		prompt := zeroshot.Options{Templates: k.Templates}.Sentences(zeroshot.Class{Name: k.Named[f.Class], Names: k.Words[f.Class].Names})
		by := annotate.Provenance{Author: who, Model: e.info.Name, ModelHash: e.info.Hash, Untrained: e.info.Untrained || c.Text().Untrained,
			Method: methodWords, Score: f.Score, Margin: f.Margin,
			Params: s.paramsOf(e, a.o.SuggestOptions, "words="+hash, "text="+strconv.Quote(k.Text), "text-hash="+k.TextHash, fmt.Sprintf("scale=%g", k.Scale),
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
	return edit, replaced, nil
}
