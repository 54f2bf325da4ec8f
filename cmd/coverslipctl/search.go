package main

import (
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"coverslip/annotate"
	"coverslip/app"
)

// foundJSON is the JSON of search.
type foundJSON struct {
	What    string      `json:"what"`
	Model   string      `json:"model"`
	Patches int         `json:"patches"`
	Slides  int         `json:"slides"`
	Unread  int         `json:"slidesNotEmbedded"`
	Seconds float64     `json:"seconds"`
	Hits    []foundCase `json:"hits"`
}

type foundCase struct {
	Slide      string     `json:"slide"`
	Name       string     `json:"name"`
	Box        [4]float64 `json:"box"` // level-0 pixels: left, upper, right, lower
	Similarity float64    `json:"similarity"`
	Class      string     `json:"class,omitempty"`
}

func searchVerb() verb {
	return verb{
		name:  "search",
		short: "find the patches that lie nearest to words, to a place or to a label",
		long: "It searches what was embedded (see embed), in the whole project or with --here on --slide alone,\n" +
			"and never misses a nearer patch. Words that say what is not there are refused.",
		example: "coverslipctl search --project colon.coverslip --words \"lymphocytes\" --max 10\n" +
			"coverslipctl search --project colon.coverslip --slide A12.svs --at 12000,8400 --here",
		setup: func(f *flag.FlagSet) func(c *call) error {
			p, o := declareSuggest(f)
			words := f.String("words", "", "`TEXT` to find; needs a model that reads")
			at := f.String("at", "", "`X,Y` in level-0 pixels of --slide: patches like the one there")
			object := f.String("object", "", "`ID` of a label of --slide: patches like it")
			here := f.Bool("here", false, "only --slide")
			most := f.Int("max", 20, "print `N` at most")
			return func(c *call) error {
				q := app.SearchQuery{Words: *words, Here: *here, Most: *most}
				given := 0
				for _, s := range []string{*words, *at, *object} {
					if s != "" {
						given++
					}
				}
				if given != 1 || *most < 1 {
					return wrongUsage("give one of --words, --at and --object, and --max of at least 1")
				}
				if p.slide == "" && (*words == "" || *here) {
					return wrongUsage("--at, --object and --here are about one slide; say which with --slide")
				}
				var err error
				if q.At, q.Object, err = parseExample(*at, *object); err != nil {
					return err
				}
				if err := checkPatch(o); err != nil {
					return err
				}
				return p.with(true, func(s *app.Session) error {
					if p.slide != "" {
						items, err := p.slides(s)
						if err != nil {
							return err
						}
						q.Slide = items[0].ID
					}
					r, err := s.Search(c.ctx, q, *o, nil)
					if err != nil {
						return err
					}
					return c.result(foundOf(r, s.Palette()), func(w io.Writer) { printFound(w, r, s.Palette()) })
				})
			}
		},
	}
}

// parseExample reads the place or the label that is looked for.
func parseExample(at, object string) (p annotate.Point, id annotate.ID, err error) {
	if object != "" {
		if id, err = annotate.ParseID(object); err != nil {
			return p, id, wrongUsage("%q is not an identifier", object)
		}
	}
	if at != "" {
		x, y, ok := strings.Cut(at, ",")
		var e1, e2 error
		p.X, e1 = strconv.ParseFloat(x, 64)
		p.Y, e2 = strconv.ParseFloat(y, 64)
		if !ok || e1 != nil || e2 != nil {
			return p, id, wrongUsage("--at is X,Y in level-0 pixels")
		}
	}
	return p, id, nil
}

func foundOf(r *app.SearchResult, palette annotate.Palette) foundJSON {
	j := foundJSON{What: r.What, Model: r.Model, Patches: r.Patches, Slides: r.Slides, Unread: r.Unread, Seconds: r.Elapsed.Seconds(), Hits: []foundCase{}}
	for _, k := range r.Cases {
		h := foundCase{Slide: k.Slide.String(), Name: k.SlideName, Box: [4]float64{k.Box.MinX, k.Box.MinY, k.Box.MaxX, k.Box.MaxY}, Similarity: k.Similarity}
		if !k.Class.IsZero() {
			h.Class = className(palette, k.Class)
		}
		j.Hits = append(j.Hits, h)
	}
	return j
}

func printFound(w io.Writer, r *app.SearchResult, palette annotate.Palette) {
	fmt.Fprintf(w, "%s: the nearest of %d patches on %d slide(s), by %s", r.What, r.Patches, r.Slides, r.Model)
	if r.Unread > 0 {
		fmt.Fprintf(w, "; %d slide(s) were not embedded", r.Unread)
	}
	fmt.Fprintln(w)
	for _, k := range r.Cases {
		name := "no label"
		if !k.Class.IsZero() {
			name = className(palette, k.Class)
		}
		fmt.Fprintf(w, "  %.4f  %s  %.0f,%.0f  %s\n", k.Similarity, k.SlideName, k.Box.MinX, k.Box.MinY, name)
	}
}
