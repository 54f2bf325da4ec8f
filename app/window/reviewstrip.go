package window

import (
	"fmt"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
)

// stripView is one suggestion, large: the patch, what lies around it, what the
// model says, why, and the labels that spoke for it.
type stripView struct {
	p                     *reviewPanel
	object                *fyne.Container
	patch, around         *canvas.Image
	patches, surroundings *crops
	small                 *crops
	swatch                *canvas.Rectangle
	class, score, now     *text
	bar                   *bar
	why                   *tippedParagraph
	said                  *paragraph
	near                  [3]*canvas.Image
	names                 [3]*text
	keys                  *fyne.Container
	idle                  *paragraph
	full                  *fyne.Container
	accept, reject, skip  *button
	edit                  *button
}

const (
	patchSide   = 164 // Fyne units
	aroundTimes = 4   // of the patch's side: what lies around it
	nearSide    = 46
	ahead       = 3 // suggestions whose pictures are read, the current one included
)

func newStripView(p *reviewPanel) *stripView {
	w := p.w
	v := &stripView{p: p, patch: reviewPicture(patchSide), around: reviewPicture(patchSide), small: newCrops(w)}
	v.patches, v.surroundings = newCrops(w), newCrops(w)
	v.patches.side, v.patches.kept = 256, 64
	v.surroundings.side, v.surroundings.room, v.surroundings.kept = 256, aroundTimes, 64
	v.patches.lane, v.surroundings.lane = p.reads, p.reads
	frame := canvas.NewRectangle(color.Transparent)
	frame.StrokeColor, frame.StrokeWidth = color.NRGBA{255, 214, 10, 255}, 1.5
	mid := container.NewCenter(container.NewGridWrap(fyne.NewSize(patchSide/aroundTimes, patchSide/aroundTimes), frame))
	place := func(o ...fyne.CanvasObject) fyne.CanvasObject {
		return container.NewGridWrap(fyne.NewSize(patchSide, patchSide), container.NewStack(append([]fyne.CanvasObject{newFill(colorChip, 5)}, o...)...))
	}
	v.swatch, v.class = swatch(12), boldText("", 15).fixed(40)
	v.score, v.now = newText("", textBody, theme.ColorNameForeground).trailing().fixed(44), newText("", textSmall, theme.ColorNameWarning).fixed(40)
	v.bar = newBar()
	v.why, v.said = newTippedParagraph(w.tips, textSmall, colorQuiet, 3), newParagraph(textSmall, theme.ColorNameForeground, 2)
	v.why.least = 2
	near := hbox(5)
	for i := range v.near {
		v.near[i] = reviewPicture(nearSide)
		v.names[i] = newText("", textTiny, colorQuiet).fixed(nearSide)
		near.Add(vbox(1, v.near[i], v.names[i]))
	}
	key := func(id, name, words, k, tip string, width float32) *button {
		var res fyne.Resource
		if name != "" {
			res = icon(name)
		}
		return newButton(w.tips, res, words, k, tip, func() { w.run(id); w.focus() }).filled().sized(width, 26)
	}
	v.accept = key("suggest.accept", "accept", "Accept", "A", "Take it over as a label  (A)", 82)
	v.reject = key("suggest.reject", "reject", "Reject", "X", "Not this class  (X)", 82)
	v.skip = key("suggest.skip", "skip", "Skip", "Z", "Decide later  (Z)", 82)
	v.edit = key("review.edit", "", "Edit", "Shift+E", "Change its shape; the model's stays beside yours  (Shift+E)", 82)
	v.keys = vbox(5, v.accept, v.reject, v.skip, v.edit)
	first := container.NewBorder(nil, nil, container.NewCenter(v.swatch), v.score, padded(v.class, 0, 0, 6, 4))
	text := container.NewVBox(first, v.bar, v.now, v.why, v.said)
	words := container.NewBorder(nil, near, nil, nil, container.New(layout.NewCustomPaddedVBoxLayout(2), text.Objects...))
	v.full = container.NewBorder(nil, nil, hbox(6, place(v.patch), place(v.around, mid)), padded(v.keys, 0, 0, 8, 0), padded(words, 0, 0, 8, 0))
	v.idle = newParagraph(textBody, colorQuiet, 3)
	v.object = container.New(&heightLayout{height: patchSide + 12}, container.NewStack(padded(v.full, 6, 6, 8, 8), container.NewCenter(container.NewGridWrap(fyne.NewSize(380, 60), v.idle))))
	return v
}

func (v *stripView) reset() {
	for _, c := range []*crops{v.patches, v.surroundings, v.small} {
		c.reset(v.p.w.open)
	}
}

