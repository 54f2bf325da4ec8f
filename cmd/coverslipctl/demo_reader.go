package main

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"slices"

	"coverslip/annotate"
	"coverslip/app"
)

// The simulated reader of the demo: who labels and decides where no person is.

const (
	labelsPerClass  = 3   // labels drawn of each class
	decideUncertain = 200 // suggestions decided from the front of the queue, where a decision teaches most
	decideCertain   = 100 // and from its end, where most can be accepted
	placeholders    = 12  // patches of each placeholder class on the user's slide
)

// Placeholder classes for a slide without a truth.
var placeholderNames = [2]string{"Dark (demo rule)", "Pale (demo rule)"}

// wish is a label to be drawn.
type wish struct {
	box   annotate.Box
	class annotate.ID
}

// label draws a handful of labels, unless there are some.
func (d *demo) label() error {
	d.title("A handful of labels")
	set, err := d.s.Objects(d.id)
	if err != nil {
		return err
	}
	if n := len(set.Counts()); n >= 2 {
		d.found("labels of %d classes are there from an earlier run", n)
		return nil
	}
	boxes, err := d.s.Embedded(d.id, app.SuggestOptions{})
	if err != nil {
		return err
	}
	var wishes []wish
	if d.truth != nil {
		wishes = d.fromTruth(boxes)
	} else if wishes, err = d.fromRule(boxes); err != nil {
		return err
	}
	counts := map[annotate.ID]int{}
	for _, w := range wishes {
		b := w.box
		if _, err := d.s.Draw(annotate.Rectangle(b.MinX, b.MinY, b.MaxX, b.MaxY), w.class); err != nil {
			return err
		}
		counts[w.class]++
	}
	text := ""
	for _, c := range d.s.Palette() {
		if counts[c.ID] > 0 {
			text += fmt.Sprintf(", %d of %s", counts[c.ID], c.Name)
		}
	}
	how := "rectangles drawn where the truth says so"
	if d.truth == nil {
		how = "patches labelled by a rule (darkest and palest), which means nothing in pathology"
	}
	d.found("%d %s%s", len(wishes), how, text)
	return nil
}

// fromTruth wishes rectangles of two by two patches that lie in one class of
// the truth, far from each other: what a person would outline in a minute.
func (d *demo) fromTruth(boxes []annotate.Box) []wish {
	at := map[annotate.Point]annotate.ID{}
	for _, b := range boxes {
		if class, ok := app.ClassAt(b.Center(), d.truth); ok {
			at[annotate.Point{X: b.MinX, Y: b.MinY}] = class
		}
	}
	sorted := slices.Clone(boxes)
	slices.SortFunc(sorted, func(a, b annotate.Box) int { return cmp.Compare(scatter(a), scatter(b)) })
	taken := map[annotate.ID][]annotate.Box{}
	var wishes []wish
	for _, b := range sorted {
		side := b.Width()
		class, ok := at[annotate.Point{X: b.MinX, Y: b.MinY}]
		if !ok || len(taken[class]) == labelsPerClass || !d.paletteHas(class) {
			continue
		}
		whole := true
		for _, shift := range [][2]float64{{side, 0}, {0, side}, {side, side}} {
			other, ok := at[annotate.Point{X: b.MinX + shift[0], Y: b.MinY + shift[1]}]
			whole = whole && ok && other == class
		}
		square := annotate.Box{MinX: b.MinX, MinY: b.MinY, MaxX: b.MaxX + side, MaxY: b.MaxY + side}
		near := slices.ContainsFunc(taken[class], func(t annotate.Box) bool { return t.Grow(4 * side).Meets(square) })
		if !whole || near {
			continue
		}
		taken[class] = append(taken[class], square)
		wishes = append(wishes, wish{square, class})
	}
	return wishes
}

func (d *demo) paletteHas(class annotate.ID) bool { return d.s.Palette().ByID(class) != nil }

// scatter orders boxes without pattern but always alike (a step of SplitMix64).
func scatter(b annotate.Box) uint64 {
	z := uint64(b.MinX)<<32 ^ uint64(b.MinY)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fromRule wishes the darkest and the palest patches, by a thumbnail.
func (d *demo) fromRule(boxes []annotate.Box) ([]wish, error) {
	classes, err := d.addPlaceholders()
	if err != nil {
		return nil, err
	}
	thumb, err := d.s.Overview(d.c.ctx, d.id, 2048)
	if err != nil {
		return nil, err
	}
	item, err := d.s.Slide(d.id)
	if err != nil {
		return nil, err
	}
	scale := float64(thumb.Rect.Dx()) / float64(item.Width)
	light := make(map[annotate.Box]float64, len(boxes))
	for _, b := range boxes {
		light[b] = brightness(thumb, b, scale)
	}
	sorted := slices.Clone(boxes)
	slices.SortStableFunc(sorted, func(a, b annotate.Box) int { return cmp.Compare(light[a], light[b]) })
	n := min(placeholders, len(sorted)/4)
	var wishes []wish
	for i := range n {
		wishes = append(wishes, wish{sorted[i], classes[0]}, wish{sorted[len(sorted)-1-i], classes[1]})
	}
	return wishes, nil
}

// brightness is the mean of green, where both dyes show, in a level-0 box.
func brightness(thumb *image.RGBA, b annotate.Box, scale float64) float64 {
	r := image.Rect(int(b.MinX*scale), int(b.MinY*scale), int(b.MaxX*scale)+1, int(b.MaxY*scale)+1).Intersect(thumb.Rect)
	sum, n := 0.0, 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			sum += float64(thumb.Pix[thumb.PixOffset(x, y)+1])
			n++
		}
	}
	return sum / float64(max(n, 1))
}

