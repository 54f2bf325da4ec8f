package window

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/viewer"
)

// toolOf is a tool with its command, its icon and more words for its tip, in the
// order of the strip.
type toolOf struct {
	tool           viewer.Tool
	id, icon, more string
}

var toolStrip = [...][]toolOf{
	{
		{viewer.ToolPan, "tool.pan", "pan", "hold Space for it in any tool"},
		{viewer.ToolSelect, "tool.select", "select", ""},
		{viewer.ToolLasso, "tool.lasso", "lasso", ""},
	}, {
		{viewer.ToolRectangle, "tool.rectangle", "rectangle", "drag from corner to corner"},
		{viewer.ToolTurnedRectangle, "tool.turned", "turned", "one side, then the width"},
		{viewer.ToolEllipse, "tool.ellipse", "ellipse", ""},
		{viewer.ToolPolygon, "tool.polygon", "polygon", "click the corners, or draw free-hand"},
		{viewer.ToolSpline, "tool.spline", "spline", "a smooth outline through clicked points"},
	}, {
		{viewer.ToolBrush, "tool.brush", "brush", "Alt takes away, < and > change the size"},
		{viewer.ToolEraser, "tool.eraser", "eraser", ""},
		{viewer.ToolWand, "tool.wand", "wand", "what looks alike; drag for the tolerance"},
		{viewer.ToolSuperpixel, "tool.superpixel", "superpixel", "small regions of the picture"},
		{viewer.ToolPrompt, "tool.prompt", "prompt", "a network outlines what you click, or drag a box around"},
		{viewer.ToolScissors, "tool.scissors", "scissors", "cut areas along a line"},
	}, {
		{viewer.ToolPoint, "tool.point", "point", ""},
		{viewer.ToolPoints, "tool.points", "points", "a group that is one annotation"},
		{viewer.ToolLine, "tool.line", "line", ""},
		{viewer.ToolPolyline, "tool.polyline", "polyline", ""},
		{viewer.ToolArrow, "tool.arrow", "arrow", ""},
		{viewer.ToolRuler, "tool.ruler", "ruler", ""},
		{viewer.ToolAngle, "tool.angle", "angle", ""},
	},
}

// newToolStrip is the column of tools beside the slide, two abreast.
func newToolStrip(t *toolbar) fyne.CanvasObject {
	column := vbox(3)
	for i, group := range toolStrip {
		if i > 0 {
			column.Add(padded(newFill(theme.ColorNameInputBorder, 0), 2, 2, 6, 6))
		}
		grid := container.NewGridWithColumns(2)
		for _, k := range group {
			b := t.command(k.id, k.icon, "", k.more).sized(31, 28)
			if len(b.key) > 1 { // no room in the corner
				b.key = ""
			}
			t.tools[k.tool] = b
			grid.Add(b)
		}
		column.Add(grid)
	}
	return onPanel(padded(column, 5, 5, 3, 3))
}

// bindDrawing says what the commands of tools, annotations and classes do.
func (w *Window) bindDrawing(on func(string, func(), func() bool)) {
	project := func() bool { return w.session != nil }
	slide := func() bool { return w.open != nil }
	writable := func() bool { return project() && !w.session.ReadOnly() }
	edit := func() bool { return writable() && slide() }
	selected := func() bool { return slide() && len(w.viewer.Selection()) > 0 }
	for n := 1; n <= 9; n++ {
		key := fmt.Sprint(n)
		on("class."+key, func() { w.classKey(key) }, func() bool { return project() && w.session.Palette().ByKey(key) != nil })
	}
	w.bindTools(on, slide, edit)
	w.bindShapes(on, project, writable, edit, selected)
}

