package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/app"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, "; ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func suggestWordsVerb() verb {
	return verb{
		name:  "words",
		short: "suggest classes by words, without labels, with an image–text model",
		long: "Every class is put into every template; what the model does not know is not suggested.\n" +
			"--class NAME=WORDS,WORDS gives a class other words; with none, all classes of the project\n" +
			"take part by their names. These models hardly read a negation: \"no tumour\" finds tumour.",
		example: "coverslipctl words --project colon.coverslip --slide A12.svs --model ~/models/plip --class Tumour=\"adenocarcinoma,tumour cells\" --class Stroma=\"fibrous stroma\"",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, o := declareSuggest(f)
			var classes, templates list
			w := app.WordOptions{}
			f.Var(&classes, "class", "`NAME=WORDS` of a class, WORDS separated by commas; may be repeated")
			f.Var(&templates, "template", "`SENTENCE` with CLASSNAME in it; may be repeated (default: the model's)")
			f.Float64Var(&w.MinMargin, "min-margin", 0, "least `margin` between the best and the second class (default 0.1)")
			f.Float64Var(&o.MinScore, "min-score", 0, "least `probability` of a suggestion, 0 to 1")
			return func(c *call) error {
				if err := checkPatch(o); err != nil {
					return err
				}
				w.Templates = templates
				return p.with(false, func(s *app.Session) error {
					var err error
					if w.Words, err = wordClasses(s, classes); err != nil {
						return err
					}
					return eachSlide(c, s, p, func(item app.SlideItem, pr app.Progress) (any, error) {
						w.SuggestOptions = *o
						r, warnings, err := s.SuggestByWords(c.ctx, item.ID, w, pr)
						if err != nil {
							return nil, err
						}
						for _, text := range warnings {
							c.say("warning: %s", text)
						}
						if !c.json {
							fmt.Fprintf(c.out, "%s: %d suggestions by words from %d patches by %s%s; %d older ones replaced; %s\n", item.Name, r.Suggested, r.Patches,
								r.Model, untrainedText(r.Untrained), r.Replaced, r.Elapsed.Round(time.Millisecond))
						}
						return suggestOf(item, r), nil
					})
				})
			}
		},
	}
}

// wordClasses reads the --class flags.
func wordClasses(s *app.Session, flags []string) ([]app.WordClass, error) {
	var all []app.WordClass
	for _, f := range flags {
		name, text, _ := strings.Cut(f, "=")
		id, err := classNamed(s.Palette(), strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		w := app.WordClass{Class: id}
		for _, word := range strings.Split(text, ",") {
			if word = strings.TrimSpace(word); word != "" {
				w.Names = append(w.Names, word)
			}
		}
		all = append(all, w)
	}
	return all, nil
}

func captionsVerb() verb {
	return verb{
		name: "captions", args: "BANK", min: 1, max: 1,
		short: "find the sentences of a bank that lie nearest to a place",
		long: "BANK is a CSV file with a column caption (or text) and perhaps source, or a text with a\n" +
			"sentence a line. Nothing is made up: what is printed was written by a person, for another\n" +
			"picture. The similarity says how near it lies, never that it is true.",
		example: "coverslipctl captions --project colon.coverslip --slide A12.svs --model ~/models/plip --at 12000,8000 sentences.csv",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, o := declareSuggest(f)
			at := f.String("at", "", "`X,Y` in level-0 pixels")
			most := f.Int("max", 5, "print `N` sentences")
			return func(c *call) error {
				var x, y float64
				if n, err := fmt.Sscanf(*at, "%f,%f", &x, &y); n != 2 || err != nil {
					return wrongUsage("--at X,Y is needed")
				}
				bank, err := os.Open(c.args[0])
				if err != nil {
					return err
				}
				defer bank.Close()
				return p.with(true, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					pr := c.newProgress()
					found, err := s.Captions(c.ctx, item.ID, annotate.Point{X: x, Y: y}, bank, c.args[0], *most, *o, pr.show)
					pr.done()
					if err != nil {
						return err
					}
					if c.json {
						return c.printJSON(found)
					}
					for _, m := range found.Matches {
						fmt.Fprintf(c.out, "%.4f  (%.4f above the middle of the bank)  %s\n", m.Similarity, m.Lead, m.Text)
					}
					return nil
				})
			}
		},
	}
}
