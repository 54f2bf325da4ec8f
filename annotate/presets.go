package annotate

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"strconv"
	"strings"
)

// okabeIto are eight colours that readers with every kind of colour blindness
// tell apart (Okabe and Ito 2008), black last.
var okabeIto = [...]uint32{0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0x0072b2, 0xd55e00, 0xcc79a7, 0x000000}

// Preset is a set of classes for a task.
type Preset struct {
	ID      string // stable: "gleason"
	Title   string // for people
	Classes Palette
}

// Presets are the sets of classes that come with the program. Their colours are
// safe for colour-blind readers; a class that another one in the set stands above names
// it as parent. A class has a code where one of SNOMED CT ("SCT") or ICD-O is certain
// and public; which edition counts, and what the others mean, the laboratory says.
func Presets() []Preset {
	rgb := func(n uint32) color.NRGBA {
		return color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255}
	}
	make := func(id, title string, rows ...[2]string) Preset {
		p := Preset{ID: id, Title: title}
		for i, r := range rows {
			c := Class{ID: ClassID(r[0]), Name: r[0], Code: presetCode(r[0]), Color: rgb(okabeIto[i%len(okabeIto)])}
			if r[1] != "" {
				c.Parent = ClassID(r[1])
			}
			if i < 9 {
				c.Key = strconv.Itoa(i + 1)
			}
			p.Classes = append(p.Classes, c)
		}
		return p
	}
	return []Preset{
		{ID: "tissue", Title: "Tissue: tumour, stroma, necrosis …", Classes: DefaultPalette()},
		make("gleason", "Prostate: Gleason patterns", [2]string{"Benign gland", ""}, [2]string{"Gleason 3", ""}, [2]string{"Gleason 4", ""},
			[2]string{"Gleason 4 cribriform", "Gleason 4"}, [2]string{"Gleason 5", ""}, [2]string{"Intraductal carcinoma", ""}, [2]string{"Stroma", ""}),
		make("til", "Tumour-infiltrating lymphocytes", [2]string{"Invasive tumour", ""}, [2]string{"Tumour stroma", ""}, [2]string{"Lymphocyte", ""},
			[2]string{"Plasma cell", ""}, [2]string{"Necrosis", ""}, [2]string{"Excluded", ""}),
		make("mitosis", "Mitotic figures", [2]string{"Mitosis", ""}, [2]string{"Atypical mitosis", "Mitosis"}, [2]string{"Look-alike", ""}, [2]string{"Hot-spot", ""}),
		make("ki67", "Ki-67", [2]string{"Ki-67 positive", ""}, [2]string{"Ki-67 negative", ""}, [2]string{"Not tumour", ""}, [2]string{"Hot-spot", ""}),
	}
}

// presetCode is the code of a class that comes with the program; "" where none is certain.
// Those of SNOMED CT stand in DICOM PS3.16 or, of Gleason patterns, in published FHIR
// value sets of pathology; intraductal carcinoma is as of ICD-O-3.2.
func presetCode(name string) string {
	switch name {
	case "Tumour":
		return "SCT 108369006"
	case "Necrosis":
		return "SCT 6574001"
	case "Lymphocyte", "Lymphocytes":
		return "SCT 56972008"
	case "Fat":
		return "SCT 55603005"
	case "Vessel":
		return "SCT 59820001"
	case "Gleason 3":
		return "SCT 369772003"
	case "Gleason 4":
		return "SCT 369773008"
	case "Gleason 5":
		return "SCT 369774002"
	case "Intraductal carcinoma":
		return "ICD-O 8500/2"
	}
	return ""
}

// Free is the first of the safe colours that the palette does not have yet; with
// all taken, one that depends on the number of classes.
func (p Palette) Free() color.NRGBA {
	var list []color.NRGBA
	for _, n := range okabeIto {
		list = append(list, color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255})
	}
	for _, c := range DefaultPalette() {
		list = append(list, c.Color)
	}
	for _, c := range list {
		taken := false
		for _, have := range p {
			taken = taken || !have.Retired && have.Color == c
		}
		if !taken {
			return c
		}
	}
	return list[len(p)%len(list)]
}

// ErrClasses: a file holds no classes that can be read.
var ErrClasses = errors.New("the file holds no classes")

// Limits of a file of classes.
const (
	maxClassFile = 4 << 20 // bytes
	maxClasses   = 1000    // a chain of parents is walked from each of them
	maxClassText = 400     // bytes of a name or code
)

// classFile is our file of classes; QuPath's classes.json has the same list with
// "name" and "color".
type classFile struct {
	Format  string      `json:"format,omitempty"`
	Classes []classJSON `json:"pathClasses"`
}

