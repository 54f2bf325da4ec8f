package window

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"coverslip/app"
	"coverslip/models/onnx"
)

// bindJobs binds the commands around what models do.
func (w *Window) bindJobs(on func(id string, run func(), enabled func() bool), project, waiting func() bool) {
	on("suggest.acceptAbove", w.acceptAbove, waiting)
	on("suggest.runtime", w.askRuntime, func() bool { return w.session == nil || !w.session.JobStatus().Running })
	on("job.cancel", func() { w.session.CancelJob() }, func() bool { return project() && w.session.JobStatus().Running })
}

// askRuntime shows what runs models and lets a person choose. Looking for it
// starts a process for every library there is, so it is not done here.
func (w *Window) askRuntime() {
	o := w.opts.Session
	w.status.say("Looking for ONNX Runtime …")
	go func() {
		st := app.FindRuntime(context.Background(), o.Worker, o.Onnx)
		w.post(func() {
			if w.win.Canvas().Overlays().Top() == nil {
				w.status.say("")
				w.status.update()
				w.showRuntime(st)
			}
		})
	}()
}

// providerWords are what people call a provider.
var providerWords = map[onnx.Provider]string{onnx.CPU: "Processor", onnx.CUDA: "NVIDIA (CUDA)", onnx.CoreML: "Apple (Core ML)",
	onnx.DirectML: "DirectML", onnx.OpenVINO: "Intel (OpenVINO)"}

// providerChoice offers what the library has, and what is set even when it has not,
// with the provider behind each of the words.
func providerChoice(providers []onnx.Provider, set onnx.Provider) (*widget.Select, map[string]onnx.Provider) {
	computes := widget.NewSelect(nil, nil)
	chosen := map[string]onnx.Provider{}
	if len(providers) == 0 {
		providers = []onnx.Provider{onnx.CPU}
	}
	for _, p := range providers {
		chosen[providerWords[p]] = p
		computes.Options = append(computes.Options, providerWords[p])
	}
	computes.SetSelected(computes.Options[0])
	if words := providerWords[set]; words != "" {
		if chosen[words] == "" {
			words += " · not in this library"
			chosen[words] = set
			computes.Options = append(computes.Options, words)
		}
		computes.SetSelected(words)
	}
	return computes, chosen
}

func (w *Window) showRuntime(st app.RuntimeState) {
	set := st.Settings
	number := func(n int64) *formEntry {
		if n == 0 {
			return newFormEntry("")
		}
		return newFormEntry(fmt.Sprint(n))
	}
	library, threads, memory, batch := newFormEntry(set.Library), number(int64(set.Threads)), number(set.MemoryMB), number(int64(set.Batch))
	library.SetPlaceHolder("looked for")
	threads.SetPlaceHolder("one a core")
	memory.SetPlaceHolder("no ceiling")
	if st.MemoryMB > 0 {
		memory.SetPlaceHolder(fmt.Sprintf("%d (three quarters of this computer's)", st.MemoryMB))
	}
	batch.SetPlaceHolder("measured for each model")
	measured, forget := w.calibrationRow()
	computes, chosen := providerChoice(st.Providers, set.Provider)
	w.form("How models run", "Use", []*widget.FormItem{
		{Text: "Runtime", Widget: wide(runtimeWords(st))},
		{Text: "Library", Widget: library, HintText: "1.17 or later; 1.28 or later withstands damaged models better"},
		{Text: "Computed by", Widget: computes, HintText: "What cannot be used is replaced by the processor, and it is said"},
		widget.NewFormItem("Threads", threads),
		{Text: "Memory, MB", Widget: memory, HintText: "Models run in a process of their own, which may take no more"},
		{Text: "Patches at once", Widget: batch, HintText: "Embeddings do not depend on it"},
		{Text: "Measured", Widget: measured},
	}, []*formEntry{library, threads, memory, batch}, func() error {
		next := app.ModelSettings{Library: strings.TrimSpace(library.Text), Provider: chosen[computes.Selected], NoGraphs: set.NoGraphs}
		if next.Provider == onnx.CPU {
			next.Provider = ""
		}
		if next.Library != "" && !filepath.IsAbs(next.Library) {
			return errors.New("the library is named by its whole path")
		}
		for _, f := range []struct {
			e    *formEntry
			what string
			to   func(n int64)
		}{
			{threads, "threads", func(n int64) { next.Threads = int(n) }},
			{memory, "memory", func(n int64) { next.MemoryMB = n }},
			{batch, "patches at once", func(n int64) { next.Batch = int(n) }},
		} {
			text := strings.TrimSpace(f.e.Text)
			if text == "" {
				continue
			}
			n, err := strconv.ParseInt(text, 10, 32)
			if err != nil || n < 0 {
				return fmt.Errorf("%s: %q is no number", f.what, text)
			}
			f.to(n)
		}
		if err := errors.Join(app.WriteModelSettings(next), forget()); err != nil {
			return err
		}
		w.useModelSettings()
		return nil
	})
}

// useModelSettings lets go of what runs with the old settings.
func (w *Window) useModelSettings() {
	s := w.session
	w.prompter.forget()
	w.status.say("Models run with the new settings from now on")
	if s == nil {
		return
	}
	go func() {
		if err := s.RestartModels(); err != nil {
			w.post(func() { w.fail(err) })
		}
	}()
}

// wide is a paragraph as wide as the fields of a form.
func wide(words string, color fyne.ThemeColorName) fyne.CanvasObject {
	p := newParagraph(textSmall, color, 8)
	p.Set(words)
	return container.New(&widthLayout{width: 400}, p)
}

// runtimeWords says what was found and what was passed over, and why.
func runtimeWords(st app.RuntimeState) (string, fyne.ThemeColorName) {
	var lines []string
	color := theme.ColorNameForeground
	if st.Err != nil {
		p := app.Explain(st.Err)
		lines, color = append(lines, p.Words()), theme.ColorNameError
	} else {
		lines = append(lines, "ONNX Runtime "+st.Version+", "+st.Path)
	}
	if st.Warning != "" {
		lines = append(lines, st.Warning)
	}
	if !st.Apart {
		lines = append(lines, "Models run in the window's own process.")
	}
	for _, t := range st.Tried {
		if t.Err != nil {
			lines = append(lines, fmt.Sprintf("Not taken (%s): %v", t.From, t.Err))
		}
	}
	return strings.Join(lines, "\n"), color
}
