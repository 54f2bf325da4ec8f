package mirax

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"coverslip/tiles"
	"coverslip/tiles/tiff"
)

// settingsName is the file of a slide's folder that says what the others are.
const settingsName = "Slidedat.ini"

// Limits of the numbers in Slidedat.ini.
const (
	maxImages      = 1 << 20 // images a side of the slide; real slides have 3000
	maxLevels      = 64
	maxHierarchies = 64
	maxValues      = 1 << 12 // of one hierarchy
	maxDataFiles   = 1 << 13 // as many as a folder may hold names, nearly
	maxImageSide   = 1 << 13 // pixels of a stored image
	maxExponent    = 30      // of the images that one is put together from
)

// settings is what Slidedat.ini says.
type settings struct {
	ini       *ini
	id        string
	images    image.Point // images of the slide at full resolution, in columns and rows
	divisions int         // a photo is that many images wide and high
	objective float64     // 0 when unknown
	lit       bool        // fluorescence: the components of an image are filters
	levels    []zoomLevel
	dims      []hierarchy // the first is the zoom levels
	layers    []layer     // of records that belong to no level
	index     string      // file names
	data      []string
	warnings  []string
}

// zoomLevel is a resolution of the slide.
type zoomLevel struct {
	exponent   int // an image is put together from 2^exponent times as many of the level before, a side
	overlapX   float64
	overlapY   float64
	mppX, mppY float64
	fill       color.NRGBA
	size       image.Point // of each stored image, pixels
	format     pictureFormat
	formatName string
}

// hierarchy is a direction in which images differ: zoom, mask, filter, focus.
type hierarchy struct {
	name     string
	values   []named
	standard int // the value shown when nothing is asked
}

// layer is a group of records.
type layer struct {
	name   string
	first  int // number of its first record
	values []named
}

// named is a value with the section that describes it.
type named struct{ name, section string }

// Sections and names that Slidedat.ini uses.
const (
	general      = "GENERAL"
	hierarchical = "HIERARCHICAL"
	dataFile     = "DATAFILE"

	zoomName   = "Slide zoom level"
	filterName = "Slide filter level"
	focusName  = "Microscope focus level"
)

