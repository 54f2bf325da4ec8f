package viewer

import (
	"image/color"
	"maps"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/tiles"
)

// Viewer is the widget that shows a slide with its labels and lets a person
// move about and draw. Its methods and its callbacks belong to Fyne's
// goroutine.
type Viewer struct {
	widget.BaseWidget

	// Wishes of the person. Any of them may be nil.

	// OnDraw: a tool finished a shape. Its points lie on the slide; the ring of
	// a polygon may cross itself.
	OnDraw func(roi annotate.ROI)
	// OnMark: a tool made a line that means something; meta says what (MetaArrow,
	// MetaMeasure).
	OnMark func(roi annotate.ROI, meta map[string]string)
	// OnEdit: the shape of an object was changed by hand to after.
	OnEdit func(before *annotate.Object, after annotate.ROI)
	// OnEdits: the shapes of several objects were changed by hand, each to the one
	// of the same place.
	OnEdits func(before []*annotate.Object, after []annotate.ROI)
	// OnPaint: the brush, the eraser, the wand or a superpixel wants an area
	// changed.
	OnPaint func(Paint)
	// OnCut: areas shall be cut along a line (level-0 pixels).
	OnCut func(line []annotate.Point)
	// OnPrompt: the person pointed at something that a network shall outline, see
	// SetOutline; an empty prompt was given up.
	OnPrompt func(Prompt)
	// OnAcceptOutline: the person takes the outline that is shown.
	OnAcceptOutline func()
	// OnSelect: the person chose these objects, none when empty.
	OnSelect func(ids []annotate.ID)
	// OnHover: the mouse is over p (level-0 pixels); inside is false when it
	// left the viewer.
	OnHover func(p annotate.Point, inside bool)
	// OnView: the viewport changed.
	OnView func(Viewport)
	// OnAlt: the mouse does something with Alt held.
	OnAlt func()
	// OnHint: Hint has another text.
	OnHint func(hint string)
	// OnKey and OnRune get the keys that the viewer does not use itself; they
	// answer whether they used it. A key with a letter comes through both.
	OnKey  func(*fyne.KeyEvent) bool
	OnRune func(rune) bool
	// OnSeen: the coverage map changed.
	OnSeen func()
	// OnMenu: a secondary click at p (level-0 pixels) and at a place of the window
	// (Fyne units).
	OnMenu func(p annotate.Point, at fyne.Position)
	// OnFocus: the viewer has the keyboard now.
	OnFocus func()
	// OnProblem: a tile cannot be read. Told once a slide.
	OnProblem func(error)

	source  Source
	info    *tiles.Info
	objects Objects
	slide   annotate.ID

	view     Viewport
	limits   limits
	unit     float32 // device pixels per Fyne unit
	fitted   bool    // keeps the whole slide in the window when that is resized
	showSoon *annotate.Box

	palette   annotate.Palette
	class     annotate.ID
	style     *overlayStyle
	selection []annotate.ID

	kind      Tool
	tool      tool
	wheelPans bool                 // the wheel moves the slide
	snapping  bool                 // drawn points snap to vertices and edges
	brush     float64              // radius of the brush, Fyne units
	noHoles   bool                 // paint fills the holes it closes
	texture   bool                 // the wand looks at texture too
	locked    map[annotate.ID]bool // classes whose objects stay as they are
	pointing  keyPointer
	ghost     annotate.ROI // an outline of the past
	hand      hand
	empty     [2]*canvas.Text

	tileLayer *tileLayer
	laid      laid // a second slide over the first
	overlay   *overlayLayer
	live      live
	bar       *scaleBar
	overview  *overview
	ground    *canvas.Rectangle
	objs      []fyne.CanvasObject

	echoes []echo // of shapes just made
	names  names

	grid     bool
	gridText string // what the grid's lines are apart
	coverage *Coverage
	glance   glance
	loupe    *loupe

	mark   mark
	motion motion
	pace   pace
	clock  clock
}

// clock is what drives the frames.
type clock struct {
	now      func() time.Time
	anim     *fyne.Animation
	running  bool
	ticking  bool
	last     time.Time
	dirty    bool // something to lay out
	more     bool // a layer has work left for the next frame
	pending  int  // tiles awaited at the last layout
	reported Viewport
}

