package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"sort"
	"time"

	"coverslip/tiles"
)

// benchJSON is the JSON of bench.
type benchJSON struct {
	Slide     string  `json:"slide"`
	Tiles     int     `json:"tiles"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"tilesPerSecond"`
	MPixels   float64 `json:"megapixelsPerSecond"`
	Median    float64 `json:"medianMilliseconds"`
	Slowest   float64 `json:"p99Milliseconds"`
}

func benchVerb() verb {
	return verb{
		name: "bench", args: "[SLIDE]", max: 1,
		short: "measure how fast tiles of a slide, or many labels, are read",
		long: "Reads tiles of level 0 at random places (fixed seed) on one goroutine, without the cache. With\n" +
			"--objects it makes a project of made-up labels, unless there is one, and measures its file,\n" +
			"opening, queries, edits, undos and memory in one run; SLIDE may then be left out.",
		example: "coverslipctl bench --objects 1000000 --project many.coverslip",
		setup: func(f *flag.FlagSet) func(c *call) error {
			n := f.Int("tiles", 200, "`N` tiles to read")
			objects := f.Int("objects", 0, "`N` labels to make up, at most 5,000,000")
			project := declareProject(f, false)
			return func(c *call) error {
				if *objects != 0 {
					if *objects < 1 || *objects > 5_000_000 || project.dir == "" {
						return wrongUsage("--objects takes 1 to 5,000,000, and --project DIR is needed")
					}
					slide := ""
					if len(c.args) > 0 {
						slide = c.args[0]
					}
					j, err := benchObjects(c, slide, project.dir, *objects, project.options(false))
					if err != nil || os.Getenv(benchInside) != "" {
						return err
					}
					return c.result(j, j.write)
				}
				if len(c.args) == 0 {
					return wrongUsage("takes SLIDE, or --objects N with --project DIR")
				}
				if *n < 1 {
					return wrongUsage("--tiles must be at least 1")
				}
				s, err := c.openSlide(c.args[0])
				if err != nil {
					return err
				}
				defer s.Close()
				j, err := benchTiles(c.ctx, s, *n)
				if err != nil {
					return aboutFile("slide", c.args[0], err)
				}
				j.Slide = c.args[0]
				return c.result(j, func(w io.Writer) {
					fmt.Fprintf(w, "%d tiles: %.0f a second, %.1f megapixels a second; median %.2f ms, 99 of 100 below %.2f ms\n",
						j.Tiles, j.PerSecond, j.MPixels, j.Median, j.Slowest)
				})
			}
		},
	}
}

// benchTiles reads n tiles of level 0.
func benchTiles(ctx context.Context, s tiles.Slide, n int) (benchJSON, error) {
	level := s.Levels()[0]
	rnd := rand.New(rand.NewPCG(1, 2))
	times := make([]float64, 0, n)
	pixels := 0
	start := time.Now()
	for range n {
		k := tiles.Key{Col: rnd.IntN(level.Cols()), Row: rnd.IntN(level.Rows())}
		r := level.TileRect(k.Col, k.Row)
		dst := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
		from := time.Now()
		if err := s.ReadTile(ctx, k, dst); err != nil {
			return benchJSON{}, err
		}
		times = append(times, time.Since(from).Seconds()*1000)
		pixels += r.Dx() * r.Dy()
	}
	spent := time.Since(start).Seconds()
	sort.Float64s(times)
	return benchJSON{Tiles: n, Seconds: spent, PerSecond: float64(n) / spent, MPixels: float64(pixels) / 1e6 / spent,
		Median: times[n/2], Slowest: times[n*99/100]}, nil
}
