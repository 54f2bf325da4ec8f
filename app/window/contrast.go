package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// contrastColor is the theme for eyes that need strong contrast: every text has
// at least 7:1 on every ground it may stand on (WCAG 2.1, 1.4.6), which a test
// asserts.
func contrastColor(name fyne.ThemeColorName) color.Color {
	switch name {
	case theme.ColorNameBackground, colorPanel, colorStage, colorHUD, colorTip, theme.ColorNameInputBackground, theme.ColorNameHeaderBackground:
		return rgb(0x000000)
	case theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground:
		return rgb(0x0d0d0d)
	case colorChip, theme.ColorNameButton, theme.ColorNameDisabledButton:
		return rgb(0x161616)
	case colorActive, colorPicked, theme.ColorNameSelection:
		return rgb(0x003a80)
	case colorAlarm:
		return rgb(0x4d0000)
	case colorNotice:
		return rgb(0x00264d)
	case colorBadge:
		return rgb(0x3d2c00)
	case theme.ColorNameForeground, colorGlass:
		return rgb(0xffffff)
	case colorQuiet, colorFrost, theme.ColorNamePlaceHolder:
		return rgb(0xe2e2e2)
	case theme.ColorNameDisabled:
		return rgb(0xd2d2d2)
	case theme.ColorNameForegroundOnPrimary, theme.ColorNameForegroundOnError, theme.ColorNameForegroundOnSuccess, theme.ColorNameForegroundOnWarning:
		return rgb(0x000000)
	case theme.ColorNamePrimary, theme.ColorNameHyperlink:
		return rgb(0xa6d4ff)
	case theme.ColorNameSuccess:
		return rgb(0x7dff9a)
	case theme.ColorNameWarning:
		return rgb(0xffd75e)
	case theme.ColorNameError:
		return rgb(0xffc8be)
	case theme.ColorNameInputBorder, theme.ColorNameScrollBar:
		return rgb(0xffffff)
	case theme.ColorNameSeparator:
		return rgb(0x9a9a9a)
	case theme.ColorNameHover:
		return grey(255, 36)
	case theme.ColorNamePressed:
		return grey(255, 52)
	case theme.ColorNameFocus:
		return rgb(0xffd75e)
	case theme.ColorNameScrollBarBackground:
		return rgb(0x000000)
	case theme.ColorNameShadow:
		return grey(0, 200)
	}
	return nil
}

// Names of the themes, as they are remembered and given by command.
const (
	themeDark     = "dark"
	themeLight    = "light"
	themeContrast = "contrast"
)

// themeNamed is the theme of a name; an unknown name is the dark one's.
func themeNamed(name string) *Theme {
	return &Theme{Light: name == themeLight, Contrast: name == themeContrast}
}

// name of the theme in use.
func (t *Theme) name() string {
	switch {
	case t.Contrast:
		return themeContrast
	case t.Light:
		return themeLight
	}
	return themeDark
}

// setTheme takes another theme and remembers it.
func (w *Window) setTheme(name string) {
	w.app.Settings().SetTheme(themeNamed(name))
	w.app.Preferences().SetString(prefTheme, name)
	for _, p := range w.panes {
		p.viewer.Refresh()
	}
	w.status.say(map[string]string{themeDark: "Dark theme", themeLight: "Light theme", themeContrast: "High-contrast theme"}[name])
}

// toggleTheme changes between dark and light.
func (w *Window) toggleTheme() {
	if w.light() {
		w.setTheme(themeDark)
	} else {
		w.setTheme(themeLight)
	}
}

// inTheme tells whether a theme is in use.
func (w *Window) inTheme(name string) bool {
	t, ok := w.app.Settings().Theme().(*Theme)
	return ok && t.name() == name
}
