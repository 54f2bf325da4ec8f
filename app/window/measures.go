package window

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
)

// openMeasures shows what the chosen object measures, or how many labels of each
// class there are, and offers the hot-spot and the table as a file.
func (w *Window) openMeasures() {
	if w.win.Canvas().Overlays().Top() != nil {
		return
	}
	scale := app.MeasureScaleOf(w.open.Item)
	list := vbox(3)
	line := func(name, value string) {
		list.Add(container.NewBorder(nil, nil, nil, newText(value, textBody, theme.ColorNameForeground).trailing(), newText(name, textBody, colorQuiet).fixed(190)))
	}
	title := "Measures"
	if objects := w.chosen(); len(objects) == 1 {
		class, _ := w.classOf(objects[0].Class)
		title = fmt.Sprintf("Measures: %s, %s", class, objects[0].ROI.Kind)
		for _, c := range app.MeasureColumns(scale, w.open.Set) {
			if v := c.Value(objects[0]); !math.IsNaN(v) {
				line(c.Title, measureWords(v, c.Unit))
			}
		}
	} else {
		area := 0.0
		for _, o := range objects {
			area += o.ROI.Area() * scale.X * scale.Y
		}
		if len(objects) > 1 {
			title = "Measures: " + plural(len(objects), "annotation")
			unit := "px²"
			if scale.Known {
				unit = "µm²"
			}
			line("Area together", measureWords(area, unit))
		}
		for _, c := range w.session.Palette() {
			if n := w.survey.counts[c.ID]; n > 0 {
				line(c.Name, plural(n, "annotation"))
			}
		}
		if len(list.Objects) == 0 {
			line("No labels on this slide yet.", "")
		}
	}
	list.Add(padded(newText("Scale: "+scale.Words(), textSmall, colorQuiet), 6, 0, 0, 0))
	var pop *popUp
	after := func(f func()) func() {
		return func() {
			pop.Hide()
			f()
		}
	}
	buttons := hbox(6,
		newButton(w.tips, nil, "Hot-spot…", "", "", after(w.askHotSpot)).filled().sized(92, 28),
		newButton(w.tips, nil, "Export table…", "", "", after(w.askMeasuresFile)).filled().sized(116, 28),
		newButton(w.tips, nil, "Table", "Shift+T", "All annotations with their measures, below the slide", after(func() {
			if !w.sheet.shown {
				w.toggleSheet()
			}
		})).filled().sized(92, 28))
	body := vbox(10, container.New(&widthLayout{width: 340}, list), buttons)
	head := boldText(title, 14)
	pop = newPopUp(padded(container.NewBorder(head, nil, nil, nil, padded(body, 8, 4, 0, 0)), 12, 14, 18, 18), w.win.Canvas(), func() {
		pop.Hide()
		w.focus()
	})
	size, room := pop.MinSize(), w.win.Canvas().Size()
	pop.ShowAtPosition(fyne.NewPos(max(0, (room.Width-size.Width)/2), max(0, (room.Height-size.Height)/3)))
	w.win.Canvas().Focus(pop.catcher)
}

// measureWords is a measure for people.
func measureWords(v float64, unit string) string {
	switch {
	case unit == "µm²" && v >= 1e5:
		v, unit = v/1e6, "mm²"
	case unit == "µm" && v >= 1e4:
		v, unit = v/1e3, "mm"
	}
	words := fmt.Sprintf("%.4g", v)
	if unit == "" && v == math.Trunc(v) || v >= 1e4 && v < 1e9 {
		words = number(int(math.Round(v)))
	}
	if unit == "" || unit == "°" {
		return words + unit
	}
	return words + " " + unit
}

