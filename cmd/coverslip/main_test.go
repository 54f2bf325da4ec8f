package main

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

func nothing(string) string { return "" }

func TestParse_Good(t *testing.T) {
	var out, errs bytes.Buffer
	o, err := parse([]string{"--size", "1920x1080", "--theme", "light", "--author", "Ada", "--read-only", "case.svs"}, nothing, &out, &errs)
	if err != nil {
		t.Fatal(err)
	}
	if o.path != "case.svs" || o.window.Width != 1920 || o.window.Height != 1080 || o.window.Theme != "light" ||
		o.window.Session.Author != "Ada" || !o.window.Session.ReadOnly || o.window.Debug != nil {
		t.Errorf("%+v", o)
	}
}

func TestParse_Bad(t *testing.T) {
	for _, args := range [][]string{{"--size", "big"}, {"--size", "10x10"}, {"--size", "1280x"}, {"--theme", "pink"}, {"a.svs", "b.svs"}, {"--colour"}} {
		var out, errs bytes.Buffer
		if _, err := parse(args, nothing, &out, &errs); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

func TestParse_VersionAndHelp(t *testing.T) {
	var out, errs bytes.Buffer
	if _, err := parse([]string{"--version"}, nothing, &out, &errs); !errors.Is(err, errDone) || !strings.HasPrefix(out.String(), "coverslip ") {
		t.Errorf("%v %q", err, out.String())
	}
	if _, err := parse([]string{"--help"}, nothing, &out, &errs); !errors.Is(err, flag.ErrHelp) || !strings.Contains(errs.String(), "PATH is a slide file") {
		t.Errorf("%v %q", err, errs.String())
	}
}

func TestParse_DebugSwitches(t *testing.T) {
	var out, errs bytes.Buffer
	o, err := parse(nil, func(name string) string {
		if name == "COVERSLIP_DEBUG" {
			return "window"
		}
		return ""
	}, &out, &errs)
	if err != nil || o.window.Debug == nil {
		t.Errorf("%v", err)
	}
	_, err = parse(nil, func(string) string { return "window,nonesuch" }, &out, &errs)
	if err == nil || !strings.Contains(errs.String(), "window ") {
		t.Errorf("an unknown switch: %v, %q", err, errs.String())
	}
}
