package annotate

import (
	"errors"
	"strings"
	"testing"
)

// FuzzReadClasses: whatever the file says, the palette that comes of it can be used and
// written, and reads back as itself.
func FuzzReadClasses(f *testing.F) {
	ours, err := WriteClasses(DefaultPalette())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(ours), string(ours[:len(ours)/2]), "", "[]", "{}", "null", `{"pathClasses":null}`, "[null]", "[1,2]", `{"pathClasses":7}`,
		`[{"name":"Tumor","color":[200,0,0]},{"name":"Stroma","colorRGB":-6895466}]`,
		`{"pathClasses":[{"name":"A","parent":"B"},{"name":"B","parent":"A"}]}`,
		`[{"name":"A","parent":"A"},{"name":" A "},{"name":"A\u0000B","color":[256,-1,3]}]`,
		`[{"name":"A","color":"red"},{"name":"B","color":[1]},{"name":"C","color":[1.5,2,3]},{"name":"D","color":1e300}]`,
		`[{"name":"A","id":"00000000-0000-0000-0000-000000000000","key":"0"},{"name":"B","id":"not one","key":"12"}]`,
		`[{"name":"A","id":"0190b3c0-0000-7000-8000-000000000001"},{"name":"B","id":"0190b3c0-0000-7000-8000-000000000001"}]`,
		`[{"name":"` + strings.Repeat("x", maxClassText+1) + `"}]`, `[{"name":""}]`, "\xef\xbb\xbf" + `[{"name":"A"}]`,
		`[{"name":"A","id":"` + ClassID("B").String() + `"},{"name":"B"},{"name":"C","parent":"B"}]`,
		strings.Repeat("[", 10_000), `[{"name":"\ud800","code":"SCT 1"}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadClasses(data)
		if err != nil {
			if !errors.Is(err, ErrClasses) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		names, ids := map[string]bool{}, map[ID]bool{}
		for _, c := range p {
			if c.Name == "" || names[c.Name] || ids[c.ID] || c.ID.IsZero() || c.Color.A != 255 || len(c.Key) > 1 {
				t.Fatalf("class %+v of %d", c, len(p))
			}
			if !c.Parent.IsZero() && (p.ByID(c.Parent) == nil || p.Under(c.Parent, c.ID)) {
				t.Fatalf("class %q stands under %s", c.Name, c.Parent)
			}
			names[c.Name], ids[c.ID] = true, true
		}
		b, err := WriteClasses(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := ReadClasses(b)
		if err != nil || len(q) != len(p) {
			t.Fatalf("%d classes read back as %d: %v", len(p), len(q), err)
		}
		for i := range p {
			if !p[i].Equal(&q[i]) {
				t.Fatalf("%+v reads back as %+v", p[i], q[i])
			}
		}
	})
}
