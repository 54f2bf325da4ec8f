package preprocess

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"coverslip/models/modeltest"
)

const torchvisionScript = `
import sys
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode as M
f=sys.argv[1]; w,h,size,crop=map(int,sys.argv[2:6]); mode,exact=sys.argv[6],sys.argv[7]=='true'
im=Image.frombytes('RGB',(w,h),open(f,'rb').read())
t=T.Compose([T.Resize((size,size) if exact else size,interpolation={'bicubic':M.BICUBIC,'bilinear':M.BILINEAR}[mode]),T.CenterCrop(crop),T.ToTensor(),
  T.Normalize((0.485,0.456,0.406),(0.229,0.224,0.225))])
t(im).numpy().tofile(f+'.out')
`

func TestPrep_Apply_EqualsTorchvision(t *testing.T) {
	python := modeltest.Python(t, "PIL", "torchvision")
	for _, c := range []struct {
		w, h, resize, crop int
		f                  Filter
		exact              bool
	}{
		{256, 256, 224, 224, Bicubic, false}, {256, 256, 224, 224, Bilinear, false}, {512, 512, 256, 224, Bicubic, false},
		{150, 99, 64, 57, Bicubic, false}, {80, 131, 64, 61, Bilinear, false}, {77, 50, 40, 40, Bilinear, true}, {224, 224, 224, 224, Bicubic, false},
	} {
		spec := ImageNet(c.resize)
		spec.Crop, spec.Filter, spec.Exact, spec.Torchvision = c.crop, c.f, c.exact, true
		p, err := New(spec)
		if err != nil {
			t.Fatal(err)
		}
		img := picture(c.w, c.h, 3)
		name := filepath.Join(t.TempDir(), "image")
		write(t, name, opaque(img).pix)
		python(torchvisionScript, name, fmt.Sprint(c.w), fmt.Sprint(c.h), fmt.Sprint(c.resize), fmt.Sprint(c.crop), c.f.String(), fmt.Sprint(c.exact))
		want, err := os.ReadFile(name + ".out")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, p.Len())
		if err := p.Apply(img, got); err != nil {
			t.Fatal(err)
		}
		off := 0
		for i, v := range got {
			if w := binary.LittleEndian.Uint32(want[4*i:]); math.Float32bits(v) != w {
				off++
			}
		}
		if off > 0 {
			t.Errorf("%+v: %d of %d numbers differ", c, off, len(got))
		}
	}
}
