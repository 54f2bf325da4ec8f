package window

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"coverslip/app"
)

// describe shows what is known of the open slide.
func (p *slidesPanel) describe() {
	p.meta.Objects = nil
	p.metaHead.Set("")
	open := p.w.open
	if open == nil {
		p.meta.Refresh()
		return
	}
	info, levels := open.Slide.Info(), open.Slide.Levels()
	add := func(name, value string) {
		if value == "" {
			return
		}
		p.meta.Add(padded(newText(name, textSmall, colorQuiet), 0, 0, 0, 5))
		p.meta.Add(newText(value, textSmall, theme.ColorNameForeground).fixed(60))
	}
	scanner := info.Vendor
	if model := info.Properties["aperio.ScanScope ID"]; model != "" {
		scanner += " " + model
	}
	add("Scanner", scanner)
	if info.Objective > 0 {
		add("Objective", fmt.Sprintf("%g×", info.Objective))
	}
	add("Size", number(levels[0].Width)+" × "+number(levels[0].Height)+" px")
	add("Pixel", pixelWords(info.MPPX, info.MPPY))
	if info.MPPX <= 0 && p.w.cmds.CanDo("edit.scale") {
		give := newButton(p.w.tips, nil, "Set µm per pixel…", "", "The file does not say it: lengths and areas are in pixels, and models and exports wait for it", func() { p.w.run("edit.scale") })
		give.fill = colorChip
		p.meta.Add(newText("", textSmall, colorQuiet))
		p.meta.Add(container.NewHBox(give))
	}
	if info.MPPX > 0 {
		add("Extent", extentWords(float64(levels[0].Width)*info.MPPX, float64(levels[0].Height)*info.MPPY))
		from := info.MPPFrom
		if from == app.ScaleByUser {
			from = "you, or who worked before you"
		}
		add("Scale from", from)
	}
	add("Levels", levelWords(levels[len(levels)-1].Downsample, len(levels)))
	add("Colours", open.Colour.String())
	add("File", p.file)
	if !p.w.session.Hidden() {
		add("Folder", app.FolderOf(info.Path))
	}
	add("Case", open.Item.Case)
	add("Patient", open.Item.Patient)
	for _, warning := range info.Warnings {
		p.meta.Add(newText("Note", textSmall, theme.ColorNameWarning))
		words := newTippedParagraph(p.w.tips, textSmall, theme.ColorNameForeground, 3)
		words.Set(warning)
		p.meta.Add(words)
	}
	p.metaHead.Set(strings.ToUpper(info.Format))
	p.meta.Refresh()
}

func levelWords(coarsest float64, n int) string {
	if n == 1 {
		return "1"
	}
	return fmt.Sprintf("%d, down to 1 : %.0f", n, coarsest)
}

// extentWords is the size of a slide given in µm.
func extentWords(x, y float64) string {
	if max(x, y) < 1000 {
		return fmt.Sprintf("%.0f × %.0f µm", x, y)
	}
	return fmt.Sprintf("%.1f × %.1f mm", x/1000, y/1000)
}

func pixelWords(x, y float64) string {
	switch {
	case x <= 0:
		return "size not known"
	case y <= 0 || x == y:
		return fmt.Sprintf("%.4g µm", x)
	}
	return fmt.Sprintf("%.4g × %.4g µm", x, y)
}

// fileWords says how large a file is, and its name. It asks the disk.
func fileWords(path string) string {
	name := filepath.Base(path)
	st, err := os.Stat(path)
	if err != nil || st.IsDir() {
		return name
	}
	return fileSize(st.Size()) + " · " + name
}

func fileSize(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}

// number writes a count with thin spaces between thousands.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(n) + " " + noun
}
