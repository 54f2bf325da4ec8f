// Package zeroshot names patches by words: classes are described in sentences,
// and a patch belongs to the class whose sentences lie nearest to it in the
// space that an image–text model made for both.
//
// # Ensembles
//
// As in CONCH (Lu et al., 2024) and CLIP (Radford et al., 2021, section 3.1.4):
// every name of a class is put into every template, each sentence's vector has
// length one, their mean is scaled to length one again, and that is the class.
// PLIP (Huang et al., 2023) is the case of one name and one template.
//
// # What it cannot do
//
// These models hardly read a "no": "no tumour" lies as near to tumour as
// "tumour" does. Names with a negation are refused a silent pass; see Warnings.
// Their scores are not probabilities of a diagnosis, and move with the wording.
package zeroshot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"coverslip/models"
)

// Placeholder is the word of a template that a name takes the place of.
const Placeholder = "CLASSNAME"

var (
	// ErrFewClasses: what is to be told apart needs two names at least.
	ErrFewClasses = errors.New("zero-shot needs two classes or more")
	// ErrOtherSpace: the vectors of patches and of texts are of different models.
	ErrOtherSpace = errors.New("pictures and texts are not of one model")
)

// Class is what a patch may be called.
type Class struct {
	Name  string   // for people
	Names []string // what it is called in sentences; none = Name alone
}

// Options of New.
type Options struct {
	Templates []string // with CLASSNAME; none = those of the model, else Templates()
	Scale     float64  // what a cosine is multiplied with before the softmax; 0 = the model's, else 100
	MinScore  float64  // less than this is "I don't know"; 0 = a little more than chance, see New
	MinMargin float64  // score of the best less that of the second; less than this is "I don't know"; 0 = 0.1, negative = no such rule
}

// defaultScale is what CLIP's scale ends at: it is learned and bounded by 100
// (Radford et al., 2021, section 2.5).
const defaultScale = 100

const defaultMargin = 0.1

// mostAlike is how many pairs of classes that the model takes for the same are
// named.
const mostAlike = 2

// Templates are sentences of our own for models whose makers state none.
func Templates() []string {
	return []string{
		"CLASSNAME.", "an H&E image of CLASSNAME.", "a microscope image of CLASSNAME.", "a histology picture with CLASSNAME in it.",
		"tissue under the microscope: CLASSNAME.", "a stained section that shows CLASSNAME.", "CLASSNAME in a tissue section, H&E.",
	}
}

// Classifier tells classes apart. It is safe for concurrent use.
type Classifier struct {
	classes []Class
	vectors [][]float32 // one a class, of length one
	scale   float64
	o       Options
	text    models.TextInfo
	prompts []string // every sentence, for the provenance
	warn    []string
}

// New embeds the sentences of all classes. It returns ErrFewClasses, and an
// error for a template without CLASSNAME.
func New(ctx context.Context, enc models.TextEncoder, classes []Class, o Options) (*Classifier, error) {
	if len(classes) < 2 {
		return nil, ErrFewClasses
	}
	c := &Classifier{text: enc.TextInfo(), classes: classes, o: o}
	if len(c.o.Templates) == 0 {
		c.o.Templates = c.text.Templates
	}
	if len(c.o.Templates) == 0 {
		c.o.Templates = Templates()
	}
	for _, t := range c.o.Templates {
		if !strings.Contains(t, Placeholder) {
			return nil, fmt.Errorf("zeroshot: the template %q has no %s", t, Placeholder)
		}
	}
	if c.scale = o.Scale; c.scale == 0 {
		c.scale = c.text.LogitScale
	}
	if c.scale == 0 {
		c.scale = defaultScale
	}
	if !(c.scale > 0) || math.IsInf(c.scale, 0) {
		return nil, fmt.Errorf("zeroshot: the scale %g", c.scale)
	}
	if c.o.MinScore == 0 { // half as much again as chance: 0.75 of two, 0.15 of ten
		c.o.MinScore = 1.5 / float64(len(classes))
	}
	if c.o.MinMargin == 0 {
		c.o.MinMargin = defaultMargin
	}
	for i := range classes {
		v, err := c.embed(ctx, enc, &c.classes[i])
		if err != nil {
			return nil, err
		}
		c.vectors = append(c.vectors, v)
	}
	c.warnings()
	return c, nil
}

// Sentences are those of one class, each name in each template, with quotes and
// dashes as typewriters have them, which is what the models were trained on.
func (o Options) Sentences(class Class) []string {
	names := class.Names
	if len(names) == 0 {
		names = []string{class.Name}
	}
	var all []string
	for _, name := range names {
		for _, t := range o.Templates {
			all = append(all, Straighten(strings.ReplaceAll(t, Placeholder, strings.TrimSpace(name))))
		}
	}
	return all
}

