package worker

import "runtime/debug"

// build names the program, so that a worker of another version, found where the
// program was replaced while it ran, is not talked to.
func build() string {
	const protocol = "1"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return protocol
	}
	name := protocol + " " + info.Main.Path + " " + info.Main.Version + " " + info.GoVersion
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			name += " " + s.Value
		}
	}
	return name
}
