package main

import (
	"flag"
	"fmt"
	"image"

	"coverslip/tiles"
)

// maxRegion is the most pixels one region may have: 1 GiB in memory.
const maxRegion = 1 << 28

func regionVerb() verb {
	return verb{
		name: "region", args: "SLIDE", min: 1, max: 1,
		short: "write a region of a slide as an image",
		long: "X and Y are level-0 pixels, W and H pixels of level L, as OpenSlide's read_region.\n" +
			"Pixels outside the slide are transparent.",
		example: "coverslipctl region CMU-1.svs --level 1 --x 4000 --y 8000 --w 512 --h 512 -o out.png",
		setup: func(f *flag.FlagSet) func(c *call) error {
			how := declareAccess(f)
			srgb := declareSRGB(f)
			planes := declarePlanes(f, &tiles.Choice{})
			level := f.Int("level", 0, "`LEVEL` of the pyramid, 0 is full resolution")
			x := f.Int("x", 0, "`X` of the left edge, level-0 pixels")
			y := f.Int("y", 0, "`Y` of the upper edge, level-0 pixels")
			w := f.Int("w", 512, "`W`, width in pixels of the level")
			h := f.Int("h", 512, "`H`, height in pixels of the level")
			out := f.String("o", "", "image `FILE` to write (.png or .jpg)")
			return func(c *call) error {
				if *w < 1 || *h < 1 || *level < 0 {
					return wrongUsage("--w and --h must be at least 1, --level at least 0")
				}
				if *w > maxRegion / *h {
					return wrongUsage("%d × %d pixels are too many for one image; read it in parts", *w, *h)
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
				if *level >= len(s.Levels()) {
					return wrongUsage("%s has levels 0 to %d, not %d", c.args[0], len(s.Levels())-1, *level)
				}
				img := image.NewRGBA(image.Rect(0, 0, *w, *h))
				if err := tiles.ReadRegion(c.ctx, inColour(drawn, *srgb), *level, *x, *y, img); err != nil {
					return aboutFile("slide", c.args[0], fmt.Errorf("region %d,%d %d×%d of level %d: %w", *x, *y, *w, *h, *level, err))
				}
				return c.wroteImage(o, img)
			}
		},
	}
}
