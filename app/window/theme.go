package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Names of colours that Fyne's themes do not have.
const (
	colorPanel  fyne.ThemeColorName = "coverslip.panel"  // behind panels
	colorHUD    fyne.ThemeColorName = "coverslip.hud"    // behind what floats above the slide, dark in both themes
	colorGlass  fyne.ThemeColorName = "coverslip.glass"  // text that floats above the slide
	colorFrost  fyne.ThemeColorName = "coverslip.frost"  // second-rank text above the slide
	colorPicked fyne.ThemeColorName = "coverslip.picked" // the chosen one above the slide
	colorTip    fyne.ThemeColorName = "coverslip.tip"    // behind a tip
	colorChip   fyne.ThemeColorName = "coverslip.chip"   // buttons and troughs
	colorActive fyne.ThemeColorName = "coverslip.active" // the chosen one
	colorQuiet  fyne.ThemeColorName = "coverslip.quiet"  // second-rank text
	colorStage  fyne.ThemeColorName = "coverslip.stage"  // behind the slide
	colorAlarm  fyne.ThemeColorName = "coverslip.alarm"  // behind a problem
	colorNotice fyne.ThemeColorName = "coverslip.notice" // behind what is to be known, and no problem
	colorBadge  fyne.ThemeColorName = "coverslip.badge"  // behind the word "untrained"
)

// Sizes of text, in Fyne's units.
const (
	textBody  = 12.5
	textSmall = 11.5
	textTiny  = 10.5
	textKey   = 9
)

// Theme is compact and of neutral greys: a coloured frame would bias the
// reading of stains.
type Theme struct {
	Light    bool // light greys; otherwise dark ones
	Contrast bool // white on black, see contrastColor; Light does not count
}

func rgb(v uint32) color.Color {
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

func grey(v, alpha uint8) color.Color { return color.NRGBA{v, v, v, alpha} }

// Color implements fyne.Theme; the variant that the desktop prefers is ignored.
func (t *Theme) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	c, variant := darkColor(name), theme.VariantDark
	if t.Light {
		c, variant = lightColor(name), theme.VariantLight
	}
	if t.Contrast {
		c, variant = contrastColor(name), theme.VariantDark
	}
	if c == nil {
		return theme.DefaultTheme().Color(name, variant)
	}
	return c
}

func darkColor(name fyne.ThemeColorName) color.Color {
	switch name {
	case theme.ColorNameBackground:
		return rgb(0x1c1d1f)
	case colorPanel:
		return rgb(0x26272a)
	case colorHUD:
		return rgb(0x17181b)
	case colorGlass:
		return rgb(0xf0f0f0)
	case colorFrost:
		return rgb(0xb4b6ba)
	case colorPicked:
		return rgb(0x2f6aa3)
	case colorTip:
		return rgb(0x101113)
	case colorChip, theme.ColorNameButton, theme.ColorNameDisabledButton:
		return rgb(0x36383c)
	case colorActive:
		return rgb(0x2f5d8a)
	case colorStage:
		return rgb(0x17181a)
	case colorAlarm:
		return rgb(0x4a2623)
	case colorNotice:
		return rgb(0x25323f)
	case colorBadge:
		return rgb(0x5c4513)
	case colorQuiet, theme.ColorNamePlaceHolder:
		return rgb(0xa3a6ab)
	case theme.ColorNameForeground, theme.ColorNameForegroundOnPrimary:
		return rgb(0xe6e7e9)
	case theme.ColorNameDisabled:
		return rgb(0x6d7076)
	case theme.ColorNameInputBackground:
		return rgb(0x1a1b1d)
	case theme.ColorNameInputBorder:
		return rgb(0x3d4044)
	case theme.ColorNameHover:
		return grey(255, 22)
	case theme.ColorNamePressed:
		return grey(255, 44)
	case theme.ColorNameSelection:
		return rgb(0x2d4c6d)
	case theme.ColorNameFocus:
		return color.NRGBA{74, 144, 217, 90}
	case theme.ColorNamePrimary, theme.ColorNameHyperlink:
		return rgb(0x4a90d9)
	case theme.ColorNameSeparator:
		return rgb(0x121315)
	case theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground:
		return rgb(0x2b2c2f)
	case theme.ColorNameHeaderBackground:
		return rgb(0x212225)
	case theme.ColorNameSuccess:
		return rgb(0x45a862)
	case theme.ColorNameWarning:
		return rgb(0xd9a13b)
	case theme.ColorNameError:
		return rgb(0xf0796a)
	case theme.ColorNameScrollBar:
		return grey(255, 70)
	case theme.ColorNameScrollBarBackground:
		return color.Transparent
	case theme.ColorNameShadow:
		return grey(0, 110)
	}
	return nil
}

