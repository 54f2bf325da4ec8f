// Package assets holds bytes that are compiled into the program: its icons.
// It knows nothing of how they are shown.
package assets

import (
	"embed"
	"fmt"
)

//go:generate go run ./mkicon -out icon.png

//go:embed icons/*.svg
var icons embed.FS

//go:embed icon.png
var appIcon []byte

// Icon returns a stroke icon as SVG of 24×24 units, drawn in the colour word
// "currentColor", which the caller replaces by the colour it needs. An unknown
// name is an error that says it.
func Icon(name string) ([]byte, error) {
	b, err := icons.ReadFile("icons/" + name + ".svg")
	if err != nil {
		return nil, fmt.Errorf("assets: no icon %q", name)
	}
	return b, nil
}

// Icons lists the names that Icon knows, sorted.
func Icons() []string {
	entries, err := icons.ReadDir("icons")
	if err != nil { // the directory is compiled in
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name()[:len(e.Name())-len(".svg")])
	}
	return names
}

// AppIcon is the program's icon, a PNG of 256×256 pixels drawn by mkicon.
func AppIcon() []byte { return appIcon }
