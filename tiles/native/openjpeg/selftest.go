package openjpeg

import (
	"encoding/hex"
	"errors"
	"image"

	"coverslip/tiles/jpeg2000"
)

// testStream is a lossless codestream of 4×4 pixels, written by OpenJPEG:
// red = 60·x, green = 60·y, blue = 200 − 20·x, with the component transform.
const testStream = "ff4fff51002f00000000000400000004000000000000000000000004000000040000000000000000000307010107010107" +
	"0101ff52000c00000001010204040001ff5c000a4040484850484850ff640025000143726561746564206279204f70656e4a504547" +
	"2076657273696f6e20322e352e30ff90000a00000000005c0001ff93c7d40207cfb408017fc02103c1f3818fb40803047fc3ea029f" +
	"801005df0739cfc00a7e004004890739c0f901c1f383000cff5f0b3849c1f38387d4060e09640c1528c3ea0387d4060cf78f0c1528ffd9"

// selfTest decodes testStream: a library of another ABI fails here, not on a
// patient's slide.
func (l *Library) selfTest() error {
	data, err := hex.DecodeString(testStream)
	if err != nil {
		return err
	}
	m := image.NewRGBA(image.Rect(0, 0, 4, 4))
	if err := l.Decode(m, data, jpeg2000.Options{}); err != nil {
		return err
	}
	for y := range 4 {
		for x := range 4 {
			p := m.Pix[m.PixOffset(x, y):]
			if p[0] != byte(60*x) || p[1] != byte(60*y) || p[2] != byte(200-20*x) || p[3] != 255 {
				return errors.New("the decoded picture is not the encoded one")
			}
		}
	}
	return nil
}
