package window

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/tiles/stain"
)

// prefAdjust remembers whether the panel is shown.
const prefAdjust = "panel.adjust"

// adjustPanel says how a slide in colour is drawn on the screen: brightness,
// contrast and gamma, one stain alone, or in the colours of a standard.
type adjustPanel struct {
	w       *Window
	object  *fyne.Container
	head    *text
	levels  *levels
	tones   [3]*slider // brightness, contrast, gamma
	words   [3]*text
	sets    []*button // of stains, by setNames
	shows   [4]*button
	normals [3]*button
	changes *latest

	slide  annotate.ID // whose adjustment is shown; zero: none
	adjust stain.Adjust
	bins   []int64 // of the slide's light
	on     bool
	turn   int // counts what was measured: the last counts
}

// setNames are the sets of stains that have a button.
var setNames = []string{stain.StainsHE, stain.StainsHDAB, stain.StainsHED, stain.StainsOwn}

const contrastMost = 4.0 // the slider goes from 1/4 to 4

func newAdjustPanel(w *Window) *adjustPanel {
	p := &adjustPanel{w: w, changes: newLatest(), on: w.app.Preferences().Bool(prefAdjust)}
	p.head = newText("", textTiny, colorQuiet)
	p.levels = newLevels(w.tips, p.windowed)
	p.levels.SetRange(0, 255, nil, color.Gray{Y: 150})
	names := [3]string{"Brightness", "Contrast", "Gamma"}
	tips := [3]string{"Brightness: added to every pixel", "Contrast: how far pixels lie from the middle grey", "Gamma: below 1 brightens what is dim, above 1 darkens it"}
	change := [3]func(v float64){
		func(v float64) { p.adjust.Brightness = math.Round(100*(2*v-1)) / 100 },
		func(v float64) { p.adjust.Contrast = math.Round(100*math.Pow(contrastMost, 2*v-1)) / 100 },
		func(v float64) { p.adjust.Gamma = gammaOf(v) },
	}
	tones := container.NewVBox()
	for i := range p.tones {
		p.words[i] = newText("", textSmall, colorQuiet).fixed(40).trailing()
		p.tones[i] = newSlider(w.tips, tips[i], 0.5, func(v float64) { change[i](v); p.apply() })
		tones.Add(container.NewBorder(nil, nil, newText(names[i], textSmall, theme.ColorNameForeground).fixed(62), p.words[i], p.tones[i]))
	}
	small := func(words, tip string, do func()) *button {
		return newButton(w.tips, nil, words, "", tip, func() { do(); w.focus() }).filled().sized(10, 22)
	}
	setRow, showRow, normalRow := newSpread(3), newSpread(3), newSpread(3)
	setTips := []string{"Haematoxylin and eosin: the vectors of Ruifrok's plug-in for ImageJ", "Haematoxylin and DAB: the vectors of Ruifrok's plug-in for ImageJ",
		"Haematoxylin, eosin and DAB: Ruifrok and Johnston 2001, as in scikit-image", "Find the two stains of this slide, or of the selected annotation, by Macenko's method (2009)"}
	for i, name := range setNames {
		words := []string{"H E", "H D", "H E D", ""}[i]
		do := func() { p.chooseSet(name) }
		if name == stain.StainsOwn {
			words, do = "Find", p.findStains
		}
		p.sets = append(p.sets, small(words, setTips[i], do))
		setRow.Add(p.sets[i])
	}
	for i := range p.shows {
		p.shows[i] = small("", "", func() { p.show(stain.Show(i)) })
		showRow.Add(p.shows[i])
	}
	for i, words := range []string{"Own", "Reinhard", "Macenko"} {
		tip := []string{"The slide's own colours", "Mean and deviation of the tissue as on a standard slide (Reinhard 2001); for the eye alone", "Stains and their amounts as on a standard slide (Macenko 2009); for the eye alone"}[i]
		p.normals[i] = small(words, tip, func() { p.normalise(stain.Normal(i)) })
		if i > 0 {
			normalRow.Add(p.normals[i])
		}
	}
	pick := small("Stain from selection", "The stain that is shown gets the colour of the selected annotation's pixels", p.pickStain)
	reset := small("Reset", "Show the slide as it is", p.reset)
	label := func(words string) fyne.CanvasObject { return newText(words, textSmall, colorQuiet) }
	body := padded(vbox(3, p.levels, tones, label("Stains"), setRow, showRow, label("Colours: its own, or of a standard slide"),
		container.NewBorder(nil, nil, padded(p.normals[0], 0, 0, 0, 3), nil, normalRow),
		container.NewBorder(nil, nil, nil, reset, pick)), 5, 6, 8, 8)
	p.object = onPanel(container.NewVBox(newFill(theme.ColorNameSeparator, 0), section("ADJUST", p.head, body)))
	p.object.Hide()
	return p
}

// newSpread is a row whose objects are equally wide.
func newSpread(gap float32) *fyne.Container {
	return container.New(&pairLayout{gap: gap, height: 22})
}

