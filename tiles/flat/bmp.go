package flat

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"io"

	"coverslip/tiles"

	"golang.org/x/image/bmp"
)

// bmpName is the name of the reader of BMP.
const bmpName = "bmp"

// FormatBMP returns the reader of uncompressed BMP of 8, 24 and 32 bits up to
// 64 Mpx.
func FormatBMP() tiles.Format {
	return tiles.Format{
		Name: bmpName, Vendor: "BMP",
		Detect: func(src *tiles.Source) error { return begins(src, "BM", "BMP") },
		Open:   openBMP,
	}
}

func openBMP(ctx context.Context, src *tiles.Source) (tiles.Slide, error) {
	read := func() io.Reader { return bufio.NewReaderSize(io.NewSectionReader(src, 0, src.Size()), 1<<16) }
	conf, err := bmp.DecodeConfig(read())
	if err != nil {
		return nil, &tiles.FormatError{Format: bmpName, What: "header", Err: err}
	}
	var head [46]byte
	if _, err := src.ReadAt(head[:], 0); err != nil {
		return nil, bad(bmpName, "the file has only %d bytes", src.Size())
	}
	px := int64(conf.Width) * int64(conf.Height)
	bits := int64(1)
	if binary.LittleEndian.Uint32(head[30:]) == 0 { // not run-length encoded
		bits = max(1, int64(binary.LittleEndian.Uint16(head[28:])))
	}
	switch {
	case conf.Width < 1 || conf.Height < 1:
		return nil, bad(bmpName, "picture of %d×%d pixels", conf.Width, conf.Height)
	case conf.Width > MaxSide || conf.Height > MaxSide || px > wholePixels:
		return nil, unsupported(bmpName, hint, "picture of %d×%d pixels (up to 64 Mpx are read)", conf.Width, conf.Height)
	case px/8*bits > src.Size():
		return nil, bad(bmpName, "%d×%d pixels do not fit a file of %d bytes", conf.Width, conf.Height, src.Size())
	}
	p := &picture{format: bmpName, limits: usual(), width: conf.Width, height: conf.Height, cell: cell{4, 1}, orientation: 1}
	p.info.Vendor = "Generic"
	x, y := int32(binary.LittleEndian.Uint32(head[38:])), int32(binary.LittleEndian.Uint32(head[42:])) // pixels per metre
	text := ""
	if x > 0 && y > 0 {
		text = fmt.Sprintf("%d×%d per metre", x, y)
	}
	p.scale(1e6/float64(x), 1e6/float64(y), "bmp.PelsPerMeter", text)
	p.rows = func(_ context.Context, row func([]byte) error) error {
		m, err := bmp.Decode(read())
		if err != nil {
			return err
		}
		line := image.NewRGBA(image.Rect(0, 0, conf.Width, 1))
		for y := range conf.Height {
			draw.Draw(line, line.Rect, m, image.Pt(0, y), draw.Src)
			if err := row(line.Pix); err != nil {
				return err
			}
		}
		return nil
	}
	return p.open(ctx, src)
}