func lightColor(name fyne.ThemeColorName) color.Color {
	switch name {
	case theme.ColorNameBackground:
		return rgb(0xe4e5e7)
	case colorPanel:
		return rgb(0xf4f5f6)
	case colorHUD:
		return rgb(0x17181b)
	case colorGlass:
		return rgb(0xf0f0f0)
	case colorFrost:
		return rgb(0xb4b6ba)
	case colorPicked:
		return rgb(0x2f6aa3)
	case colorTip:
		return rgb(0xffffff)
	case colorChip, theme.ColorNameButton, theme.ColorNameDisabledButton:
		return rgb(0xdfe1e4)
	case colorActive:
		return rgb(0xbcd7f3)
	case colorStage:
		return rgb(0xd3d5d8)
	case colorAlarm:
		return rgb(0xf6dad5)
	case colorNotice:
		return rgb(0xdfeaf6)
	case colorBadge:
		return rgb(0xf3dfae)
	case colorQuiet, theme.ColorNamePlaceHolder:
		return rgb(0x5c6066)
	case theme.ColorNameForeground:
		return rgb(0x1d2024)
	case theme.ColorNameForegroundOnPrimary:
		return rgb(0xffffff)
	case theme.ColorNameDisabled:
		return rgb(0x9a9da3)
	case theme.ColorNameInputBackground:
		return rgb(0xffffff)
	case theme.ColorNameInputBorder:
		return rgb(0xc3c6cb)
	case theme.ColorNameHover:
		return grey(0, 16)
	case theme.ColorNamePressed:
		return grey(0, 32)
	case theme.ColorNameSelection:
		return rgb(0xcfe2f7)
	case theme.ColorNameFocus:
		return color.NRGBA{46, 116, 190, 80}
	case theme.ColorNamePrimary, theme.ColorNameHyperlink:
		return rgb(0x2e74be)
	case theme.ColorNameSeparator:
		return rgb(0xcfd2d6)
	case theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground:
		return rgb(0xfafafa)
	case theme.ColorNameHeaderBackground:
		return rgb(0xeaecee)
	case theme.ColorNameSuccess:
		return rgb(0x2c8a48)
	case theme.ColorNameWarning:
		return rgb(0xb07408)
	case theme.ColorNameError:
		return rgb(0xb93626)
	case theme.ColorNameScrollBar:
		return grey(0, 80)
	case theme.ColorNameScrollBarBackground:
		return color.Transparent
	case theme.ColorNameShadow:
		return grey(0, 50)
	}
	return nil
}

// Font implements fyne.Theme with the bundled font, so that pictures of the
// window are the same everywhere.
func (t *Theme) Font(s fyne.TextStyle) fyne.Resource { return theme.DefaultTheme().Font(s) }

// Icon implements fyne.Theme.
func (t *Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(n) }

// Size implements fyne.Theme.
func (t *Theme) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNamePadding:
		return 3
	case theme.SizeNameInnerPadding:
		return 5
	case theme.SizeNameText:
		return textBody
	case theme.SizeNameCaptionText:
		return textTiny
	case theme.SizeNameSubHeadingText:
		return 14
	case theme.SizeNameHeadingText:
		return 18
	case theme.SizeNameInlineIcon:
		return 17
	case theme.SizeNameScrollBar:
		return 9
	case theme.SizeNameScrollBarSmall:
		return 4
	case theme.SizeNameSeparatorThickness:
		return 1
	case theme.SizeNameInputRadius, theme.SizeNameSelectionRadius, theme.SizeNameScrollBarRadius:
		return 4
	}
	return theme.DefaultTheme().Size(n)
}

// themeColor is a colour of the theme in use. While Fyne's own theme is set (as
// in a test that ends) our names are looked up among the dark greys, since
// Fyne's theme would log an error for each.
func themeColor(n fyne.ThemeColorName) color.Color {
	current := theme.Current()
	if _, ours := current.(*Theme); !ours {
		if c := darkColor(n); c != nil {
			return c
		}
	}
	if c := current.Color(n, theme.VariantDark); c != nil {
		return c
	}
	return color.Transparent
}