// toggle shows the panel or puts it away.
func (p *adjustPanel) toggle() {
	p.on = !p.on
	p.w.app.Preferences().SetBool(prefAdjust, p.on)
	p.update()
}

// update follows the slide that is open.
func (p *adjustPanel) update() {
	open := p.w.open
	var slide annotate.ID
	if open != nil && open.Adjustable() {
		slide = open.Item.ID
	}
	if slide != p.slide {
		p.slide, p.adjust, p.bins = slide, stain.Adjust{}, nil
		if slide != (annotate.ID{}) {
			p.adjust = open.Adjust()
		}
	}
	on := p.on && slide != annotate.ID{}
	if on && p.bins == nil {
		p.count(open)
	}
	defer p.w.left.Refresh()
	show(p.object, on)
	p.refresh()
}

// count reads the slide's light in the background.
func (p *adjustPanel) count(open *app.OpenSlide) {
	p.bins = []int64{}
	slide := p.slide
	p.w.reads.do(func() {
		m, _, err := open.StainPicture(context.Background(), nil)
		if err != nil { // the viewer tells of a damaged slide
			return
		}
		bins := lightBins(m)
		p.w.post(func() {
			if p.slide == slide {
				p.bins = bins
				p.levels.SetRange(0, 255, bins, color.Gray{Y: 150})
				p.refresh()
			}
		})
	})
}

// lightBins counts the pixels of a picture by their light, but for clear ones and
// the lightest, of glass, which would dwarf all others.
func lightBins(m *image.RGBA) []int64 {
	bins := make([]int64, levelBins)
	for i := 0; i+4 <= len(m.Pix); i += 4 {
		if m.Pix[i+3] == 255 {
			light := (299*int(m.Pix[i]) + 587*int(m.Pix[i+1]) + 114*int(m.Pix[i+2]) + 500) / 1000
			bins[light*levelBins/256]++
		}
	}
	return bins
}

// refresh brings the panel up to the adjustment.
func (p *adjustPanel) refresh() {
	a := p.adjust
	contrast, gamma := a.Contrast, a.Gamma
	if contrast == 0 {
		contrast = 1
	}
	if gamma == 0 {
		gamma = 1
	}
	p.tones[0].Set((a.Brightness + 1) / 2)
	p.tones[1].Set(min(max((math.Log(contrast)/math.Log(contrastMost)+1)/2, 0), 1))
	p.tones[2].Set(placeOf(gamma))
	p.words[0].Set(fmt.Sprintf("%+.2f", a.Brightness))
	p.words[1].Set(fmt.Sprintf("%.2f", contrast))
	p.words[2].Set(fmt.Sprintf("%.2f", gamma))
	if p.levels.held == 0 {
		p.levels.SetWindow(255*((-0.5-a.Brightness)/contrast+0.5), 255*((0.5-a.Brightness)/contrast+0.5))
	}
	for i, b := range p.sets {
		b.SetActive(a.Stains == setNames[i])
	}
	names := stain.StainNames(a.Stains)
	for i, b := range p.shows {
		words := "All"
		if i > 0 {
			words = names[i-1][:1]
			if names[i-1] == "Rest" {
				words = "Rest"
			}
			b.tip = names[i-1] + " alone, in its colour"
		} else {
			b.tip = "All stains: the picture"
		}
		b.SetWords(words)
		b.SetActive(int(a.Show) == i)
	}
	for i, b := range p.normals {
		b.SetActive(int(a.Normal) == i)
	}
	p.head.Set(adjustWords(a))
	p.w.status.adjusted(adjustWords(a))
}

// adjustWords says how a slide is drawn; "" for as it is.
func adjustWords(a stain.Adjust) string {
	alone := ""
	if a.Show != stain.ShowAll {
		alone = stain.StainNames(a.Stains)[a.Show-1]
	}
	switch {
	case a.Normal != stain.NormalNone && alone != "":
		return "Normalised, " + alone
	case a.Normal == stain.NormalReinhard:
		return "Normalised (Reinhard)"
	case a.Normal == stain.NormalMacenko:
		return "Normalised (Macenko)"
	case alone != "":
		return alone + " alone"
	case !a.IsZero():
		return "Adjusted"
	}
	return ""
}

// windowed takes brightness and contrast from the handles of the histogram.
func (p *adjustPanel) windowed(low, high float64) {
	c := 255 / max(high-low, 1)
	p.adjust.Contrast = min(max(c, 1/contrastMost), 100)
	p.adjust.Brightness = min(max(p.adjust.Contrast*(0.5-low/255)-0.5, -1), 1)
	p.apply()
}

// chooseSet takes the vectors of a name, and shows the first stain where the whole
// picture was shown.
func (p *adjustPanel) chooseSet(name string) {
	v, ok := stain.VectorsOf(name)
	if !ok {
		return
	}
	p.adjust.Vectors, p.adjust.Stains = v, name
	if p.adjust.Show == stain.ShowAll {
		p.adjust.Show = stain.ShowFirst
	}
	p.apply()
}