// askHotSpot finds the circle with the most objects, and draws it.
func (w *Window) askHotSpot() {
	area := newFormEntry("1")
	class := widget.NewSelect(w.classNames(anyClass), nil)
	class.SetSelected(anyClass)
	keep := widget.NewCheck("Draw the circle as an annotation", nil)
	keep.SetChecked(!w.session.ReadOnly())
	var inside *annotate.Object
	hint := "The circle of this area that holds the most objects, on the whole slide"
	if o := w.chosen(); len(o) == 1 && o[0].ROI.IsArea() {
		inside, hint = o[0], "The circle of this area that holds the most objects of the chosen annotation"
	}
	w.form("Hot-spot", "Find it", []*widget.FormItem{
		{Text: "Area, mm²", Widget: area, HintText: hint}, widget.NewFormItem("Count", class), widget.NewFormItem("", keep),
	}, []*formEntry{area}, func() error {
		mm2, err := number1(area, "Area")
		if err != nil {
			return err
		}
		if !(mm2 > 0 && mm2 <= 1e4) {
			return errors.New("the area must be more than 0 and at most 10000 mm²")
		}
		classes := map[annotate.ID]bool{}
		if class.Selected != anyClass {
			classes[w.classByName(class.Selected)] = true
		}
		w.findHotSpot(mm2, classes, inside, keep.Checked)
		return nil
	})
}

// findHotSpot runs in the background: it may take long on a slide of many objects.
func (w *Window) findHotSpot(mm2 float64, classes map[annotate.ID]bool, inside *annotate.Object, keep bool) {
	s, open, class := w.session, w.open, w.class
	if c := s.Palette().ByName("Hot-spot"); c != nil {
		class = c.ID
	}
	w.startJob("Hot-spot", func(j *job) error {
		spot, err := s.HotSpot(j.ctx, open.Item.ID, mm2, classes, inside, j.progress)
		if err != nil {
			return err
		}
		words := fmt.Sprintf("Hot-spot of %.4g mm²: %s, %.4g per mm²", mm2, plural(spot.Count, "object"), spot.Density)
		if spot.Scale.Assumed {
			words += " (mpp assumed)"
		}
		var id annotate.ID
		if keep {
			if id, err = s.DrawMarked(open.Item.ID, spot.ROI, class, map[string]string{"measure": "hot-spot", "objects": fmt.Sprint(spot.Count), "density": fmt.Sprintf("%.4g/mm²", spot.Density)}); err != nil {
				return err
			}
		}
		w.post(func() {
			if w.open != open {
				return
			}
			w.status.say(words)
			if keep {
				w.selectAndShow(id)
			} else {
				w.fly(spot.ROI.Bounds())
			}
		})
		return nil
	})
}

// askMeasuresFile asks where the measures of this slide shall go.
func (w *Window) askMeasuresFile() {
	s, open := w.session, w.open
	w.askMeasures("Export the measures of this slide", "a line for each label; "+app.MeasureScaleOf(open.Item).Words(), func(j *job, path string) (string, error) {
		n, err := s.ExportMeasures(j.ctx, open.Item.ID, path, app.LabelsOnly)
		return fmt.Sprintf("Wrote the measures of %s to %s", plural(n, "label"), path), err
	})
}

// askMeasures asks for a CSV file and has it written by a job, which gives the words
// that say so. A file that is there already is replaced when it is asked for twice.
func (w *Window) askMeasures(title, holds string, write func(j *job, path string) (string, error)) {
	name := w.open.Item.Name
	file := newFormEntry(filepath.Join(filepath.Dir(w.session.Dir()), strings.TrimSuffix(name, filepath.Ext(name))+"-measures.csv"))
	warned := ""
	w.form(title, "Export", []*widget.FormItem{
		{Text: "File", Widget: file, HintText: "CSV, " + holds},
	}, []*formEntry{file}, func() error {
		path := strings.TrimSpace(file.Text)
		if filepath.Ext(path) == "" {
			path += ".csv"
		}
		if _, err := os.Stat(path); err == nil && warned != path {
			warned = path
			return fmt.Errorf("%s is there already; Export once more replaces it", filepath.Base(path))
		}
		w.startJob("Export measures", func(j *job) error {
			words, err := write(j, path)
			if err != nil {
				return err
			}
			w.post(func() { w.status.say(words) })
			return nil
		})
		return nil
	})
}
