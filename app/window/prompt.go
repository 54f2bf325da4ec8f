package window

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/annotate"
	"coverslip/app"
	"coverslip/models"
	"coverslip/viewer"
)

// prompter has a network outline what a person points at: the view is looked at
// once, and then every click is answered.
type prompter struct {
	w      *Window
	viewer *viewer.Viewer // that is pointed in
	work   *latest
	turn   int
	stop   context.CancelFunc // ends what is computed; nil when nothing is
	sight  *app.Sight         // what was looked at last
	scale  float64            // of the view then
	answer *app.Outline       // that is shown; nil when none is
	took   time.Duration      // the last look at a view
}

// prefOutliner remembers the folder of the encoder and decoder.
const prefOutliner = "outliner.folder"

func newPrompter(w *Window) *prompter { return &prompter{w: w, work: newLatest()} }

// folder is where the models are; "" when none was chosen.
func (p *prompter) folder() string { return p.w.app.Preferences().String(prefOutliner) }

// begin takes the tool in hand; without a model it asks for one first.
func (p *prompter) begin() {
	if p.folder() == "" {
		p.choose()
		return
	}
	p.w.setTool(viewer.ToolPrompt)
}

// choose asks for the folder of the models.
func (p *prompter) choose() {
	p.w.askFolder("Choose what outlines: a folder with a SAM-family encoder and decoder (two .onnx files)", p.check)
}

// forget drops what was seen and pointed at.
func (p *prompter) forget() {
	p.turn++
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	p.sight, p.answer = nil, nil
	if p.viewer != nil {
		p.viewer.ForgetPrompt()
	}
}

// asked is told what a person points at.
func (p *prompter) asked(v *viewer.Viewer, q viewer.Prompt) {
	w := p.w
	p.turn++
	p.viewer, p.answer = v, nil
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	if q.Empty() || w.open == nil {
		v.SetOutline(annotate.ROI{}, "")
		return
	}
	if len(q.On) == 0 && q.Box == nil {
		v.SetOutline(annotate.ROI{}, "click what you mean, too")
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	turn, s, open, view, path, sight := p.turn, w.session, w.open, v.Viewport(), p.folder(), p.sight
	prompt := promptOf(q)
	first := len(q.On)+len(q.Beside) <= 1
	if sight != nil && (!sight.Holds(open.Item.ID, prompt) || first && (view.Scale > 1.5*p.scale || view.Scale < p.scale/1.5)) {
		sight = nil
	}
	if sight == nil {
		v.SetOutline(annotate.ROI{}, "looking …")
		p.telling(ctx, turn)
	}
	p.work.do(func() {
		var out app.Outline
		var err error
		if sight == nil {
			sight, err = p.look(ctx, s, open, path, view.Box())
		}
		if err == nil {
			out, err = sight.Ask(ctx, prompt)
		}
		cancelled := ctx.Err() != nil
		cancel()
		w.post(func() {
			if sight != nil && err == nil && w.session == s && w.open == open && p.folder() == path {
				p.sight, p.scale, p.took = sight, view.Scale, sight.Took // also when the prompt has gone on
			}
			if turn != p.turn || w.session != s || cancelled {
				return
			}
			p.stop = nil
			p.answered(out, err)
		})
	})
}

// look opens the models, when they are not yet, and has the encoder see the view.
func (p *prompter) look(ctx context.Context, s *app.Session, open *app.OpenSlide, path string, view annotate.Box) (*app.Sight, error) {
	o, err := s.Outliner(path)
	if err != nil {
		return nil, err
	}
	return o.See(ctx, open.Item.ID, view)
}

// telling says how long the look at the view takes, until it is over.
func (p *prompter) telling(ctx context.Context, turn int) {
	w, start, last := p.w, time.Now(), p.took
	say := func() {
		words := "Looking at the view, once"
		if last > time.Second {
			words += fmt.Sprintf(" · %.0f of about %.0f s", time.Since(start).Seconds(), last.Seconds())
		} else if d := time.Since(start); d > time.Second {
			words += fmt.Sprintf(" · %.0f s", d.Seconds())
		}
		w.status.say(words + " · Esc stops it")
	}
	say()
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.post(func() {
					if turn == p.turn && p.stop != nil {
						say()
					}
				})
			}
		}
	}()
}