// show draws one stain, or all.
func (p *adjustPanel) show(s stain.Show) {
	if s != stain.ShowAll && p.adjust.Stains == "" {
		p.adjust.Vectors, p.adjust.Stains = stain.HE(), stain.StainsHE
	}
	p.adjust.Show = s
	p.apply()
}

// chosenROI is that of the one selected annotation; nil when there is none.
func (p *adjustPanel) chosenROI() *annotate.ROI {
	ids := p.w.viewer.Selection()
	if len(ids) != 1 || p.w.open == nil {
		return nil
	}
	if o := p.w.open.Set.Get(ids[0]); o != nil {
		roi := o.ROI
		return &roi
	}
	return nil
}

// measure finds something from the slide's pixels in the background.
func (p *adjustPanel) measure(words string, find func(open *app.OpenSlide, a stain.Adjust) (stain.Adjust, error)) {
	open, slide, a := p.w.open, p.slide, p.adjust
	p.turn++
	turn := p.turn
	if open == nil || slide == (annotate.ID{}) {
		return
	}
	p.w.status.say(words + " …")
	p.w.reads.do(func() {
		found, err := find(open, a)
		p.w.post(func() {
			switch {
			case p.slide != slide || p.turn != turn: // a later wish counts
			case errors.Is(err, stain.ErrNoStain):
				p.w.status.say("No two stains can be told apart there: choose an annotation with both, or more tissue.")
			case err != nil:
				p.w.fail(err)
			default:
				// What was moved meanwhile stays as it is now.
				now := p.adjust
				found.Brightness, found.Contrast, found.Gamma = now.Brightness, now.Contrast, now.Gamma
				if now.Show != a.Show {
					found.Show = now.Show
				}
				if now.Normal != a.Normal {
					found.Normal = now.Normal
				}
				p.adjust = found
				p.apply()
				p.w.status.say(words + ": done")
			}
		})
	})
}

// findStains finds the two stains of the selection, or of the whole slide.
func (p *adjustPanel) findStains() {
	roi := p.chosenROI()
	p.measure("Finding the stains by Macenko's method", func(open *app.OpenSlide, a stain.Adjust) (stain.Adjust, error) {
		m, keep, err := open.StainPicture(context.Background(), roi)
		if err != nil {
			return a, err
		}
		if a.Vectors, err = stain.Macenko(m, keep); err != nil {
			return a, err
		}
		a.Stains = stain.StainsOwn
		if a.Show == stain.ShowAll {
			a.Show = stain.ShowFirst
		}
		return a, nil
	})
}

// pickStain gives the shown stain the colour of the selected annotation.
func (p *adjustPanel) pickStain() {
	roi := p.chosenROI()
	if roi == nil {
		p.w.status.say("Select one annotation around pixels of the stain first.")
		return
	}
	p.measure("Taking the stain from the selection", func(open *app.OpenSlide, a stain.Adjust) (stain.Adjust, error) {
		m, keep, err := open.StainPicture(context.Background(), roi)
		if err != nil {
			return a, err
		}
		v, err := stain.VectorOf(m, keep)
		if err != nil {
			return a, err
		}
		if a.Stains == "" {
			a.Vectors = stain.HE()
		}
		if a.Show == stain.ShowAll {
			a.Show = stain.ShowFirst
		}
		a.Vectors[a.Show-1], a.Stains = v, stain.StainsOwn
		if a.Show != stain.ShowThird {
			a.Vectors = stain.Completed(a.Vectors[0], a.Vectors[1])
		}
		return a, stain.Check(a)
	})
}

// normalise brings the slide to the colours of a standard.
func (p *adjustPanel) normalise(by stain.Normal) {
	if by == stain.NormalNone {
		p.turn++
		p.adjust.Normal = by
		p.apply()
		return
	}
	p.measure("Measuring the stains of the slide", func(open *app.OpenSlide, a stain.Adjust) (stain.Adjust, error) {
		return open.Normalised(context.Background(), a, by)
	})
}

// reset shows the slide as it is.
func (p *adjustPanel) reset() {
	p.turn++ // what is being measured is not wanted any more
	p.adjust = stain.Adjust{}
	p.apply()
}

// apply shows the adjustment in the panel at once and on the slide soon.
func (p *adjustPanel) apply() {
	p.refresh()
	s, open, slide := p.w.session, p.w.open, p.slide
	if s == nil || open == nil || slide == (annotate.ID{}) {
		return
	}
	a := p.adjust
	p.changes.do(func() {
		now, err := s.SetAdjust(slide, a)
		p.w.post(func() {
			switch {
			case p.w.session != s || errors.Is(err, app.ErrNoSlide) || errors.Is(err, app.ErrClosed):
			case err != nil:
				p.w.fail(err)
			default:
				p.w.reopened(now)
			}
		})
	})
}