// addPlaceholders adds the two classes of the rule to the palette.
func (d *demo) addPlaceholders() (ids [2]annotate.ID, err error) {
	colors := [2]color.NRGBA{{R: 70, G: 0, B: 130, A: 255}, {R: 255, G: 170, B: 60, A: 255}}
	e := annotate.Edit{Label: "Add the demo's placeholder classes"}
	for i, name := range placeholderNames {
		ids[i] = annotate.ClassID(name)
		if d.s.Palette().ByID(ids[i]) == nil {
			e.Classes = append(e.Classes, annotate.ClassChange{After: &annotate.Class{ID: ids[i], Name: name, Color: colors[i]}})
		}
	}
	return ids, d.s.Apply(e)
}

// decide decides on the least and the most certain suggestions as the truth
// says, then learns again from what is known now.
func (d *demo) decide() error {
	d.title("Decisions")
	item, err := d.s.Slide(d.id)
	if err != nil {
		return err
	}
	defer d.count()
	if d.truth == nil {
		d.found("none: there is no truth to decide by. The least certain suggestions come first in the window and in: coverslipctl queue --project %s", d.r.Project)
		return nil
	}
	if item.Rejected > 0 || d.decided() {
		d.found("there are decisions from an earlier run")
		return nil
	}
	accept, reclass, reject := d.judge(d.s.Queue(d.id))
	right, other := len(accept), 0
	if err := d.s.Accept(accept...); err != nil {
		return err
	}
	for _, c := range d.s.Palette() {
		ids := reclass[c.ID]
		if len(ids) == 0 {
			continue
		}
		if err := d.s.Reclass(c.ID, ids...); err != nil {
			return err
		}
		other += len(ids)
	}
	if err := d.s.Reject(reject...); err != nil {
		return err
	}
	d.found("a simulated reader who knows the truth accepted %d, re-classed %d and rejected %d suggestions", right, other, len(reject))
	// What the decisions taught shows on the patches nobody decided on.
	before, err := d.accuracy()
	if err != nil {
		return err
	}
	if d.r.Second, err = d.learn(); err != nil || before == nil || d.r.Second == nil {
		return err
	}
	d.found("of the suggestions still waiting %.1f %% were right before the decisions, %.1f %% are now", 100**before, 100**d.r.Second)
	return nil
}

// accuracy is the share of right suggestions among the waiting ones whose truth
// is known; nil when there is none.
func (d *demo) accuracy() (*float64, error) {
	e, err := d.s.Evaluate(d.id, d.truth, (*annotate.Object).IsSuggestion)
	if err != nil || e.Judged == 0 {
		return nil, err
	}
	acc := e.Accuracy()
	return &acc, nil
}

// decided tells whether a suggestion was taken over already.
func (d *demo) decided() bool {
	set, err := d.s.Objects(d.id)
	found := false
	if err == nil {
		set.All(func(o *annotate.Object) bool {
			found = o.Kind == annotate.Detection && !o.IsSuggestion()
			return !found
		})
	}
	return found
}

// judge sorts both ends of the queue by the truth.
func (d *demo) judge(queue []*annotate.Object) (accept []annotate.ID, reclass map[annotate.ID][]annotate.ID, reject []annotate.ID) {
	if len(queue) > decideUncertain+decideCertain {
		queue = append(slices.Clone(queue[:decideUncertain]), queue[len(queue)-decideCertain:]...)
	}
	taught := map[annotate.ID]bool{}
	for _, o := range queue {
		taught[o.Class] = true
	}
	reclass = map[annotate.ID][]annotate.ID{}
	for _, o := range queue {
		class, known := app.ClassAt(o.ROI.Bounds().Center(), d.truth)
		switch {
		case !known || !taught[class]: // one patch of a new class would teach nothing
			reject = append(reject, o.ID)
		case class == o.Class:
			accept = append(accept, o.ID)
		default:
			reclass[class] = append(reclass[class], o.ID)
		}
	}
	return accept, reclass, reject
}

// count notes the state for the last lines.
func (d *demo) count() {
	if item, err := d.s.Slide(d.id); err == nil {
		d.r.Labels, d.r.Waiting = item.Labels, item.Suggestions
	}
}