// New makes a viewer with no slide.
func New() *Viewer {
	v := &Viewer{
		unit: 1, style: &overlayStyle{fill: defaultFill, unit: 1},
		brush:   brushAtFirst,
		overlay: newOverlayLayer(), bar: newScaleBar(), overview: newOverview(), loupe: newLoupe(),
		ground: canvas.NewRectangle(color.Gray{Y: 40}),
	}
	v.tileLayer = newTileLayer(func(err error) {
		if v.OnProblem != nil {
			v.OnProblem(err)
		}
	})
	v.names.on = true
	v.tool = panTool{v: v}
	for i, size := range [2]float32{18, 13} {
		v.empty[i] = &canvas.Text{TextSize: size, Alignment: fyne.TextAlignCenter}
	}
	v.empty[0].Text = "No slide open"
	v.empty[1].Text = "Open a slide or a project, or drop a file here."
	v.clock.now = time.Now
	v.clock.anim = fyne.NewAnimation(time.Second, func(float32) { v.Tick() })
	v.clock.anim.RepeatCount = fyne.AnimationRepeatForever
	v.ExtendBaseWidget(v)
	return v
}

// SetSlide shows a slide as a whole; a nil source empties the viewer. The
// objects of the slide before are forgotten; SetObjects gives the new ones.
func (v *Viewer) SetSlide(l Source, info *tiles.Info) {
	v.ghost = annotate.ROI{}
	v.tool.cancel()
	v.hand = hand{space: v.hand.space, at: v.hand.at, inside: v.hand.inside}
	if absent(l) {
		l, info = nil, nil
	}
	v.source, v.info = l, info
	v.selection, v.showSoon = nil, nil
	v.tileLayer.set(l)
	v.laid.set(nil)
	v.overview.set(l)
	v.motion.stop()
	v.mark = mark{}
	v.coverage, v.glance = nil, newGlance()
	if l != nil && len(l.Slide().Levels()) > 0 {
		whole := l.Slide().Levels()[0]
		v.coverage = NewCoverage(float64(whole.Width), float64(whole.Height))
	}
	v.pace = pace{}
	v.clock.pending = 0
	v.view.Scale, v.view.Turn, v.view.Tilt, v.view.Flip = 0, 0, 0, false
	v.fitted = true
	v.setLimits()
	v.SetObjects(nil, annotate.ID{})
	v.touchHint()
}

// SetSource shows the slide that is shown from another source: the same levels,
// drawn in another way. The view and the objects stay, and the picture until the
// new one is there.
func (v *Viewer) SetSource(l Source, info *tiles.Info) {
	if v.source == nil || absent(l) {
		return
	}
	v.source, v.info = l, info
	v.tileLayer.swap(l)
	v.overview.swap(l)
	v.clock.pending = 0
	v.touch()
}

// SetObjects shows the labels of the slide; nil shows none.
func (v *Viewer) SetObjects(set Objects, slide annotate.ID) {
	if absent(set) {
		set = nil
	}
	v.objects, v.slide = set, slide
	v.echoes = nil
	v.names.stale = true
	v.overlay.set(set)
	v.overview.labels.show(set, v.overview.part)
	v.touch()
}

// Slide is the identity given with SetObjects.
func (v *Viewer) Slide() annotate.ID { return v.slide }

// SetPalette gives the classes their colours.
func (v *Viewer) SetPalette(p annotate.Palette) {
	v.palette = p
	v.restyle(func(s *overlayStyle) {
		s.colours = make(map[annotate.ID]color.NRGBA, len(p))
		for _, c := range p {
			s.colours[c.ID] = c.Color
		}
	})
}

// SetClass tells the class that the person draws with, for the colour of the
// shape in hand.
func (v *Viewer) SetClass(id annotate.ID) {
	v.class = id
	v.touch()
}

// SetHiddenClasses leaves out the objects of the classes that map to true.
func (v *Viewer) SetHiddenClasses(hidden map[annotate.ID]bool) {
	v.restyle(func(s *overlayStyle) { s.hidden = maps.Clone(hidden) })
}

// SetFill sets how strongly areas are filled, 0 (outline only) to 1.
func (v *Viewer) SetFill(opacity float64) {
	v.restyle(func(s *overlayStyle) { s.fill = max(0, min(1, opacity)) })
}

// SetOverlayVisible shows or leaves out all objects.
func (v *Viewer) SetOverlayVisible(on bool) {
	v.overlay.on = on
	v.touch()
}

// OverlayVisible tells whether objects are shown.
func (v *Viewer) OverlayVisible() bool { return v.overlay.on }

// SetEmptyText is what the viewer says without a slide: a headline and what to
// do.
func (v *Viewer) SetEmptyText(headline, hint string) {
	v.empty[0].Text, v.empty[1].Text = headline, hint
	v.empty[0].Refresh()
	v.empty[1].Refresh()
	v.touch()
}

// SetOverviewVisible shows or leaves out the overview.
func (v *Viewer) SetOverviewVisible(on bool) {
	v.overview.on = on
	v.touch()
}

// restyle changes how objects look, everywhere.
func (v *Viewer) restyle(change func(*overlayStyle)) {
	s := *v.style
	change(&s)
	v.style = &s
	v.names.stale = true
	v.overlay.cache.setStyle(v.style)
	v.touch()
}