// bindTools says what the commands of the tools and of their options do.
func (w *Window) bindTools(on func(string, func(), func() bool), slide, edit func() bool) {
	for _, group := range toolStrip {
		for _, k := range group {
			switch k.tool {
			case viewer.ToolPan, viewer.ToolSelect: // bound with the others
			case viewer.ToolLasso:
				on(k.id, func() { w.setTool(k.tool) }, slide)
			case viewer.ToolPrompt:
				on(k.id, w.prompter.begin, edit)
			default:
				on(k.id, func() { w.setTool(k.tool) }, edit)
			}
		}
	}
	on("option.larger", func() { w.viewer.ScaleBrush(1.25) }, slide)
	on("option.smaller", func() { w.viewer.ScaleBrush(1 / 1.25) }, slide)
	toggle := func(id string, get func() bool, set func(bool), words string) {
		on(id, func() {
			set(!get())
			state := "off"
			if get() {
				state = "on"
			}
			w.status.say(words + ": " + state)
		}, slide)
	}
	toggle("option.holes", func() bool { return w.viewer.FillHoles() }, func(v bool) { w.viewer.SetFillHoles(v) }, "Paint fills the holes it closes")
	toggle("option.texture", func() bool { return w.viewer.Texture() }, func(v bool) { w.viewer.SetTexture(v) }, "The wand sees texture")
	toggle("option.snap", func() bool { return w.viewer.Snapping() }, func(v bool) { w.viewer.SetSnapping(v) }, "Snapping to corners and edges")
	toggle("option.pointer", func() bool { return w.viewer.KeyPointer() }, func(v bool) { w.viewer.SetKeyPointer(v) }, "Pointer by arrow keys (Space: click, Shift+Space: hold)")
}

// wireTools turns the wishes of the tools of a pane's viewer into calls of the
// session.
func (w *Window) wireTools(v *viewer.Viewer) {
	v.OnAlt = w.altUsed
	v.OnMark = func(roi annotate.ROI, meta map[string]string) { w.drawMarked(roi, meta) }
	v.OnEdits = func(before []*annotate.Object, after []annotate.ROI) {
		w.write(func(s *app.Session) error { return s.MoveAll(before, after) }, nil)
	}
	v.OnPaint = func(p viewer.Paint) { w.knownThen(func() { w.paint(p) }) }
	v.OnCut = func(line []annotate.Point) {
		if w.open == nil {
			return
		}
		// What is chosen is cut; if the line passes it by, whatever it crosses.
		slide, way := w.open.Item.ID, annotate.Ring(line).Bounds()
		var ids []annotate.ID
		for _, o := range w.chosen() {
			if o.ROI.IsArea() && o.ROI.Bounds().Meets(way) {
				ids = append(ids, o.ID)
			}
		}
		w.choosing(func(s *app.Session) ([]annotate.ID, error) { return s.Split(slide, ids, line) })
	}
}

// paint has a stroke joined to what is chosen, on the lane of edits: joining takes
// time.
func (w *Window) paint(p viewer.Paint) {
	if w.open == nil {
		return
	}
	slide, targets, class := w.open.Item.ID, w.viewer.Selection(), w.class
	w.choosing(func(s *app.Session) ([]annotate.ID, error) {
		area := p.Area
		if len(p.Path) > 0 {
			var err error
			if area, err = annotate.Stroke(p.Path, p.Radius); err != nil {
				return nil, err
			}
		}
		id, err := s.Paint(slide, app.Paint{Area: area, Class: class, Targets: targets, Erase: p.Erase, NoHoles: p.NoHoles})
		if err != nil || id.IsZero() {
			return targets, err
		}
		return []annotate.ID{id}, nil
	})
}

// choosing gives an edit to the session and selects what it answers.
func (w *Window) choosing(edit func(*app.Session) ([]annotate.ID, error)) {
	var ids []annotate.ID
	open := w.open
	w.drawing++
	w.write(func(s *app.Session) (err error) {
		ids, err = edit(s)
		return err
	}, func(err error) {
		w.drawing--
		if err == nil && w.open == open && open != nil {
			kept := ids[:0:0]
			for _, id := range ids {
				if open.Set.Get(id) != nil {
					kept = append(kept, id)
				}
			}
			w.viewer.SetSelection(kept)
			w.selected(kept)
		}
		if key := w.classNext; key != "" && w.drawing == 0 {
			w.classNext = ""
			w.classKey(key)
		}
	})
}
