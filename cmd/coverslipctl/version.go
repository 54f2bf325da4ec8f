package main

import (
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"coverslip/app"
)

func versionVerb() verb {
	return verb{
		name: "version", short: "print the version",
		example: "coverslipctl version --json",
		setup: func(f *flag.FlagSet) func(c *call) error {
			return func(c *call) error {
				v := versions()
				return c.result(v, func(w io.Writer) {
					fmt.Fprintf(w, "coverslip %s (%s, %s/%s", v.Version, v.Go, v.OS, v.Arch)
					if v.Commit != "" {
						fmt.Fprintf(w, ", commit %.12s", v.Commit)
					}
					fmt.Fprintln(w, ")")
				})
			}
		},
	}
}

// versionInfo is the JSON of version.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func versions() versionInfo {
	v := versionInfo{Version: app.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	return v
}
