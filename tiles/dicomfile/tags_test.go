package dicomfile

import "testing"

func TestDictionary_IsSorted(t *testing.T) {
	for i, d := range dictionary {
		if i > 0 && d.tag <= dictionary[i-1].tag {
			t.Errorf("%v does not follow %v", d.tag, dictionary[i-1].tag)
		}
		if vr, keyword, ok := lookup(d.tag); !ok || vr != d.vr || keyword != d.keyword {
			t.Errorf("%v is not found", d.tag)
		}
		if knownVR(shortVRs+longVRs, []byte(d.vr)) != d.vr {
			t.Errorf("%v has VR %q", d.tag, d.vr)
		}
	}
	if got := PixelData.String(); got != "PixelData (7FE0,0010)" {
		t.Error(got)
	}
}
