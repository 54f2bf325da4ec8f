package dicom

import (
	"errors"
	"fmt"

	"coverslip/tiles/dicomfile"
)

// Limits of what is shown as properties.
const (
	maxProperties     = 4096
	maxPropertyText   = 1024 // bytes of one value
	maxPropertyValues = 16   // of one attribute
	maxPropertyItems  = 8    // of one sequence
)

// patientGroup identifies the patient: no property, since properties are shown,
// copied and exported.
const patientGroup = 0x0010

// properties are the attributes of the data set that have a name here, as
// "dicom.Manufacturer", "dicom.ImageType[2]" and
// "dicom.OpticalPathSequence[0].ObjectiveLensPower": OpenSlide's names. What
// could be read is returned with the error.
func properties(f *dicomfile.File) (map[string]string, error) {
	p := map[string]string{}
	var failed error
	for _, d := range []*dicomfile.Dataset{f.Meta(), f.Data()} {
		failed = errors.Join(failed, addAttributes(p, "dicom.", d))
	}
	return p, failed
}

func addAttributes(p map[string]string, prefix string, d *dicomfile.Dataset) error {
	var failed error
	for _, e := range d.Elements() {
		keyword := e.Tag.Keyword()
		if keyword == "" || uint32(e.Tag)>>16 == patientGroup || e.Tag == dicomfile.PerFrameGroups || len(p) >= maxProperties {
			continue
		}
		at := prefix + keyword
		if e.VR == "SQ" {
			failed = errors.Join(failed, d.Items(e.Tag, func(i int, item *dicomfile.Dataset) error {
				if i >= maxPropertyItems {
					return nil
				}
				return addAttributes(p, fmt.Sprintf("%s[%d].", at, i), item)
			}))
			continue
		}
		values, err := d.Texts(e.Tag)
		if err != nil {
			failed = errors.Join(failed, err)
		}
		for i, v := range values[:min(len(values), maxPropertyValues)] {
			if len(v) > maxPropertyText {
				continue
			}
			if len(values) == 1 {
				p[at] = v
			} else {
				p[fmt.Sprintf("%s[%d]", at, i)] = v
			}
		}
	}
	return failed
}