type classJSON struct {
	ID      string          `json:"id,omitempty"`
	Name    string          `json:"name"`
	Color   json.RawMessage `json:"color,omitempty"`
	RGB     *int64          `json:"colorRGB,omitempty"` // of QuPath before 0.4
	Key     string          `json:"key,omitempty"`
	Parent  string          `json:"parent,omitempty"` // its name
	Code    string          `json:"code,omitempty"`
	Retired bool            `json:"retired,omitempty"`
}

// WriteClasses is the palette as JSON that ReadClasses reads, and that QuPath
// reads as the classes of a project (classes/classes.json).
func WriteClasses(p Palette) ([]byte, error) {
	f := classFile{Format: "coverslip classes 1", Classes: []classJSON{}}
	for _, c := range p {
		rgb := int64(int32(0xff000000 | uint32(c.Color.R)<<16 | uint32(c.Color.G)<<8 | uint32(c.Color.B)))
		j := classJSON{ID: c.ID.String(), Name: c.Name, Key: c.Key, Code: c.Code, Retired: c.Retired,
			Color: json.RawMessage(fmt.Sprintf("[%d,%d,%d]", c.Color.R, c.Color.G, c.Color.B)), RGB: &rgb}
		if up := p.ByID(c.Parent); up != nil {
			j.Parent = up.Name
		}
		f.Classes = append(f.Classes, j)
	}
	return json.MarshalIndent(f, "", "  ")
}

// ReadClasses reads a file of classes: our own, QuPath's classes.json, or a bare
// list of either. A class without a colour gets a safe one. Errors wrap ErrClasses.
func ReadClasses(b []byte) (Palette, error) {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("%s: %w", fmt.Sprintf(format, a...), ErrClasses)
	}
	if len(b) > maxClassFile {
		return nil, bad("%d bytes are too many", len(b))
	}
	var f classFile
	if trimmed := strings.TrimSpace(string(b)); strings.HasPrefix(trimmed, "[") {
		if err := json.Unmarshal(b, &f.Classes); err != nil {
			return nil, bad("%v", err)
		}
	} else if err := json.Unmarshal(b, &f); err != nil {
		return nil, bad("%v", err)
	}
	if len(f.Classes) == 0 || len(f.Classes) > maxClasses {
		return nil, bad("%d classes", len(f.Classes))
	}
	var p Palette
	for i, j := range f.Classes {
		j.Name = strings.TrimSpace(j.Name)
		if j.Name == "" || len(j.Name) > maxClassText || len(j.Code) > maxClassText {
			return nil, bad("class %d has no name, or one that is too long", i+1)
		}
		if p.ByName(j.Name) != nil {
			continue // twice: the first counts
		}
		c := Class{ID: ClassID(j.Name), Name: j.Name, Key: classKey(j.Key), Code: j.Code, Retired: j.Retired}
		if id, err := ParseID(j.ID); err == nil && !id.IsZero() && p.ByID(id) == nil {
			c.ID = id
		}
		if p.ByID(c.ID) != nil { // one before goes by the identifier of this name
			c.ID = NewID()
		}
		var ok bool
		if c.Color, ok = j.colour(); !ok {
			c.Color = p.Free()
		}
		p = append(p, c)
	}
	for _, j := range f.Classes {
		if c, up := p.ByName(strings.TrimSpace(j.Name)), p.ByName(j.Parent); c != nil && up != nil && up.ID != c.ID && !p.under(up.ID, c.ID) {
			c.Parent = up.ID
		}
	}
	return p, nil
}

// classKey is a hot-key as classes have it: one of the digits 1 to 9.
func classKey(s string) string {
	if len(s) == 1 && s[0] >= '1' && s[0] <= '9' {
		return s
	}
	return ""
}

// colour reads [r,g,b] or a number 0xAARRGGBB, signed as QuPath writes it.
func (j classJSON) colour() (color.NRGBA, bool) {
	var list []int
	if json.Unmarshal(j.Color, &list) == nil && len(list) >= 3 {
		for _, v := range list[:3] {
			if v < 0 || v > 255 {
				return color.NRGBA{}, false
			}
		}
		return color.NRGBA{R: uint8(list[0]), G: uint8(list[1]), B: uint8(list[2]), A: 255}, true
	}
	var n int64
	switch {
	case json.Unmarshal(j.Color, &n) == nil && len(j.Color) > 0 && string(j.Color) != "null":
	case j.RGB != nil:
		n = *j.RGB
	default:
		return color.NRGBA{}, false
	}
	return color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: 255}, true
}

// under tells whether a class is another one or stands below it.
func (p Palette) under(id, above ID) bool {
	for range len(p) + 1 {
		if id == above {
			return true
		}
		c := p.ByID(id)
		if c == nil || c.Parent.IsZero() {
			return false
		}
		id = c.Parent
	}
	return true // a circle: nothing may join it
}

// Under tells whether a class is the other one or stands, by its parents, below
// it.
func (p Palette) Under(id, above ID) bool { return p.under(id, above) }
