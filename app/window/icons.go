package window

import (
	"fmt"
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"coverslip/assets"
)

// strokeIcon is an icon of assets in a colour of the theme in use. Fyne's own
// themed resources recolour fills only, never strokes; and since Fyne caches
// drawn SVGs by name, the colour is part of the name.
type strokeIcon struct {
	name  string
	color fyne.ThemeColorName
	svg   string
}

// icon makes a resource of the named icon in the foreground colour. An unknown
// name gives an empty drawing; a test asks for every name that is used.
func icon(name string) fyne.Resource { return iconIn(name, theme.ColorNameForeground) }

// iconIn is icon in another colour of the theme.
func iconIn(name string, c fyne.ThemeColorName) fyne.Resource {
	svg, err := assets.Icon(name)
	if err != nil {
		svg = []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"></svg>`)
	}
	return &strokeIcon{name: name, color: c, svg: string(svg)}
}

func (s *strokeIcon) hex() string {
	c, ok := color.NRGBAModel.Convert(themeColor(s.color)).(color.NRGBA)
	if !ok {
		return "#808080"
	}
	return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
}

// Name implements fyne.Resource.
func (s *strokeIcon) Name() string { return "coverslip-" + s.name + s.hex() + ".svg" }

// Content implements fyne.Resource.
func (s *strokeIcon) Content() []byte {
	return []byte(strings.ReplaceAll(s.svg, "currentColor", s.hex()))
}

// appIcon is the program's icon.
func appIcon() fyne.Resource { return fyne.NewStaticResource("coverslip.png", assets.AppIcon()) }