// answered shows an outline.
func (p *prompter) answered(out app.Outline, err error) {
	v := p.viewer
	switch {
	case errors.Is(err, context.Canceled):
		return
	case err != nil:
		v.ForgetPrompt()
		p.w.fail(err)
		return
	case out.ROI.Vertices() == 0:
		v.SetOutline(annotate.ROI{}, "nothing found here")
		p.w.status.say("Nothing was outlined: point at the middle of it, or drag a box around it")
		return
	}
	p.answer = &out
	v.SetOutline(out.ROI, fmt.Sprintf("%.0f %%", 100*out.Score))
	p.w.status.say(fmt.Sprintf("Outlined in %.0f ms; the model expects %.0f %% overlap with the truth. Enter accepts.", float64(out.Took.Microseconds())/1000, 100*out.Score))
}

// accept makes the outline an annotation of the class in hand.
func (p *prompter) accept() {
	out := p.answer
	if out == nil {
		return
	}
	w := p.w
	p.answer = nil
	w.knownThen(func() {
		class := w.class
		if p.viewer != nil {
			p.viewer.ForgetPrompt()
		}
		w.choosing(func(s *app.Session) ([]annotate.ID, error) {
			id, err := s.TakeOutline(*out, class)
			if err != nil {
				return nil, err
			}
			return []annotate.ID{id}, nil
		})
	})
}

// promptOf is a prompt in the session's terms.
func promptOf(q viewer.Prompt) app.Prompt {
	p := app.Prompt{Box: q.Box}
	for _, a := range q.On {
		p.Points = append(p.Points, app.PromptPoint{Point: a})
	}
	for _, a := range q.Beside {
		p.Points = append(p.Points, app.PromptPoint{Point: a, Beside: true})
	}
	return p
}

// check tries the models in a folder out in the background and says what they are.
func (p *prompter) check(path string) {
	w, s := p.w, p.w.session
	w.startJob("Check model "+filepath.Base(path), func(j *job) error {
		r := s.CheckOutliner(j.ctx, path)
		w.post(func() {
			if w.session == s {
				p.show(path, r)
			}
		})
		return nil
	})
}

// show says what was found in a folder and offers its use.
func (p *prompter) show(path string, r app.OutlinerReport) {
	w := p.w
	rows := container.New(layout.NewFormLayout())
	row := func(head, words string, c fyne.ThemeColorName) {
		if words == "" {
			return
		}
		t := newParagraph(textSmall, c, 4)
		t.Set(words)
		rows.Add(container.NewVBox(padded(newText(head, textSmall, colorQuiet), 0, 0, 0, 10)))
		rows.Add(container.New(&widthLayout{width: 430}, t))
	}
	verdict, colour := "It can be used to outline what you point at.", theme.ColorNameSuccess
	if r.Err != nil {
		problem := app.Explain(r.Err)
		verdict, colour = problem.Words(), theme.ColorNameError
		if errors.Is(r.Err, models.ErrNoModel) {
			verdict = "There is nothing here that outlines. It takes two files: an .onnx with “encoder” in its name and one with “decoder”, in the folder or in its folder onnx. Weights of PyTorch (.pt, .pth) are exported first."
		}
	}
	row("Verdict", verdict, colour)
	row("Encoder", r.Info.Encoder, theme.ColorNameForeground)
	row("Decoder", r.Info.Decoder, theme.ColorNameForeground)
	row("Input", r.Info.Preprocess, theme.ColorNameForeground)
	if r.Err == nil {
		row("Self-test", fmt.Sprintf("a view in %s, a click in %d ms", seconds(r.See), r.Ask.Milliseconds()), theme.ColorNameForeground)
	}
	if r.Info.Untrained {
		row("Note", "The weights are untrained: outlines follow colours alone.", theme.ColorNameWarning)
	}
	row("Note", r.Info.Note, theme.ColorNameWarning)
	if r.Err == nil {
		row("Licence", "not stated in the files: ask its makers before you publish or sell anything made with it", theme.ColorNameForeground)
	}
	row("Folder", path, colorQuiet)
	var d *dialog.CustomDialog
	use := widget.NewButton("Use for outlining", func() {
		d.Hide()
		w.app.Preferences().SetString(prefOutliner, path)
		p.forget()
		if w.open != nil && !w.session.ReadOnly() {
			w.setTool(viewer.ToolPrompt)
		}
		w.status.say("Click what you mean, or drag a box around it; Enter accepts the outline.")
	})
	use.Importance = widget.HighImportance
	if r.Err != nil {
		use.Disable()
	}
	shut := widget.NewButton("Close", func() { d.Hide() })
	d = dialog.NewCustomWithoutButtons("Model: "+filepath.Base(path), rows, w.win)
	d.SetButtons([]fyne.CanvasObject{shut, use})
	w.shown(d, 620, d.MinSize().Height)
}

// seconds is a time in words.
func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
