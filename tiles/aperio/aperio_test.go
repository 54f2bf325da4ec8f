package aperio

import (
	"strings"
	"testing"
)

func TestParseDescription(t *testing.T) {
	d := ParseDescription("Aperio Image Library v11.2.1 \r\n46000x32914 [0,0 2220x2967] (240x240) JPEG/RGB Q=30|AppMag = 20|MPP = 0,4990|Filename = CMU-1|Filename = twice|no value|Focus Offset = |=x")
	if d.Program != "Aperio Image Library v11.2.1" || !strings.HasPrefix(d.Layout, "46000x32914") {
		t.Errorf("%q, %q", d.Program, d.Layout)
	}
	want := map[string]string{"AppMag": "20", "MPP": "0,4990", "Filename": "CMU-1", "Focus Offset": ""}
	if len(d.Values) != len(want) {
		t.Errorf("values %v", d.Values)
	}
	for k, v := range want {
		if d.Values[k] != v {
			t.Errorf("%s is %q, want %q", k, d.Values[k], v)
		}
	}
}

func TestDescription_Kind(t *testing.T) {
	for s, want := range map[string]string{
		"Aperio Image Library v11.2.1 \r\nlabel 387x463":                   "label",
		"Aperio Image Library v11.2.1 \nMacro 1280x431|x = y":              "macro",
		"Aperio Image Library v11.2.1 \n2220x2967 -> 574x768 - |a = label": "",
		"": "",
	} {
		if got := ParseDescription(s).kind(); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func FuzzParseDescription(f *testing.F) {
	f.Add("Aperio Image Library v11.2.1 \r\n46000x32914 (240x240) JPEG/RGB Q=30|AppMag = 20|MPP = 0.4990")
	f.Add("|||=|=|a=b=c")
	f.Fuzz(func(t *testing.T, s string) {
		d := ParseDescription(s)
		if len(d.Values) > maxKeys {
			t.Fatal("too many keys")
		}
		for k := range d.Values {
			if k == "" || strings.Contains(k, "|") {
				t.Fatalf("key %q", k)
			}
		}
	})
}