// lift takes objects out of the overlay, since a tool draws them; none puts them
// back.
func (v *Viewer) lift(objects ...*annotate.Object) {
	var boxes []annotate.Box
	for id := range v.style.lifted {
		if v.objects != nil {
			if was := v.objects.Get(id); was != nil {
				boxes = append(boxes, was.ROI.Bounds())
			}
		}
	}
	s := *v.style
	s.lifted = nil
	for _, o := range objects {
		if s.lifted == nil {
			s.lifted = map[annotate.ID]bool{}
		}
		s.lifted[o.ID] = true
		boxes = append(boxes, o.ROI.Bounds())
	}
	v.style = &s
	if len(boxes) == 0 {
		boxes = []annotate.Box{{}} // nothing to paint anew
	}
	v.overlay.cache.changeStyle(v.style, boxes)
	v.touch()
}

// ObjectsChanged has the overlay painted anew where objects changed: give the
// boxes (level-0 pixels) of before and after, or none for everywhere.
func (v *Viewer) ObjectsChanged(boxes ...annotate.Box) {
	v.overlay.cache.invalidate(boxes)
	v.heard(boxes)
	v.names.stale = true
	v.overview.labels.changed()
	v.touch()
}

// SetSelection marks objects as chosen. OnSelect is not called.
func (v *Viewer) SetSelection(ids []annotate.ID) {
	v.selection = slices.Clone(ids)
	v.highlight()
	v.touch()
}

// Selection lists the chosen objects.
func (v *Viewer) Selection() []annotate.ID { return slices.Clone(v.selection) }

// chose is a selection by the person.
func (v *Viewer) chose(ids []annotate.ID) {
	v.SetSelection(ids)
	if v.OnSelect != nil {
		v.OnSelect(slices.Clone(ids))
	}
}

// onlySelected is the chosen object when there is exactly one.
func (v *Viewer) onlySelected() *annotate.Object {
	if len(v.selection) != 1 || v.objects == nil {
		return nil
	}
	return v.objects.Get(v.selection[0])
}

// SetTool gives the mouse another tool; a shape in hand is dropped.
func (v *Viewer) SetTool(t Tool) {
	if v.kind == t {
		return
	}
	v.tool.cancel()
	v.kind = t
	_, make := t.maker()
	if make == nil {
		v.kind, make = ToolPan, func(v *Viewer) tool { return panTool{v: v} }
	}
	v.tool = make(v)
	v.touchHint()
}

// Tool is the tool in hand.
func (v *Viewer) Tool() Tool { return v.kind }

// Busy tells whether a shape is being drawn or moved, so that a window does not
// take Enter or Escape for something else.
func (v *Viewer) Busy() bool { return v.tool.busy() }

// Hint says which keys and gestures do what just now.
func (v *Viewer) Hint() string {
	if v.source == nil {
		return ""
	}
	return v.tool.hint()
}

// touchHint is touch for a change that Hint may tell of.
func (v *Viewer) touchHint() {
	v.touch()
	if v.OnHint != nil {
		v.OnHint(v.Hint())
	}
}

// drawColor is the colour of a shape in hand.
func (v *Viewer) drawColor() color.NRGBA { return v.overlayColor(v.class) }

func (v *Viewer) overlayColor(class annotate.ID) color.NRGBA {
	c := v.style.colour(class)
	c.A = 255
	return c
}

// onScreen is a point of the slide on the screen.
func (v *Viewer) onScreen(p annotate.Point) pixel {
	x, y := v.view.SFromL0(p.X, p.Y)
	return pixel{x, y}
}

// CreateRenderer belongs to Fyne.
func (v *Viewer) CreateRenderer() fyne.WidgetRenderer {
	r := &renderer{v}
	r.colours()
	return r
}

// renderer hands Fyne what the last frame laid out.
type renderer struct{ v *Viewer }

func (r *renderer) Destroy()                     { r.v.rest() }
func (r *renderer) MinSize() fyne.Size           { return fyne.NewSize(120, 90) }
func (r *renderer) Objects() []fyne.CanvasObject { return r.v.objs }

func (r *renderer) Layout(fyne.Size) { r.v.touch() }

func (r *renderer) Refresh() {
	r.colours()
	r.v.touch()
}

func (r *renderer) colours() {
	if fyne.CurrentApp() == nil {
		return
	}
	variant := fyne.CurrentApp().Settings().ThemeVariant()
	th := r.v.Theme()
	r.v.ground.FillColor = th.Color(theme.ColorNameBackground, variant)
	r.v.empty[0].Color = th.Color(theme.ColorNameForeground, variant)
	r.v.empty[1].Color = th.Color(theme.ColorNamePlaceHolder, variant)
}
