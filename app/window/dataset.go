package window

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
)

// choice is a word of the program and what people read.
type choice struct{ word, text string }

// Choices of the dataset's dialog, the usual one first.
func layoutChoices() []choice {
	return []choice{
		{app.LayoutImageFolder, "Image folder (Hugging Face)"}, {app.LayoutFolders, "Plain folders by class"},
		{app.LayoutCOCO, "COCO detection"}, {app.LayoutYOLO, "YOLO detection"}, {app.LayoutWebDataset, "WebDataset shards"},
	}
}

func ruleChoices() []choice {
	return []choice{
		{app.RuleCentre, "The label at its centre"}, {app.RuleMajority, "The class that covers most of it"},
		{app.RuleCover, "A class that covers half of it"},
	}
}

func divideChoices() []choice {
	return []choice{
		{app.DivideDraw, "Drawn by share"}, {app.DivideKFold, "Five folds"}, {app.DivideStratified, "Five folds, classes even"},
	}
}

// selectOf is a list of choices; the function gives the word of the chosen one.
func selectOf(all []choice) (*widget.Select, func() string) {
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = c.text
	}
	s := widget.NewSelect(texts, nil)
	s.SetSelectedIndex(0)
	return s, func() string { return all[max(0, s.SelectedIndex())].word }
}

// askDataset asks how to export the labelled patches.
func (w *Window) askDataset() {
	out := newFormEntry(filepath.Join(filepath.Dir(w.session.Dir()), strings.TrimSuffix(filepath.Base(w.session.Dir()), app.ProjectExt)+"-dataset"))
	patch, mpp, splits, seed := newFormEntry("224"), newFormEntry("0.5"), newFormEntry("70 / 15 / 15"), newFormEntry("1")
	stride := newFormEntry("")
	stride.SetPlaceHolder("as the patch")
	layout, layoutWord := selectOf(layoutChoices())
	rule, ruleWord := selectOf(ruleChoices())
	divide, divideWord := selectOf(divideChoices())
	masks := widget.NewCheck("Masks", nil)
	multi := widget.NewCheck("Several classes a patch", nil)
	images := widget.NewCheck("Whole-slide label images", nil)
	captions := widget.NewCheck("Accepted captions", nil)
	names := widget.NewCheck("Keep names of slides, patients and authors", nil)
	side := func(a, b fyne.CanvasObject) fyne.CanvasObject { return container.NewGridWithColumns(2, a, b) }
	w.form("Export dataset", "Export", []*widget.FormItem{
		{Text: "Folder", Widget: w.folderField(out), HintText: "Must be new or empty"},
		widget.NewFormItem("Layout", layout),
		widget.NewFormItem("Patch, stride (px)", side(patch, stride)),
		widget.NewFormItem("µm per pixel", mpp),
		widget.NewFormItem("A patch is", rule),
		{Text: "Splits, %", Widget: side(splits, divide), HintText: "Training / validation / test; all slides of a patient stay together"},
		widget.NewFormItem("Seed", seed),
		widget.NewFormItem("", side(masks, multi)),
		widget.NewFormItem("", side(images, captions)),
		widget.NewFormItem("", names),
	}, []*formEntry{out, patch, stride, mpp, splits, seed}, func() error {
		o, err := datasetOptions(out.Text, patch.Text, mpp.Text, splits.Text, seed.Text)
		if err != nil {
			return err
		}
		if o.Stride, err = strideOf(stride.Text); err != nil {
			return err
		}
		o.Format, o.Rule, o.Divide = layoutWord(), ruleWord(), divideWord()
		o.Masks, o.Multi, o.Captions, o.Names = masks.Checked, multi.Checked, captions.Checked, names.Checked
		if images.Checked {
			o.Pyramids = "tiff"
		}
		w.exportDataset(o)
		return nil
	})
}

// strideOf reads the field of the stride; empty is as the patch.
func strideOf(text string) (int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 4096 {
		return 0, errors.New("the stride must be 1 to 4096 pixels, or empty")
	}
	return n, nil
}