// parseSettings reads what is needed of Slidedat.ini. Source: the MIRAX page of
// OpenSlide's description of formats.
func parseSettings(data []byte) (*settings, error) {
	f, err := parseIni(data)
	if err != nil {
		return nil, err
	}
	s := &settings{ini: f, divisions: 1}
	if f.odd > 0 {
		s.warn("%d lines of %s mean nothing", f.odd, settingsName)
	}
	for _, step := range []func() error{s.general, s.hierarchies, s.nonHierarchical, s.files, s.zoomLevels} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *settings) warn(format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

func (s *settings) general() (err error) {
	f := s.ini
	if s.id, err = f.text(general, "SLIDE_ID"); err != nil {
		return err
	}
	if s.images.X, err = f.integer(general, "IMAGENUMBER_X", 1, maxImages); err != nil {
		return err
	}
	if s.images.Y, err = f.integer(general, "IMAGENUMBER_Y", 1, maxImages); err != nil {
		return err
	}
	if f.get(general, "CameraImageDivisionsPerSide") != "" {
		if s.divisions, err = f.integer(general, "CameraImageDivisionsPerSide", 1, 1<<10); err != nil {
			return err
		}
	}
	if v := f.get(general, "OBJECTIVE_MAGNIFICATION"); v != "" {
		n, ok := tiles.ParseNumber(strings.TrimRight(v, "xX")) // some old slides have "20x"
		if ok && n > 0 && n <= 200 {
			s.objective = n
		} else {
			s.warn("objective %.40q is ignored", v)
		}
	}
	s.lit = strings.Contains(strings.ToUpper(f.get(general, "SLIDE_TYPE")), "FLUORESCENCE")
	return nil
}

// hierarchies reads the directions in which images differ; the first must be the
// zoom levels.
func (s *settings) hierarchies() error {
	n, err := s.ini.integer(hierarchical, "HIER_COUNT", 1, maxHierarchies)
	if err != nil {
		return err
	}
	if s.index, err = s.fileName(hierarchical, "INDEXFILE"); err != nil {
		return err
	}
	for i := range n {
		prefix := fmt.Sprintf("HIER_%d_", i)
		h := hierarchy{}
		if h.name, h.values, err = s.values(prefix, 1); err != nil {
			return err
		}
		if v, ok := tiles.ParseNumber(s.ini.get(hierarchical, prefix+"DEFAULT")); ok && v > 0 && v < float64(len(h.values)) {
			h.standard = int(v)
		}
		s.dims = append(s.dims, h)
	}
	if s.dims[0].name != zoomName {
		return unsupported("%s: HIER_0_NAME is %.40q where %q is due", settingsName, s.dims[0].name, zoomName)
	}
	return nil
}

// values reads the name of a hierarchy or layer and its values.
func (s *settings) values(prefix string, least int) (string, []named, error) {
	called, err := s.ini.text(hierarchical, prefix+"NAME")
	if err != nil {
		return "", nil, err
	}
	n, err := s.ini.integer(hierarchical, prefix+"COUNT", least, maxValues)
	if err != nil {
		return "", nil, err
	}
	out := make([]named, n)
	for i := range out {
		key := fmt.Sprintf("%sVAL_%d", prefix, i)
		out[i] = named{s.ini.get(hierarchical, key), s.ini.get(hierarchical, key+"_SECTION")}
	}
	return called, out, nil
}

func (s *settings) nonHierarchical() error {
	n, err := s.ini.integer(hierarchical, "NONHIER_COUNT", 0, maxValues)
	if err != nil {
		return err
	}
	record := 0
	for i := range n {
		l := layer{first: record}
		if l.name, l.values, err = s.values(fmt.Sprintf("NONHIER_%d_", i), 0); err != nil {
			return err
		}
		record += len(l.values)
		if record > maxIniKeys {
			return bad("%s names more than %d records", settingsName, maxIniKeys)
		}
		s.layers = append(s.layers, l)
	}
	return nil
}

// record is the number of the record of a layer's value, of its first where
// value is ""; -1 when there is none.
func (s *settings) record(layer, value string) (number int, section string) {
	for _, l := range s.layers {
		if l.name != layer {
			continue
		}
		for i, v := range l.values {
			if value == "" || v.name == value {
				return l.first + i, v.section
			}
		}
	}
	return -1, ""
}

// dimension is the number of the hierarchy of that name, 0 when there is none:
// the first is never asked for.
func (s *settings) dimension(name string) int {
	for i, h := range s.dims {
		if i > 0 && h.name == name {
			return i
		}
	}
	return 0
}

func (s *settings) files() error {
	n, err := s.ini.integer(dataFile, "FILE_COUNT", 1, maxDataFiles)
	if err != nil {
		return err
	}
	for i := range n {
		file, err := s.fileName(dataFile, fmt.Sprintf("FILE_%d", i))
		if err != nil {
			return err
		}
		s.data = append(s.data, file)
	}
	return nil
}

// fileName is the name of a file that lies in the slide's folder.
func (s *settings) fileName(section, key string) (string, error) {
	v, err := s.ini.text(section, key)
	if err == nil && (strings.ContainsAny(v, "/\\:\x00") || v == "." || v == "..") {
		err = bad("%s: [%s] %s=%.80q leads out of the slide's folder", settingsName, section, key, v)
	}
	return v, err
}

// zoomLevels reads the sections of the levels. A level that cannot be read ends
// the list with a warning, but for the first, without which there is no slide.
func (s *settings) zoomLevels() error {
	values := s.dims[0].values
	if len(values) > maxLevels {
		return bad("%d zoom levels are more than %d", len(values), maxLevels)
	}
	total := 0
	for i, v := range values {
		l, err := s.zoomLevel(i, v)
		if err == nil {
			if total += l.exponent; total > maxExponent {
				err = bad("images put together from 2^%d a side", total)
			}
		}
		if err != nil && i == 0 {
			return err
		}
		if err != nil {
			s.warn("zoom level %d and those above left out: %v", i, err)
			break
		}
		s.levels = append(s.levels, l)
	}
	return nil
}

func (s *settings) zoomLevel(i int, v named) (l zoomLevel, err error) {
	f := s.ini
	if v.section == "" {
		return l, bad("%s: [%s] does not say HIER_0_VAL_%d_SECTION", settingsName, hierarchical, i)
	}
	ints := []struct {
		key       string
		low, high int
		to        *int
	}{
		// Older slides do not put images of the first levels together (factor
		// 0) but store each smaller; how they lie is not known.
		{"IMAGE_CONCAT_FACTOR", min(i, 1), maxExponent, &l.exponent},
		{"DIGITIZER_WIDTH", 1, maxImageSide, &l.size.X}, {"DIGITIZER_HEIGHT", 1, maxImageSide, &l.size.Y},
	}
	for _, n := range ints {
		if *n.to, err = f.integer(v.section, n.key, n.low, n.high); err != nil {
			return l, err
		}
	}
	floats := []struct {
		key       string
		low, high float64
		to        *float64
	}{
		{"OVERLAP_X", -maxImageSide, maxImageSide * 1 << 10, &l.overlapX}, {"OVERLAP_Y", -maxImageSide, maxImageSide * 1 << 10, &l.overlapY},
	}
	for _, n := range floats {
		if *n.to, err = f.number(v.section, n.key, n.low, n.high); err != nil {
			return l, err
		}
	}
	l.mppX, _ = tiles.ParseNumber(f.get(v.section, "MICROMETER_PER_PIXEL_X")) // 0 is refused where it is used
	l.mppY, _ = tiles.ParseNumber(f.get(v.section, "MICROMETER_PER_PIXEL_Y"))
	l.fill = color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	if bgr, ok := tiles.ParseNumber(f.get(v.section, "IMAGE_FILL_COLOR_BGR")); ok && math.Abs(bgr) < 1<<32 {
		n := uint32(int64(bgr)) // negative where the writer's number was signed
		l.fill = color.NRGBA{R: byte(n), G: byte(n >> 8), B: byte(n >> 16), A: 255}
	} else {
		s.warn("zoom level %d has no fill colour: white is taken", i)
	}
	if l.formatName, err = f.text(v.section, "IMAGE_FORMAT"); err != nil {
		return l, err
	}
	l.format, err = parseFormat(l.formatName)
	return l, err
}

// size is the width and height of level 0 in pixels as OpenSlide computes it
// from the nominal overlap, the number of images put together left aside: where
// photos lie does not enter.
func (s *settings) size() (w, h int64, err error) {
	l := &s.levels[0]
	side := func(images, size int, overlap float64) int64 {
		overlapped := int64((images - 1) / s.divisions)
		return (int64(images)-overlapped)*int64(size) + overlapped*int64(math.Floor(float64(size)-overlap))
	}
	w, h = side(s.images.X, l.size.X, l.overlapX), side(s.images.Y, l.size.Y, l.overlapY)
	if w < 1 || h < 1 || w > tiff.MaxSide || h > tiff.MaxSide {
		return 0, 0, bad("%d×%d images of %d×%d pixels make a slide of %d×%d pixels", s.images.X, s.images.Y, l.size.X, l.size.Y, w, h)
	}
	return w, h, nil
}
