package main

import (
	"flag"

	"coverslip/tiles"
)

func thumbVerb() verb {
	return verb{
		name: "thumb", args: "SLIDE", min: 1, max: 1,
		short:   "write a small picture of the whole slide",
		example: "coverslipctl thumb CMU-1.svs --max 1024 -o thumb.png",
		setup: func(f *flag.FlagSet) func(c *call) error {
			how := declareAccess(f)
			srgb := declareSRGB(f)
			planes := declarePlanes(f, &tiles.Choice{})
			most := f.Int("max", 1024, "`N` pixels of the longer side, at most")
			out := f.String("o", "", "image `FILE` to write (.png or .jpg)")
			return func(c *call) error {
				if *most < 1 || *most > 16384 {
					return wrongUsage("--max must be 1 to 16384")
				}
				o, err := newImageOut(*out)
				if err != nil {
					return err
				}
				s, err := c.openSlideBy(c.args[0], how)
				if err != nil {
					return err
				}
				defer s.Close()
				drawn, err := planes.of(c.args[0], s)
				if err != nil {
					return err
				}
				img, err := tiles.Thumbnail(c.ctx, inColour(drawn, *srgb), *most)
				if err != nil {
					return aboutFile("slide", c.args[0], err)
				}
				return c.wroteImage(o, img)
			}
		},
	}
}
