package window

import "coverslip/app"

// incompleteWords tells that a slide was not copied to its end; nothing of a
// whole one.
func incompleteWords(open *app.OpenSlide) []string {
	info := open.Slide.Info()
	if info.Incomplete == "" {
		return nil
	}
	return []string{open.Item.Name + " is incomplete: what there is of it is shown.",
		"Smaller levels, the label or whole parts are lacking. Copy the slide again from where it came, and compare the file sizes (" + info.Incomplete + ")."}
}
