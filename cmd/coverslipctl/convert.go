package main

import (
	"flag"
	"fmt"
	"image"
	"io"
	"strconv"
	"strings"

	"coverslip/app"
)

// convertJSON is the JSON of convert.
type convertJSON struct {
	Slide      string   `json:"slide"`
	Out        string   `json:"out"`
	Format     string   `json:"format"`
	Width      int      `json:"width"`
	Height     int      `json:"height"`
	Levels     int      `json:"levels"`
	Planes     int      `json:"planes"`
	Tiles      int      `json:"tiles"`
	Copied     int      `json:"copied"`
	Associated []string `json:"associated"`
	Bad        int      `json:"bad"`
	BadTiles   []string `json:"badTiles"`
	Bytes      int64    `json:"bytes"`
}

func convertVerb() verb {
	return verb{
		name: "convert", args: "SLIDE", min: 1, max: 1,
		short: "write a slide, or a region, as OME-TIFF or DICOM",
		long: "OUT is a new file (OME-TIFF) or a new folder (DICOM); nothing is overwritten, and nothing is\n" +
			"left when it is stopped. JPEG tiles are copied without decoding where OUT can hold them as\n" +
			"they are; channels are always written without loss. Label and overview, which may show a\n" +
			"patient's name, are carried only with --label.",
		example: "coverslipctl convert CMU-1.svs -o CMU-1.ome.tif\n" +
			"coverslipctl convert CMU-1.svs -o CMU-1-dicom --format dicom\n" +
			"coverslipctl convert CMU-1.svs -o part.ome.tif --region 4000,8000,2048,2048 --lossless",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var o app.ConvertOptions
			a := declareAccess(f)
			out := f.String("o", "", "`OUT`, the file or folder to write")
			f.StringVar(&o.Format, "format", app.ConvertOME, "`FORMAT`: ome-tiff or dicom")
			region := f.String("region", "", "`X,Y,W,H` in level-0 pixels (default all)")
			f.IntVar(&o.Level, "level", 0, "`LEVEL` of SLIDE that becomes the full resolution")
			f.IntVar(&o.Quality, "quality", 90, "JPEG quality `Q` of tiles that are encoded anew, 1 to 100")
			f.BoolVar(&o.Lossless, "lossless", false, "no JPEG: the pixels of SLIDE exactly")
			f.StringVar(&o.Packing, "packing", "", "`NAME` of the lossless compression of OME-TIFF: deflate, zstd or lzw")
			f.BoolVar(&o.Encode, "encode", false, "encode every tile anew, even where it could be copied")
			f.BoolVar(&o.Label, "label", false, "carry label and overview, too")
			f.BoolVar(&o.KeepGoing, "keep-going", false, "paint tiles that cannot be read as background")
			f.Float64Var(&o.MPP, "mpp", 0, "`µm` per level-0 pixel, instead of what SLIDE says")
			f.IntVar(&o.Workers, "workers", 0, "`N` tiles made at once (0 is one per processor)")
			f.StringVar(&o.Patient.ID, "patient-id", "", "`ID` of the patient, DICOM alone")
			f.StringVar(&o.Patient.Name, "patient-name", "", "`NAME^GIVEN` of the patient, DICOM alone")
			f.StringVar(&o.Accession, "accession", "", "accession `NUMBER`, DICOM alone")
			f.StringVar(&o.Container, "container", "", "`ID` of the glass slide, DICOM alone")
			f.StringVar(&o.Specimen, "specimen", "", "`ID` of the specimen, DICOM alone")
			f.StringVar(&o.Seed, "seed", "", "`TEXT` that DICOM's identifiers are made of (default random ones)")
			return func(c *call) error {
				if err := checkConvert(*out, *region, &o); err != nil {
					return err
				}
				return c.convert(*out, o, a)
			}
		},
	}
}

// checkConvert refuses a wrong command line before any work is done.
func checkConvert(out, region string, o *app.ConvertOptions) error {
	switch {
	case out == "":
		return wrongUsage("-o OUT is needed")
	case o.Format != app.ConvertOME && o.Format != app.ConvertDICOM:
		return wrongUsage("unknown format %q; %s and %s are known", o.Format, app.ConvertOME, app.ConvertDICOM)
	case o.Quality < 1 || o.Quality > 100:
		return wrongUsage("--quality must be 1 to 100")
	case o.Level < 0 || o.Workers < 0:
		return wrongUsage("--level and --workers must be at least 0")
	case o.MPP < 0:
		return wrongUsage("--mpp must be more than 0")
	case o.Packing != "" && !strings.Contains(" deflate zstd lzw ", " "+o.Packing+" "):
		return wrongUsage("unknown packing %q; deflate, zstd and lzw are known", o.Packing)
	}
	if region == "" {
		return nil
	}
	var err error
	o.Region, err = parseRegion(region)
	return err
}

// parseRegion reads "X,Y,W,H".
func parseRegion(text string) (image.Rectangle, error) {
	var v [4]int
	parts := strings.Split(text, ",")
	if len(parts) != len(v) {
		return image.Rectangle{}, wrongUsage("--region %q is not X,Y,W,H", text)
	}
	for i, p := range parts {
		n, err := strconv.Atoi(strings.TrimSpace(p))
		if err != nil || n < -1<<30 || n > 1<<30 {
			return image.Rectangle{}, wrongUsage("--region %q is not X,Y,W,H in pixels", text)
		}
		v[i] = n
	}
	if v[2] < 1 || v[3] < 1 {
		return image.Rectangle{}, wrongUsage("--region %q is empty", text)
	}
	return image.Rect(v[0], v[1], v[0]+v[2], v[1]+v[3]), nil
}

func (c *call) convert(out string, o app.ConvertOptions, a *access) error {
	s, err := c.openSlideBy(c.args[0], a)
	if err != nil {
		return err
	}
	defer s.Close()
	if o.Level >= len(s.Levels()) {
		return wrongUsage("%s has levels 0 to %d, not %d", c.args[0], len(s.Levels())-1, o.Level)
	}
	pr := c.newProgress()
	r, err := app.ConvertSlide(c.ctx, s, out, o, pr.show)
	pr.done()
	if err != nil {
		return aboutFile("slide", c.args[0], err)
	}
	j := convertJSON{Slide: c.args[0], Out: r.Out, Format: r.Format, Width: r.Width, Height: r.Height, Levels: r.Levels, Planes: r.Planes,
		Tiles: r.Tiles, Copied: r.Copied, Associated: append([]string{}, r.Associated...), Bad: r.Bad, BadTiles: append([]string{}, r.BadTiles...), Bytes: r.Bytes}
	for _, text := range r.BadTiles {
		c.say("painted as background: %s", oneLine(text))
	}
	return c.result(j, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s, %d × %d pixels, %d levels, %d planes; %d tiles, %d of them copied as they are; %.1f MB\n",
			j.Out, j.Format, j.Width, j.Height, j.Levels, j.Planes, j.Tiles, j.Copied, float64(j.Bytes)/1e6)
		if j.Bad > 0 {
			fmt.Fprintf(w, "%d tiles could not be read and are background\n", j.Bad)
		}
	})
}
