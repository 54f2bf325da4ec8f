package window

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// askRules asks what a person must look at, and below which coverage the model
// says "I don't know".
func (w *Window) askRules() {
	s := w.session
	r := s.ReviewRules()
	blank := func(v float64) string {
		if r.High == 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	low, high, every := newFormEntry(blank(r.Low)), newFormEntry(blank(r.High)), newFormEntry("")
	if r.Every > 0 {
		every.SetText(strconv.Itoa(r.Every))
	}
	var names []string
	for _, c := range r.Classes {
		name, _ := w.classOf(c)
		names = append(names, name)
	}
	classes := newFormEntry(strings.Join(names, ", "))
	cover := newFormEntry(strconv.FormatFloat(100*w.review.coverage(), 'f', -1, 64))
	w.form("What a person must look at", "Use these rules", []*widget.FormItem{
		{Text: "Scores from", Widget: low, HintText: "With “to” empty no score must be looked at"},
		{Text: "Scores to", Widget: high, HintText: "Suggestions with a score between the two are always shown"},
		{Text: "Classes", Widget: classes, HintText: "Always shown; names with commas between"},
		{Text: "Audit: one of", Widget: every, HintText: "So many; chosen by the identifier. All four empty: everything is shown"},
		{Text: "Coverage, %", Widget: cover, HintText: "The model names a class for this share; of the rest it says “I don't know”"},
	}, []*formEntry{low, high, classes, every, cover}, func() error {
		rules, coverage, err := readRules(s.Palette(), low.Text, high.Text, classes.Text, every.Text, cover.Text)
		if err != nil {
			return err
		}
		w.app.Preferences().SetFloat(prefCoverage, coverage)
		w.write(func(s *app.Session) error { return s.SetReviewRules(rules) }, func(err error) {
			if err == nil {
				w.review.rank()
			}
		})
		return nil
	})
}

// readRules reads the form.
func readRules(p annotate.Palette, low, high, classes, every, cover string) (r app.ReviewRules, coverage float64, err error) {
	number := func(text, what string) float64 {
		if text = strings.TrimSpace(text); text == "" {
			return 0
		}
		v, e := strconv.ParseFloat(strings.ReplaceAll(text, ",", "."), 64)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s: “%s” is no number", what, text))
		}
		return v
	}
	r.Low, r.High, r.Every = number(low, "Scores from"), number(high, "Scores to"), int(number(every, "Audit"))
	coverage = number(cover, "Coverage") / 100
	for _, name := range strings.Split(classes, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		c := p.ByName(name)
		if c == nil {
			err = errors.Join(err, fmt.Errorf("the project has no class “%s”", name))
			continue
		}
		r.Classes = append(r.Classes, c.ID)
	}
	if err != nil {
		return r, coverage, err
	}
	if r.Check() != nil {
		return r, coverage, errors.New("scores lie between 0 and 1, the first not above the second; an audit is of 1 or more")
	}
	if !(coverage > 0 && coverage <= 1) {
		return r, coverage, errors.New("the coverage is a number from 1 to 100")
	}
	return r, coverage, nil
}

// acceptRest accepts what the rules let pass.
func (w *Window) acceptRest() {
	open := w.open
	w.write(func(s *app.Session) error {
		r := s.ReviewRules()
		n, err := s.AcceptRest(open.Item.ID, r)
		if err == nil {
			words := plural(n, "suggestion") + " accepted unseen by the rules."
			if r.Empty() {
				words = "There are no rules: everything waits for a person. Rules… sets them."
			}
			w.post(func() { w.status.say(words) })
		}
		return err
	}, func(err error) {
		if err == nil {
			w.recount()
		}
	})
}

// editSuggestion takes the current suggestion in hand.
func (w *Window) editSuggestion() {
	id := w.queue.current
	w.setTool(viewer.ToolSelect)
	w.viewer.SetSelection([]annotate.ID{id})
	w.selected([]annotate.ID{id})
	w.flyToSelection()
	w.status.say("Drag its handles; the model's shape is kept beside yours. Then A accepts it.")
	w.focus()
}

// mergeRegions merges suggestions that touch.
func (w *Window) mergeRegions() {
	s, open, coverage := w.session, w.open, w.review.coverage()
	w.startJob("Merge suggestions", func(j *job) error {
		r, err := s.MergeRegions(j.ctx, open.Item.ID, app.RegionOptions{Coverage: coverage})
		if err != nil {
			return err
		}
		words := fmt.Sprintf("%s merged into %s; %s too few together.", plural(r.Merged, "suggestion"), plural(r.Regions, "region"), number(r.Left))
		if r.Regions == 0 {
			words = "No three suggestions of one class touch."
		}
		w.post(func() {
			w.status.say(words)
			w.queue.begin()
		})
		return nil
	})
}

// modelHeat shows what the model thinks of every patch; shown already, it goes
// away.
func (w *Window) modelHeat(kind app.HeatKind) {
	if w.heat.kind == kind && w.heat.of == w.open && kind != app.HeatClassScore {
		w.heat.set(kind)
		return
	}
	s, open, class := w.session, w.open, w.class
	ranker := w.review.ranker
	if ranker == nil || w.review.of != open {
		ranker = s.Ranker(open.Item.ID)
	}
	w.startJob("Heat map", func(j *job) error {
		h, err := ranker.Heat(j.ctx, kind, class)
		if err != nil {
			return err
		}
		w.post(func() {
			if w.open == open {
				w.heat.give(h)
			}
		})
		return nil
	})
}

// askSearch asks what to find.
func (w *Window) askSearch() {
	words := newFormEntry(w.app.Preferences().String(prefSearch))
	everywhere := widget.NewCheck("In all slides of the project that a model has looked at", nil)
	everywhere.SetChecked(true)
	w.form("Find patches by words", "Find", []*widget.FormItem{
		{Text: "Show me", Widget: words, HintText: "What is to be seen, for example “lymphocytes”. The models do not understand “no” or “without”"},
		{Text: "", Widget: everywhere},
	}, []*formEntry{words}, func() error {
		if strings.TrimSpace(words.Text) == "" {
			return app.ErrNoWords
		}
		w.app.Preferences().SetString(prefSearch, words.Text)
		w.search(app.SearchQuery{Words: words.Text, Here: !everywhere.Checked})
		return nil
	})
}

// prefSearch remembers what was looked for last.
const prefSearch = "search.words"

// searchLike finds patches like the selected object, or like the patch in the
// middle of the view.
func (w *Window) searchLike() {
	v := w.viewer.Viewport()
	q := app.SearchQuery{At: annotate.Point{X: v.CX, Y: v.CY}}
	if sel := w.viewer.Selection(); len(sel) == 1 {
		q.Object = sel[0]
	}
	w.search(q)
}

// search finds patches and shows them.
func (w *Window) search(q app.SearchQuery) {
	s, open, o := w.session, w.open, w.opts.Suggest
	q.Slide, q.Most = open.Item.ID, 24
	w.startJob("Find patches", func(j *job) error {
		r, err := s.Search(j.ctx, q, o, j.progress)
		if err != nil {
			return err
		}
		w.post(func() {
			if w.open == open {
				w.finds.show(r)
			}
		})
		return nil
	})
}
