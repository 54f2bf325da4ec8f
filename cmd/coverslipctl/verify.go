package main

import (
	"flag"
	"fmt"
	"io"

	"coverslip/app"
)

// verifyJSON is the JSON of verify.
type verifyJSON struct {
	Slide      string            `json:"slide"`
	Sound      bool              `json:"sound"`
	Planes     int               `json:"planes"`
	Tiles      int               `json:"tiles"`
	Missing    int               `json:"missing"`
	Bad        int               `json:"bad"`
	Associated int               `json:"associated"`
	Levels     []verifyLevelJSON `json:"levels"`
	BadTiles   []badTileJSON     `json:"badTiles"`
}

type verifyLevelJSON struct {
	Level   int `json:"level"`
	Tiles   int `json:"tiles"`
	Missing int `json:"missing"`
	Bad     int `json:"bad"`
}

type badTileJSON struct {
	Level      int    `json:"level"`
	Col        int    `json:"col"`
	Row        int    `json:"row"`
	Channel    int    `json:"channel"`
	Z          int    `json:"z"`
	T          int    `json:"t"`
	Associated string `json:"associated,omitempty"`
	Reason     string `json:"reason"`
}

func verifyVerb() verb {
	return verb{
		name: "verify", args: "SLIDE", min: 1, max: 1,
		short: "read every tile of a slide and list the bad ones",
		long: "Every level, channel and focal plane, and the associated images. Missing tiles were never\n" +
			"stored, which is no fault. The exit code is 0 when everything could be read, else 1.",
		example: "coverslipctl verify CMU-1.svs",
		setup: func(f *flag.FlagSet) func(c *call) error {
			a := declareAccess(f)
			workers := f.Int("workers", 0, "`N` tiles read at once (0 is one per processor)")
			return func(c *call) error {
				if *workers < 0 {
					return wrongUsage("--workers must be at least 0")
				}
				s, err := c.openSlideBy(c.args[0], a)
				if err != nil {
					return err
				}
				defer s.Close()
				pr := c.newProgress()
				r, err := app.VerifySlide(c.ctx, s, *workers, pr.show)
				pr.done()
				if err != nil {
					return aboutFile("slide", c.args[0], err)
				}
				if err := c.result(verified(c.args[0], r), func(w io.Writer) { printVerified(w, c.args[0], r) }); err != nil {
					return err
				}
				return aboutFile("slide", c.args[0], r.Err())
			}
		},
	}
}

func verified(path string, r app.VerifyReport) verifyJSON {
	j := verifyJSON{Slide: path, Sound: r.Bad == 0, Planes: r.Planes, Tiles: r.Tiles, Missing: r.Missing, Bad: r.Bad, Associated: r.Associated, BadTiles: []badTileJSON{}}
	for _, l := range r.Levels {
		j.Levels = append(j.Levels, verifyLevelJSON(l))
	}
	for _, b := range r.BadTiles {
		j.BadTiles = append(j.BadTiles, badTileJSON{Level: b.Tile.Level, Col: b.Tile.Col, Row: b.Tile.Row,
			Channel: b.Plane.Channel, Z: b.Plane.Z, T: b.Plane.T, Associated: b.Associated, Reason: b.Reason})
	}
	return j
}

func printVerified(w io.Writer, path string, r app.VerifyReport) {
	for _, b := range r.BadTiles {
		where := fmt.Sprintf("level %d tile (%d,%d)", b.Tile.Level, b.Tile.Col, b.Tile.Row)
		if b.Associated != "" {
			where = "associated image " + b.Associated
		} else if r.Planes > 1 {
			where += fmt.Sprintf(" channel %d z %d t %d", b.Plane.Channel, b.Plane.Z, b.Plane.T)
		}
		fmt.Fprintf(w, "bad: %s: %s\n", where, oneLine(b.Reason))
	}
	if more := r.Bad - len(r.BadTiles); more > 0 {
		fmt.Fprintf(w, "bad: %d more\n", more)
	}
	for _, l := range r.Levels {
		fmt.Fprintf(w, "level %d: %d tiles, %d missing, %d bad\n", l.Level, l.Tiles, l.Missing, l.Bad)
	}
	verdict := "sound"
	if r.Bad > 0 {
		verdict = "damaged"
	}
	fmt.Fprintf(w, "%s: %s; %d tiles, %d missing, %d bad, %d associated images\n", path, verdict, r.Tiles, r.Missing, r.Bad, r.Associated)
}
