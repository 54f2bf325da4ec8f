package window

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"coverslip/annotate"
	"coverslip/annotate/agreement"
	"coverslip/app"
	"coverslip/models/evaluate"
)

// textsOf gathers what is written on an object and all it holds.
func textsOf(o fyne.CanvasObject) string {
	var b strings.Builder
	for _, x := range test.LaidOutObjects(o) {
		if x, ok := x.(*canvas.Text); ok {
			b.WriteString(x.Text + "\n")
		}
	}
	return b.String()
}

func TestHeldOutPages_ShowWhatIsKnown(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(&Theme{})
	nan := math.NaN()
	h := app.HeldOut{Model: "starter", Untrained: true, Slides: 3, Patients: 2, By: "patient", Folds: 2, Labels: 9, Cases: 40, FromSuggestions: 1,
		Names: []string{"Tumour", "Stroma"}, Confusion: [][]float64{{18, 2}, {3, 17}},
		Figures: []app.Figure{{Name: "AUROC", Class: "Tumour", Estimate: agreement.Estimate{Value: 0.91349, Low: 0.8, High: 1}},
			{Name: "AUPRC", Estimate: agreement.Estimate{Value: nan, Low: nan, High: nan}}},
		Groups:      []app.GroupFigures{{By: "site", Name: "Ghent", Cases: 40, Patients: 2, Balanced: 0.875, AUROC: nan}},
		Calibration: []evaluate.Bin{{Cases: 40, Score: 0.9, Share: 0.8}, {Score: nan, Share: nan}},
		ROC:         [][]evaluate.Point{{{Sensitivity: 0.5, Specificity: 1}, {Sensitivity: 1, Specificity: 0}}, {{Sensitivity: nan, Specificity: 1}}},
		Curve:       []app.LearningPoint{{Labels: 4, Balanced: 0.6, Low: 0.5, High: 0.7}}}
	all := ""
	for _, p := range heldOutPages(h) {
		o := p.object()
		o.Resize(fyne.NewSize(800, 500))
		all += p.head + "\n" + textsOf(o)
	}
	for _, want := range []string{"untrained", "1 label began as suggestions", "0.913", "0.800 to 1.000", "Tumour", "18", "Ghent", "0.875", "Balanced accuracy", none} {
		if !strings.Contains(all, want) {
			t.Errorf("the pages do not say %q", want)
		}
	}
	if strings.Contains(all, "NaN") || strings.Contains(all, "Inf") {
		t.Error("a figure that is not defined is shown as a number")
	}
}

func TestAgreementPages_APageAPair(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(&Theme{})
	a := app.Agreement{Readers: []string{"Ada", "Bob"}, Slides: 3, Patients: 1, Cell: 50, Pairs: []app.PairAgreement{{First: "Ada", Second: "Bob",
		Classes: []string{"(none)", "Tumour", "Fat"}, Cells: [][]int{{0, 3, 0}, {4, 50, 0}, {0, 0, 0}},
		Figures: []app.Figure{{Name: "Dice", Class: "Tumour", Estimate: agreement.Estimate{Value: 0.5, Low: math.NaN()}}}}}}
	pages := agreementPages(a)
	if len(pages) != 2 || pages[0].title != "Ada – Bob" {
		t.Fatalf("%d pages", len(pages))
	}
	o := pages[0].object()
	o.Resize(fyne.NewSize(800, 500))
	words := pages[0].head + textsOf(o)
	if !strings.Contains(words, "0.500") || !strings.Contains(words, "at least two patients") || strings.Contains(words, "Fat") {
		t.Errorf("%s", words)
	}
}

func TestAssignOptions(t *testing.T) {
	o, err := assignOptions(" Bob ", "/there", "7", "14")
	if err != nil || o.Reader != "Bob" || o.Seed != 7 || o.WashOut != 14*24*time.Hour || filepath.Dir(o.Dir) != "/there" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range [][4]string{{"", "/there", "1", "0"}, {"Bob", "", "1", "0"}, {"Bob", "/there", "x", "0"}, {"Bob", "/there", "1", "-1"}} {
		if _, err := assignOptions(bad[0], bad[1], bad[2], bad[3]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestColumnsLayout(t *testing.T) {
	l := &columnsLayout{columns: 2}
	var objects []fyne.CanvasObject
	for _, w := range []float32{10, 20, 30, 5} {
		r := canvas.NewRectangle(nil)
		r.SetMinSize(fyne.NewSize(w, 8))
		objects = append(objects, r)
	}
	if size := l.MinSize(objects); size != fyne.NewSize(30+20+columnGap, 16+rowGap) {
		t.Errorf("%v", size)
	}
	l.Layout(objects, fyne.Size{})
	if at := objects[3].Position(); at != fyne.NewPos(30+columnGap, 8+rowGap) {
		t.Errorf("%v", at)
	}
}

// In a reader's project the window shows nothing that the first reader or the
// slide's file is known by.
func TestWindow_Reading_ShowsNoNames(t *testing.T) {
	dir := t.TempDir()
	slide := filepath.Join(dir, "S24-1187-RoeJane.svs")
	writeSlide(t, slide)
	s, err := app.CreateProject(filepath.Join(dir, "study.coverslip"), "Study", app.Options{Author: "Rosalind"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.AddSlide(t.Context(), slide)
	if err == nil {
		_, err = s.DrawOn(id, annotate.Rectangle(5, 5, 90, 90), annotate.ClassID("Necrosis"))
	}
	reading := filepath.Join(dir, "r.coverslip")
	if err == nil {
		_, err = s.Assign(t.Context(), app.AssignOptions{Reader: "Maurice", Dir: reading})
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	w := newStage(t, Options{})
	w.Open(reading)
	w.settle()
	if w.open == nil {
		t.Fatal("the slide is not open")
	}
	words := textsOf(w.win.Canvas().Content())
	for _, secret := range []string{"Rosalind", "S24-1187", "Roe", "study.coverslip"} {
		if strings.Contains(words, secret) || strings.Contains(w.win.Title(), secret) {
			t.Errorf("the window shows %q", secret)
		}
	}
	if !strings.Contains(words, "Slide 001") || !strings.Contains(words, "Maurice") {
		t.Error("the slide is not listed, or the reader is not named")
	}
	if w.cmds.CanDo("study.agree") || w.cmds.CanDo("study.assign") {
		t.Error("a reader may ask for agreement")
	}
	if names := w.session.Associated(w.open); len(names) != 0 {
		t.Errorf("pictures %v", names)
	}
}
