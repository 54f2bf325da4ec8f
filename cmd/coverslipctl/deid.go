package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"coverslip/app"
	"coverslip/tiles/deid"
	"coverslip/tiles/phiscan"
)

// deidJSON is the JSON of deid, and of the report beside the copy.
type deidJSON struct {
	Format  string   `json:"format"`
	Levels  int      `json:"levels"`
	Dropped []string `json:"dropped"`
	Mind    []string `json:"mind"`
}

func deidVerb() verb {
	return verb{
		name: "deid", args: "SLIDE", min: 1, max: 1,
		short: "write a copy of a slide that names nobody",
		long: "Pixels are copied as stored; of everything else only what a list names as needed is kept.\n" +
			"Label, macro and thumbnail, texts, dates, names, unknown tags and comments in the streams are\n" +
			"left out; identifiers are replaced by a keyed hash. SVS, NDPI, OME-TIFF, DICOM (OUT is a\n" +
			"folder) and MIRAX (OUT.mrxs and a folder) are known; other slides are refused. Writing on the\n" +
			"glass is in the pixels: look at the copy before it is given away. --key keeps identifiers the\n" +
			"same for slides that belong together; it is made when it is not there. Keep it secret.",
		example: "coverslipctl deid S12-3456.svs -o case-01.svs --key lab.key",
		setup: func(f *flag.FlagSet) func(c *call) error {
			out := f.String("o", "", "`FILE` or folder to make; its name must say nothing either")
			keyFile := f.String("key", "", "`FILE` that holds the secret of the pseudonyms (default: a new one that is forgotten)")
			report := f.String("report", "", "`FILE`.json for what was left out")
			return func(c *call) error {
				if *out == "" {
					return wrongUsage("-o OUT is needed")
				}
				key, err := deidKey(*keyFile)
				if err != nil {
					return err
				}
				r, err := deid.Clean(c.ctx, c.args[0], *out, deid.Options{Key: key})
				if err != nil {
					return err
				}
				for _, m := range r.Mind {
					c.say("mind: %s", m)
				}
				j := deidJSON{r.Format, r.Levels, append([]string{}, r.Dropped...), append([]string{}, r.Mind...)}
				if *report != "" {
					if err := app.WriteFile(*report, func(w io.Writer) error { return writeLine(w, j) }); err != nil {
						return err
					}
				}
				return c.result(j, func(w io.Writer) {
					fmt.Fprintf(w, "%s: a copy of %d levels; %d kinds of things were left out\n", *out, r.Levels, len(r.Dropped))
				})
			}
		},
	}
}

// deidKey reads the secret, or makes one.
func deidKey(path string) ([]byte, error) {
	key := make([]byte, 32)
	if path != "" {
		data, err := os.ReadFile(path)
		if err == nil {
			return hex.DecodeString(strings.TrimSpace(string(data)))
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if path == "" {
		return key, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return key, os.WriteFile(path, []byte(hex.EncodeToString(key)+"\n"), 0o600)
}

// errFound makes scan-phi fail.
var errFound = errors.New("something was found that should not be there")

func scanPHIVerb() verb {
	return verb{
		name: "scan-phi", args: "PATH", min: 1, max: 1,
		short: "look for names and other marks of persons in files",
		long: "Every byte of a file or folder is looked at, in UTF-8, UTF-16, base64 and hex, in upper and\n" +
			"lower case, inside ZIP, tar and gzip, and in packed texts and columns; names of files too. Words\n" +
			"come from --word and --words; marks that need no name (home folders, mail addresses, texts of\n" +
			"scanners, patients' names in DICOM, EXIF) are looked for unless --no-marks. The exit code is 1\n" +
			"when something is found. What stands in pixels it cannot see.",
		example: "coverslipctl scan-phi dataset --word Smith --words patients.txt",
		setup: func(f *flag.FlagSet) func(c *call) error {
			var words []string
			f.Func("word", "`TEXT` that must not be there (several times)", func(s string) error { words = append(words, s); return nil })
			list := f.String("words", "", "`FILE` with such a text a line")
			noMarks := f.Bool("no-marks", false, "look for the words alone")
			return func(c *call) error {
				if *list != "" {
					data, err := os.ReadFile(*list)
					if err != nil {
						return err
					}
					for _, line := range strings.Split(string(data), "\n") {
						if line = strings.TrimSpace(line); line != "" {
							words = append(words, line)
						}
					}
				}
				hits, err := phiscan.Scan(c.ctx, c.args[0], phiscan.Options{Words: words, Marks: !*noMarks})
				if err != nil {
					return err
				}
				hits = append([]phiscan.Hit{}, hits...)
				err = c.result(hits, func(w io.Writer) {
					for _, h := range hits {
						fmt.Fprintf(w, "%s at %d: %s (%s): %q\n", h.File, h.Offset, h.What, h.Coding, h.Text)
					}
					fmt.Fprintf(w, "%s: %d found\n", c.args[0], len(hits))
				})
				if err == nil && len(hits) > 0 {
					err = errFound
				}
				return err
			}
		},
	}
}
