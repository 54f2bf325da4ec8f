package preprocess

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/models/modeltest"
)

const torchvisionScript = `
import sys
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode as M
dir=sys.argv[1]
for line in open(dir+'/list'):
    f,w,h,size,crop,mode,exact=line.split(); w,h,size,crop=int(w),int(h),int(size),int(crop); f=dir+'/'+f
    im=Image.frombytes('RGB',(w,h),open(f,'rb').read())
    t=T.Compose([T.Resize((size,size) if exact=='true' else size,interpolation={'bicubic':M.BICUBIC,'bilinear':M.BILINEAR}[mode]),T.CenterCrop(crop),T.ToTensor(),
      T.Normalize((0.485,0.456,0.406),(0.229,0.224,0.225))])
    t(im).numpy().tofile(f+'.out')
`

func TestPrep_Apply_EqualsTorchvision(t *testing.T) {
	python := modeltest.Python(t, "PIL", "torchvision")
	cases := []struct {
		w, h, resize, crop int
		f                  Filter
		exact              bool
	}{
		{256, 256, 224, 224, Bicubic, false}, {256, 256, 224, 224, Bilinear, false}, {512, 512, 256, 224, Bicubic, false},
		{150, 99, 64, 57, Bicubic, false}, {80, 131, 64, 61, Bilinear, false}, {77, 50, 40, 40, Bilinear, true}, {224, 224, 224, 224, Bicubic, false},
	}
	dir := t.TempDir()
	var list strings.Builder
	for i, c := range cases {
		write(t, filepath.Join(dir, fmt.Sprint(i)), opaque(picture(c.w, c.h, 3)).pix)
		fmt.Fprintln(&list, i, c.w, c.h, c.resize, c.crop, c.f, c.exact)
	}
	write(t, filepath.Join(dir, "list"), []byte(list.String()))
	python(torchvisionScript, dir)
	for i, c := range cases {
		spec := ImageNet(c.resize)
		spec.Crop, spec.Filter, spec.Exact, spec.Torchvision = c.crop, c.f, c.exact, true
		p, err := New(spec)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)+".out"))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, p.Len())
		if err := p.Apply(picture(c.w, c.h, 3), got); err != nil {
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
