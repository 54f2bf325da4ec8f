package window

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate/agreement"
	"coverslip/app"
	"coverslip/models/evaluate"
)

// page is one tab of figures: a sentence, a table, pictures below it.
type page struct {
	title   string
	head    string
	columns []string
	rows    [][]string
	plots   []fyne.CanvasObject
}

// showPages shows tables of figures. save, which may be nil, writes them and
// returns where.
func (w *Window) showPages(title string, pages []page, save func() (string, error)) {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	tabs := container.NewAppTabs()
	for _, p := range pages {
		tabs.Append(container.NewTabItem(p.title, p.object()))
	}
	var body fyne.CanvasObject = tabs
	if len(pages) == 1 {
		body = pages[0].object()
	}
	var d *dialog.CustomDialog
	buttons := []fyne.CanvasObject{widget.NewButton("Close", func() { d.Hide() })}
	told := newParagraph(textSmall, colorQuiet, 3)
	if save != nil {
		var b *widget.Button
		b = widget.NewButton("Save as CSV", func() {
			b.Disable()
			w.edits.do(func() {
				path, err := save()
				w.post(func() {
					b.Enable()
					if err != nil {
						p := app.Explain(err)
						told.Set(p.Title + ". " + p.Hint)
						return
					}
					told.Set("Saved: " + path)
				})
			})
		})
		buttons = append(buttons, b)
	}
	d = dialog.NewCustomWithoutButtons(title, container.NewBorder(nil, told, nil, nil, body), w.win)
	d.SetButtons(buttons)
	w.shown(d, 860, 620)
}

// object is the page as it is shown.
func (p page) object() fyne.CanvasObject {
	head := newParagraph(textSmall, colorQuiet, 6)
	head.Set(p.head)
	grid := container.New(&columnsLayout{columns: len(p.columns)})
	for i, c := range p.columns {
		t := newText(c, textSmall, colorQuiet)
		if i > 0 && len(p.rows) > 0 && p.rows[0][i] != "" && numeric(p.rows[0][i]) {
			t = t.trailing()
		}
		grid.Add(t)
	}
	for _, row := range p.rows {
		for i, c := range row {
			t := newText(c, textBody, theme.ColorNameForeground)
			if i > 0 && numeric(c) {
				t = t.trailing()
			}
			grid.Add(t)
		}
	}
	body := vbox(10, head)
	if len(p.rows) > 0 {
		body.Add(grid)
	}
	for _, o := range p.plots {
		body.Add(o)
	}
	return container.NewScroll(padded(body, 10, 10, 12, 16))
}

// numeric tells what is set to the right side of its column.
func numeric(s string) bool {
	return s == none || strings.Trim(s, "0123456789.- \u2009%to") == ""
}

// none stands for a figure that is not defined.
const none = "–"

