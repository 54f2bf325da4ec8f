package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/models/caption"
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
		name: "captions", args: "[BANK...]", min: 0, max: -1,
		short: "find the sentences of a bank that lie nearest to a place",
		long: "BANK is a CSV file with a column caption (or text) and perhaps source, topic, stain, terms and\n" +
			"synonyms, or a text with a sentence a line; several are taken together. Without one, and for\n" +
			"the word builtin, it is the program's own bank. Without --at its sentences are listed.\n" +
			"Nothing is made up: what is printed was written by a person, for another picture. The\n" +
			"similarity says how near it lies, never that it is true.",
		example: "coverslipctl captions --project colon.coverslip --slide A12.svs --model ~/models/plip --at 12000,8000 builtin sentences.csv",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, o := declareSuggest(f)
			at := f.String("at", "", "`X,Y` in level-0 pixels; none = list the sentences")
			about := f.String("about", "", "only sentences that speak of these `WORDS`, by terms and synonyms")
			most := f.Int("max", 5, "print `N` sentences")
			return func(c *call) error {
				bank, err := readBanks(c.args, *about)
				if err != nil {
					return err
				}
				if *at == "" {
					return printBank(c, bank)
				}
				where, err := parseAt(*at)
				if err != nil {
					return err
				}
				return p.with(true, func(s *app.Session) error {
					item, err := p.one(s)
					if err != nil {
						return err
					}
					pr := c.newProgress()
					found, err := s.Captions(c.ctx, item.ID, where, bank, *most, *o, pr.show)
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

// parseAt reads the flag --at, level-0 pixels.
func parseAt(words string) (at annotate.Point, err error) {
	if n, err := fmt.Sscanf(words, "%f,%f", &at.X, &at.Y); n != 2 || err != nil {
		return at, wrongUsage("--at X,Y is needed")
	}
	return at, nil
}

// readBanks reads and joins the banks of those names, and takes what speaks of
// about.
func readBanks(names []string, about string) (*caption.Bank, error) {
	if len(names) == 0 {
		names = []string{caption.BuiltinName}
	}
	var banks []*caption.Bank
	for _, name := range names {
		b, err := readBank(name)
		if err != nil {
			return nil, err
		}
		banks = append(banks, b)
	}
	all, err := caption.Join(banks...)
	if err != nil || about == "" {
		return all, err
	}
	return all.About(about)
}

func readBank(name string) (*caption.Bank, error) {
	if name == caption.BuiltinName {
		return caption.Builtin()
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return caption.Read(f, name)
}

// printBank lists the sentences of a bank.
func printBank(c *call, b *caption.Bank) error {
	if c.json {
		return c.printJSON(b)
	}
	for _, s := range b.Captions {
		fmt.Fprintf(c.out, "%s  [%s]\n", s.Text, strings.Join(slices.Concat(s.Terms, s.Synonyms), ", "))
	}
	return nil
}