// update shows the current suggestion, and reads the pictures of the next ones.
func (v *stripView) update() {
	w := v.p.w
	i := w.queue.index()
	show(v.full, i >= 0)
	show(v.idle, i < 0)
	if i < 0 {
		v.idle.Set(v.p.idleWords())
		return
	}
	o := w.queue.items[i]
	again := func() { v.pictures() }
	wanted := map[annotate.ID]bool{}
	for k := range ahead {
		if j := i + k; j < len(w.queue.items) {
			wanted[w.queue.items[j].ID] = true
		}
	}
	v.patches.want(wanted)
	v.surroundings.want(wanted)
	for k := range ahead { // the next ones are there when their turn comes
		if j := i + k; j < len(w.queue.items) {
			v.patches.get(w.queue.items[j], again)
			v.surroundings.get(w.queue.items[j], again)
		}
	}
	v.pictures()
	v.say(o)
}

// idleWords say why there is nothing to look at.
func (p *reviewPanel) idleWords() string {
	q := p.queue
	switch {
	case q != nil && q.Why != "" && len(q.Items) == 0 && p.order == app.QueueDoubts:
		return q.Why
	case p.order == app.QueueDoubts:
		return "The model speaks against no label."
	case q != nil && q.Passed > 0:
		return fmt.Sprintf("All that the rules want you to look at is decided. %s may pass unseen.", plural(q.Passed, "suggestion"))
	case p.w.survey.accepted+p.w.survey.rejected > 0:
		return "Every suggestion is decided. G asks the model again."
	}
	return "No suggestion waits. Label a few patches of two classes, then press G."
}

// say shows what the model says of a suggestion, unless a person wants to label
// first.
func (v *stripView) say(o *annotate.Object) {
	w := v.p.w
	can := w.session != nil && !w.session.ReadOnly()
	for _, b := range []*button{v.accept, v.reject} {
		b.SetEnabled(can && !v.p.blind)
	}
	v.edit.SetEnabled(can && !v.p.blind)
	x, live := v.p.word(o.ID)
	if v.p.blind {
		setSwatch(v.swatch, color.NRGBA{128, 128, 128, 255})
		v.class.Set("Which class?")
		v.score.Set("")
		v.bar.Set(0, theme.ColorNamePrimary)
		v.now.Set("")
		v.why.Set("Press the number of a class, or Z to skip. What the model said is shown after your word.")
		v.said.Set(v.p.last)
		return
	}
	name, c := w.classOf(o.Class)
	setSwatch(v.swatch, c)
	v.class.Set(name)
	v.score.Set(fmt.Sprintf("%.2f", o.By.Score))
	ink := fyne.ThemeColorName(theme.ColorNameSuccess)
	if o.By.Score < w.threshold {
		ink = theme.ColorNameWarning
	}
	v.bar.Set(o.By.Score, ink)
	v.now.Set(nowWords(w, o, x, live))
	why := o.By.Why
	if why == "" && o.By.Model != "" {
		why = "Proposed by " + o.By.Model + "."
	}
	if x.Must != "" {
		why = "To be seen: " + x.Must + ". " + why
	}
	v.why.Set(why)
	v.said.Set("")
	if t, ok := app.TextOf(o); ok {
		v.said.Set("“" + t.Text + "”")
	}
}

// nowWords say what the model says now, where that is not what it said.
func nowWords(w *Window, o *annotate.Object, x app.Queued, live bool) string {
	if !live || !x.Live {
		return ""
	}
	name, _ := w.classOf(x.Class)
	switch {
	case x.Doubt:
		return fmt.Sprintf("In doubt: the others say %s %.2f", name, x.Score)
	case x.Unsure:
		other, _ := w.classOf(x.Second)
		return fmt.Sprintf("I don't know: %s %.2f, %s %.2f", name, x.Score, other, x.Other)
	case x.Class != o.Class:
		return fmt.Sprintf("Now %s %.2f", name, x.Score)
	}
	const slight = 0.02 // less is not worth a person's eye
	if math.Abs(x.Score-o.By.Score) < slight {
		return ""
	}
	return fmt.Sprintf("Now %.2f", x.Score)
}

// pictures puts the pictures that are there.
func (v *stripView) pictures() {
	w := v.p.w
	i := w.queue.index()
	if i < 0 || w.open == nil {
		return
	}
	o := w.queue.items[i]
	putPicture(v.patch, v.patches.have[o.ID])
	putPicture(v.around, v.surroundings.have[o.ID])
	nearest := o.By.Nearest
	if x, live := v.p.word(o.ID); live && len(x.Near) > 0 {
		nearest = x.Near
	}
	for k := range v.near {
		var label *annotate.Object
		if k < len(nearest) && !v.p.blind {
			label = w.open.Set.Get(nearest[k])
		}
		show(v.near[k], label != nil)
		show(v.names[k], label != nil)
		if label == nil {
			continue
		}
		name, _ := w.classOf(label.Class)
		v.names[k].Set(name)
		putPicture(v.near[k], v.small.get(label, v.pictures))
	}
}