// figureWords is a figure for people, to three digits.
func figureWords(v float64) string {
	if !agreement.Defined(v) {
		return none
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// estimateWords is the interval of a figure.
func estimateWords(e agreement.Estimate) string {
	if !agreement.Defined(e.Low) {
		return none
	}
	return figureWords(e.Low) + " to " + figureWords(e.High)
}

func figureRows(figures []app.Figure) [][]string {
	var rows [][]string
	for _, f := range figures {
		rows = append(rows, []string{f.Name, f.Class, figureWords(f.Estimate.Value), estimateWords(f.Estimate)})
	}
	return rows
}

// agree compares the readers and shows how.
func (w *Window) agree() {
	s := w.session
	w.startJob("Agreement between readers", func(j *job) error {
		a, err := s.Agreement(j.ctx, app.AgreementOptions{}, j.progress)
		if err != nil {
			return err
		}
		w.post(func() {
			if w.session == s {
				w.showPages("Agreement between readers", agreementPages(a), func() (string, error) {
					return s.WriteFigures("agreement", a.WriteCSV)
				})
			}
		})
		return nil
	})
}

// agreementPages are a tab for each pair of readers, and one for all.
func agreementPages(a app.Agreement) []page {
	columns := []string{"Figure", "Class", "Value", "95 % interval"}
	about := fmt.Sprintf("%s of %s, squares of %g µm.", plural(a.Slides, "slide"), plural(a.Patients, "patient"), a.Cell)
	if a.Unnamed > 0 {
		about += fmt.Sprintf(" %s without a patient count as one each.", plural(a.Unnamed, "slide"))
	}
	if a.Patients < 2 {
		about += " Intervals need slides of at least two patients."
	}
	var pages []page
	for _, p := range a.Pairs {
		pages = append(pages, page{title: p.First + " – " + p.Second, head: about, columns: columns, rows: figureRows(p.Figures),
			plots: []fyne.CanvasObject{tableOf("Squares: "+p.First+" down, "+p.Second+" across", p.Classes, p.Cells)}})
	}
	return append(pages, page{title: "All readers", head: strings.Join(a.Readers, ", ") + ". " + about, columns: columns, rows: figureRows(a.Together)})
}

// tableOf is counts by class, without the classes that nobody used.
func tableOf(title string, classes []string, table [][]int) fyne.CanvasObject {
	var used []int
	for k := range classes {
		n := 0
		for i := range classes {
			n += table[k][i] + table[i][k]
		}
		if n > 0 {
			used = append(used, k)
		}
	}
	grid := container.New(&columnsLayout{columns: len(used) + 1})
	grid.Add(newText("", textSmall, colorQuiet))
	for _, k := range used {
		grid.Add(newText(classes[k], textSmall, colorQuiet).trailing())
	}
	for _, k := range used {
		grid.Add(newText(classes[k], textSmall, colorQuiet))
		for _, i := range used {
			grid.Add(newText(strconv.Itoa(table[k][i]), textBody, theme.ColorNameForeground).trailing())
		}
	}
	return vbox(6, newText(title, textSmall, colorQuiet), grid)
}

// askEvaluate asks how labels are set aside.
func (w *Window) askEvaluate() {
	folds, seed := newFormEntry("5"), newFormEntry("1")
	bySlide := widget.NewCheck("Draw slides instead of patients (figures are too good where a patient has several)", nil)
	w.form("Evaluate on labels set aside", "Evaluate", []*widget.FormItem{
		{Text: "Parts", Widget: folds, HintText: "Patients are drawn into so many parts, each set aside in turn"},
		{Text: "Seed", Widget: seed, HintText: "Of the draw"},
		widget.NewFormItem("", bySlide),
	}, []*formEntry{folds, seed}, func() error {
		n, err := strconv.Atoi(strings.TrimSpace(folds.Text))
		if err != nil || n < 2 || n > 100 {
			return errors.New("the parts are a number from 2 to 100")
		}
		o := app.HeldOutOptions{SuggestOptions: w.opts.Suggest, Folds: n, BySlide: bySlide.Checked}
		if o.Seed, err = strconv.ParseUint(strings.TrimSpace(seed.Text), 10, 64); err != nil {
			return errors.New("the seed is a whole number")
		}
		w.evaluate(o)
		return nil
	})
}

// evaluate judges the model on labels set aside, and shows how it fared.
func (w *Window) evaluate(o app.HeldOutOptions) {
	s := w.session
	w.startJob("Evaluation", func(j *job) error { return w.evaluateNow(j.ctx, s, o, j.progress) })
}

func (w *Window) evaluateNow(ctx context.Context, s *app.Session, o app.HeldOutOptions, p app.Progress) error {
	h, err := s.EvaluateHeldOut(ctx, o, p)
	if err != nil {
		return err
	}
	w.post(func() {
		if w.session == s {
			w.showPages("Evaluation on labels set aside", heldOutPages(h), func() (string, error) {
				return s.WriteFigures("evaluation", func(out io.Writer) error { return h.WriteCSV(out) })
			})
		}
	})
	return nil
}

// heldOutPages are the tabs of an evaluation.
func heldOutPages(h app.HeldOut) []page {
	about := fmt.Sprintf("%d patches under %s on %s of %s, set aside in %s (seed %d), judged by %s learned from the others.",
		h.Cases, plural(h.Labels, "label"), plural(h.Slides, "slide"), plural(h.Patients, h.By), plural(h.Folds, "part"), h.Seed, h.Model)
	if h.Untrained {
		about = "The encoder is untrained: these figures say little. " + about
	}
	if h.FromSuggestions > 0 {
		about += fmt.Sprintf(" %s began as suggestions, which favours the model.", plural(h.FromSuggestions, "label"))
	}
	if h.Unnamed > 0 && h.By == "patient" {
		about += fmt.Sprintf(" %s without a patient count as one each.", plural(h.Unnamed, "slide"))
	}
	table := make([][]int, len(h.Confusion))
	for i, row := range h.Confusion {
		for _, n := range row {
			table[i] = append(table[i], int(n))
		}
	}
	var groups [][]string
	for _, g := range h.Groups {
		groups = append(groups, []string{g.By, g.Name, strconv.Itoa(g.Cases), strconv.Itoa(g.Patients), figureWords(g.Balanced), figureWords(g.AUROC)})
	}
	return []page{
		{title: "Figures", head: about, columns: []string{"Figure", "Class", "Value", "95 % interval over " + h.By + "s"}, rows: figureRows(h.Figures),
			plots: []fyne.CanvasObject{tableOf("Patches: true class down, suggested across", h.Names, table)}},
		{title: "Calibration", head: "How often the suggestion was right, by its score. On the line a score means what it says.", plots: []fyne.CanvasObject{calibrationPlot(h.Calibration)}},
		{title: "ROC", head: "Sensitivity against 1 – specificity of each class.", plots: []fyne.CanvasObject{rocPlot(h.Names, h.ROC)}},
		{title: "Learning curve", head: "Balanced accuracy by the labels learned from: mean of the parts, the bars from the worst to the best.", plots: []fyne.CanvasObject{curvePlot(h.Curve)}},
		{title: "By slide and site", head: "Stain and site are lines of a slide's remarks: stain: H&E", columns: []string{"By", "", "Patches", "Patients", "Balanced accuracy", "AUROC"}, rows: groups},
	}
}

func calibrationPlot(bins []evaluate.Bin) fyne.CanvasObject {
	p := newPlot("Score", "Share right", 1)
	p.line([]fyne.Position{{X: 0, Y: 0}, {X: 1, Y: 1}}, colorQuiet)
	var at []fyne.Position
	for _, b := range bins {
		if b.Cases > 0 {
			at = append(at, fyne.NewPos(float32(b.Score), float32(b.Share)))
		}
	}
	p.line(at, theme.ColorNamePrimary)
	p.dots(at, theme.ColorNamePrimary)
	return p.object()
}

func rocPlot(names []string, curves [][]evaluate.Point) fyne.CanvasObject {
	p := newPlot("1 – specificity", "Sensitivity", 1)
	p.line([]fyne.Position{{X: 0, Y: 0}, {X: 1, Y: 1}}, colorQuiet)
	for k, curve := range curves {
		at := []fyne.Position{{X: 0, Y: 0}}
		for _, c := range curve {
			if agreement.Defined(c.Sensitivity) && agreement.Defined(c.Specificity) {
				at = append(at, fyne.NewPos(float32(1-c.Specificity), float32(c.Sensitivity)))
			}
		}
		c := plotColors[k%len(plotColors)]
		p.line(at, c)
		p.name(names[k], c)
	}
	return p.object()
}

func curvePlot(curve []app.LearningPoint) fyne.CanvasObject {
	most := 1
	for _, c := range curve {
		most = max(most, c.Labels)
	}
	p := newPlot("Labels", "Balanced accuracy", float32((most+3)/4*4)) // whole labels at the lines
	var at []fyne.Position
	for _, c := range curve {
		if !agreement.Defined(c.Balanced) {
			continue
		}
		x := float32(c.Labels)
		p.line([]fyne.Position{{X: x, Y: float32(c.Low)}, {X: x, Y: float32(c.High)}}, colorQuiet)
		at = append(at, fyne.NewPos(x, float32(c.Balanced)))
	}
	p.line(at, theme.ColorNamePrimary)
	p.dots(at, theme.ColorNamePrimary)
	return p.object()
}
