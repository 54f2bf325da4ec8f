package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"coverslip/tiles"
)

func associatedVerb() verb {
	return verb{
		name: "associated", args: "SLIDE NAME", min: 2, max: 2,
		short:   "write the label, macro or thumbnail stored in a slide",
		long:    "The label and the macro image often show who the patient is.",
		example: "coverslipctl associated CMU-1.svs macro -o macro.png",
		setup: func(f *flag.FlagSet) func(c *call) error {
			how := declareAccess(f)
			srgb := declareSRGB(f)
			out := f.String("o", "", "image `FILE` to write (.png or .jpg)")
			return func(c *call) error {
				o, err := newImageOut(*out)
				if err != nil {
					return err
				}
				s, err := c.openSlideBy(c.args[0], how)
				if err != nil {
					return err
				}
				defer s.Close()
				img, err := inColour(s, *srgb).AssociatedImage(c.ctx, c.args[1])
				if errors.Is(err, tiles.ErrNoAssociated) {
					have := strings.Join(s.Info().Associated, ", ")
					if have == "" {
						have = "none"
					}
					err = fmt.Errorf("%w: %q (there are: %s)", tiles.ErrNoAssociated, c.args[1], have)
				}
				if err != nil {
					return aboutFile("slide", c.args[0], err)
				}
				return c.wroteImage(o, img)
			}
		},
	}
}