func (c *Classifier) embed(ctx context.Context, enc models.TextEncoder, class *Class) ([]float32, error) {
	sentences := c.o.Sentences(*class)
	vectors, err := enc.EncodeText(ctx, sentences)
	if err != nil {
		return nil, fmt.Errorf("zeroshot: %s: %w", class.Name, err)
	}
	if len(vectors) != len(sentences) {
		return nil, fmt.Errorf("zeroshot: %s: %d vectors for %d sentences", class.Name, len(vectors), len(sentences))
	}
	c.prompts = append(c.prompts, sentences...)
	sum := make([]float64, len(vectors[0]))
	for _, v := range vectors {
		if len(v) != len(sum) {
			return nil, fmt.Errorf("zeroshot: %s: vectors of %d and %d numbers", class.Name, len(v), len(sum))
		}
		for i, x := range v {
			sum[i] += float64(x)
		}
	}
	mean := make([]float32, len(sum))
	for i, x := range sum {
		mean[i] = float32(x / float64(len(vectors)))
	}
	if !models.Normalise(mean) {
		return nil, fmt.Errorf("zeroshot: %s: its sentences cancel each other out", class.Name)
	}
	return mean, nil
}

// Fits tells whether the classifier may be asked about patches of an encoder;
// ErrOtherSpace when not.
func (c *Classifier) Fits(info models.EncoderInfo) error {
	if info.Pair == "" || info.Pair != c.text.Pair || info.Dim != c.text.Dim {
		return fmt.Errorf("%w: %s and %s", ErrOtherSpace, info.Name, c.text.Name)
	}
	return nil
}

// Answer is what is said of one patch.
type Answer struct {
	Class   int       // index of the class; -1 = "I don't know"
	Best    int       // index of the nearest class, known or not
	Second  int       // the one after it
	Scores  []float64 // softmax of scale × cosine, one a class
	Cosines []float64 // one a class
	Margin  float64   // score of the best less that of the second
}

// Ask gives the answer for a patch's embedding. Ties go to the first class.
func (c *Classifier) Ask(v []float32) Answer {
	a := Answer{Best: 0, Second: -1, Scores: make([]float64, len(c.vectors)), Cosines: make([]float64, len(c.vectors))}
	for i, w := range c.vectors {
		a.Cosines[i] = float64(models.Dot(v, w))
		if a.Cosines[i] > a.Cosines[a.Best] {
			a.Best = i
		}
	}
	sum := 0.0
	for i, x := range a.Cosines {
		a.Scores[i] = math.Exp(c.scale * (x - a.Cosines[a.Best])) // at most 1
		sum += a.Scores[i]
	}
	for i := range a.Scores {
		a.Scores[i] /= sum
		if i != a.Best && (a.Second < 0 || a.Scores[i] > a.Scores[a.Second]) {
			a.Second = i
		}
	}
	a.Margin = a.Scores[a.Best] - a.Scores[a.Second]
	a.Class = a.Best
	if a.Scores[a.Best] < c.o.MinScore || a.Margin < c.o.MinMargin {
		a.Class = -1
	}
	return a
}

// Classes are what it tells apart, in the order of the answers.
func (c *Classifier) Classes() []Class { return c.classes }

// Prompts is every sentence that was embedded, for the provenance.
func (c *Classifier) Prompts() []string { return c.prompts }

// Options are those in use, what was left open filled in.
func (c *Classifier) Options() Options {
	o := c.o
	o.Scale = c.scale
	return o
}

// Text is the text encoder's.
func (c *Classifier) Text() models.TextInfo { return c.text }

// Warnings are what a person should know before believing an answer.
func (c *Classifier) Warnings() []string { return c.warn }

func (c *Classifier) warnings() {
	for _, class := range c.classes {
		for _, s := range append([]string{class.Name}, class.Names...) {
			if Negated(s) {
				c.warn = append(c.warn, fmt.Sprintf("%q says what is not there; these models hardly read a negation", s))
				break
			}
		}
	}
	alike := 0
	for i, v := range c.vectors {
		for k := range i {
			if d := models.Dot(v, c.vectors[k]); d > 0.98 {
				if alike++; alike <= mostAlike {
					c.warn = append(c.warn, fmt.Sprintf("%q and %q are nearly the same to the model (similarity %.2f)", c.classes[k].Name, c.classes[i].Name, d))
				}
			}
		}
	}
	if more := alike - mostAlike; more > 0 {
		c.warn = append(c.warn, fmt.Sprintf("so are %d more pairs of classes: choose other words, or another model", more))
	}
	if c.text.Note != "" {
		c.warn = append(c.warn, c.text.Note)
	}
}

// Negated tells whether a name says what is not there.
func Negated(name string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == ' ' || r == '-' || r == ',' || r == '/' }) {
		switch w {
		case "no", "not", "non", "without", "absent", "absence", "negative", "free", "lacking":
			return true
		}
	}
	return false
}

// Straighten replaces curly quotes, dashes and non-breaking spaces, which a word
// processor puts in, by what is on a keyboard.
func Straighten(s string) string {
	return strings.NewReplacer("\u2018", "'", "\u2019", "'", "\u201c", `"`, "\u201d", `"`, "\u2013", "-", "\u2014", "-",
		"\u2011", "-", "\u00a0", " ", "\u202f", " ", "\u2026", "...").Replace(s)
}
