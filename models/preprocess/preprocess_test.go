package preprocess

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/models/modeltest"
)

// picture is a repeatable image with edges, slopes and noise.
func picture(w, h int, seed uint32) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	state := seed*2654435761 + 1
	for y := range h {
		for x := range w {
			state = state*1664525 + 1013904223
			n := byte(state >> 24)
			p := img.Pix[y*img.Stride+4*x:]
			p[0] = byte(x*255/w)/2 + n/2
			p[1] = byte(y * 7)
			p[2] = n
			if (x/5+y/9)%2 == 0 {
				p[0], p[2] = 255, 0
			}
			p[3] = 255
		}
	}
	return img
}

var resizeCases = []struct{ w, h, toW, toH int }{
	{256, 256, 224, 224}, {512, 512, 224, 224}, {224, 224, 224, 224}, {100, 80, 224, 180}, {7, 5, 3, 2},
	{301, 201, 64, 201}, {64, 97, 64, 31}, {1, 1, 5, 5}, {500, 3, 20, 40}, {33, 33, 112, 112},
}

const pilScript = `
import sys
from PIL import Image
dir=sys.argv[1]
names={'bilinear':Image.BILINEAR,'bicubic':Image.BICUBIC,'lanczos':Image.LANCZOS,'box':Image.BOX}
for line in open(dir+'/list'):
    name,w,h,tw,th,f=line.split()
    im=Image.frombytes('RGB',(int(w),int(h)),open(dir+'/'+name,'rb').read())
    open(dir+'/'+name+'.out','wb').write(im.resize((int(tw),int(th)),names[f]).tobytes())
`

func TestResize_EqualsPillow(t *testing.T) {
	python := modeltest.Python(t, "PIL")
	dir := t.TempDir()
	var list strings.Builder
	images := map[string]*image.RGBA{}
	for f := range filterNames {
		for i, c := range resizeCases {
			name := fmt.Sprintf("%d-%d", f, i)
			images[name] = picture(c.w, c.h, uint32(i))
			write(t, filepath.Join(dir, name), opaque(images[name]).pix)
			fmt.Fprintln(&list, name, c.w, c.h, c.toW, c.toH, Filter(f))
		}
	}
	write(t, filepath.Join(dir, "list"), []byte(list.String()))
	python(pilScript, dir)
	for f := range filterNames {
		for i, c := range resizeCases {
			name := fmt.Sprintf("%d-%d", f, i)
			want, err := os.ReadFile(filepath.Join(dir, name+".out"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Resize(images[name], c.toW, c.toH, Filter(f))
			if err != nil {
				t.Fatal(err)
			}
			if pix := opaque(got).pix; !bytes.Equal(pix, want) {
				off := 0
				for j := range pix {
					if pix[j] != want[j] {
						off++
					}
				}
				t.Errorf("%s %v: %d of %d bytes differ", Filter(f), c, off, len(pix))
			}
		}
	}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// pillowSums are sha256 of what Pillow 13.0 made of picture(w, h, 7).
var pillowSums = []struct {
	f            Filter
	w, h, tw, th int
	sum          string
}{
	{Bilinear, 256, 256, 224, 224, "bc4fa39ee89960cb"},
	{Bilinear, 97, 61, 40, 80, "565b7d0705b35fd0"},
	{Bicubic, 256, 256, 224, 224, "d89455394b726cdd"},
	{Bicubic, 97, 61, 40, 80, "88010d21d4049c5d"},
	{Lanczos, 256, 256, 224, 224, "e3b1d92d483dae41"},
	{Lanczos, 97, 61, 40, 80, "ed160740d19d346e"},
	{Box, 256, 256, 224, 224, "63222c66afca48ba"},
	{Box, 97, 61, 40, 80, "9781ab58a8b0d995"},
}

func TestResize_GoldenOfPillow(t *testing.T) {
	for _, g := range pillowSums {
		out, err := Resize(picture(g.w, g.h, 7), g.tw, g.th, g.f)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(opaque(out).pix)
		if got := hex.EncodeToString(sum[:8]); got != g.sum {
			t.Errorf("%s %d×%d to %d×%d: sum %s, Pillow's is %s", g.f, g.w, g.h, g.tw, g.th, got, g.sum)
		}
	}
}

const inputScript = `
import sys
import numpy as np
from PIL import Image
f=sys.argv[1]; w,h,size,crop=map(int,sys.argv[2:6])
im=Image.frombytes('RGB',(w,h),open(f,'rb').read())
s=(size,int(size*h/w)) if w<=h else (int(size*w/h),size)
a=np.asarray(im.resize(s,Image.BICUBIC))
t,l=(a.shape[0]-crop)//2,(a.shape[1]-crop)//2
a=a[t:t+crop,l:l+crop].astype(np.float32)*np.float32(1/255)
mean=np.array([0.48145466,0.4578275,0.40821073],dtype=np.float32)
std=np.array([0.26862954,0.26130258,0.27577711],dtype=np.float32)
((a-mean)/std).transpose(2,0,1).tofile(f+'.out')
`

func TestPrep_Apply_EqualsTransformers(t *testing.T) {
	python := modeltest.Python(t, "PIL", "numpy")
	p, err := New(Spec{Resize: 64, Crop: 57, Filter: Bicubic,
		Mean: [3]float32{0.48145466, 0.4578275, 0.40821073}, Std: [3]float32{0.26862954, 0.26130258, 0.27577711}})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{97, 97}, {150, 99}, {80, 131}, {64, 64}} {
		img := picture(size[0], size[1], 3)
		name := filepath.Join(t.TempDir(), "image")
		write(t, name, opaque(img).pix)
		python(inputScript, name, fmt.Sprint(size[0]), fmt.Sprint(size[1]), "64", "57")
		want, err := os.ReadFile(name + ".out")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, p.Len())
		if err := p.Apply(img, got); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if w := binary.LittleEndian.Uint32(want[4*i:]); math.Float32bits(v) != w {
				t.Fatalf("%v: number %d is %v, numpy has %v", size, i, v, math.Float32frombits(w))
			}
		}
	}
}

func TestPrep_Apply_Layouts(t *testing.T) {
	img := picture(6, 6, 1)
	read := func(s Spec) []float32 {
		p, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, p.Len())
		if err := p.Apply(img, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	plain := read(Spec{Crop: 4, Scale: 1})
	blue := read(Spec{Crop: 4, Scale: 1, BGR: true})
	last := read(Spec{Crop: 4, Scale: 1, NHWC: true})
	both := read(Spec{Crop: 4, Scale: 1, NHWC: true, BGR: true})
	for y := range 4 {
		for x := range 4 {
			for c := range 3 {
				want := float32(img.Pix[(y+1)*img.Stride+4*(x+1)+c])
				if got := plain[c*16+y*4+x]; got != want {
					t.Fatalf("plane %d at %d,%d: %v, want %v", c, x, y, got, want)
				}
				if blue[(2-c)*16+y*4+x] != want || last[(y*4+x)*3+c] != want || both[(y*4+x)*3+2-c] != want {
					t.Fatalf("blue first or channel last is wrong at %d,%d", x, y)
				}
			}
		}
	}
}

func TestPrep_Apply_TransparentIsWhite(t *testing.T) {
	p, err := New(Spec{Resize: 8, Scale: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, p.Len())
	if err := p.Apply(image.NewRGBA(image.Rect(10, 10, 30, 30)), out); err != nil {
		t.Fatal(err)
	}
	for _, v := range out {
		if v != 255 {
			t.Fatalf("outside the slide is %v", v)
		}
	}
}

func TestPrep_Refuses(t *testing.T) {
	nan := float32(math.NaN())
	for _, s := range []Spec{{}, {Resize: -1}, {Resize: 1 << 20}, {Resize: 10, Crop: 20}, {Resize: 10, Filter: 9},
		{Resize: 10, Std: [3]float32{1, 0, 1}}, {Resize: 10, Mean: [3]float32{nan, 0, 0}}, {Resize: 10, Std: [3]float32{-1, 1, 1}}} {
		if _, err := New(s); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
	p, err := New(Spec{Crop: 16})
	if err != nil {
		t.Fatal(err)
	}
	room := make([]float32, p.Len())
	for _, img := range []*image.RGBA{nil, {}, picture(8, 20, 1)} {
		if err := p.Apply(img, room); err == nil {
			t.Errorf("%v was accepted", img)
		}
	}
	if err := p.Apply(picture(20, 20, 1), room[1:]); err == nil {
		t.Error("too little room was accepted")
	}
	narrow, err := New(ImageNet(224))
	if err != nil {
		t.Fatal(err)
	}
	if err := narrow.Apply(picture(1, 3000, 1), make([]float32, narrow.Len())); err == nil {
		t.Error("a patch that would grow to 224×672000 was accepted")
	}
}

func TestSpec_ID(t *testing.T) {
	s := ImageNet(224)
	if got, want := s.ID(), "resize=224:bilinear crop=224 scale=0.003921569 mean=0.485,0.456,0.406 std=0.229,0.224,0.225"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	other := s
	other.Filter = Bicubic
	if other.ID() == s.ID() {
		t.Error("the kernel does not show")
	}
	for f := range filterNames {
		if got, err := FilterNamed(Filter(f).String()); err != nil || got != Filter(f) {
			t.Errorf("%s: %v, %v", Filter(f), got, err)
		}
	}
}

func BenchmarkPrep_Apply(b *testing.B) {
	for _, size := range []int{224, 256, 512, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := ImageNet(224)
			s.Filter = Bicubic
			p, err := New(s)
			if err != nil {
				b.Fatal(err)
			}
			img, dst := picture(size, size, 1), make([]float32, p.Len())
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Apply(img, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzResize(f *testing.F) {
	f.Add(uint8(7), uint8(5), uint8(3), uint8(9), uint8(1))
	f.Add(uint8(1), uint8(1), uint8(255), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, w, h, tw, th, kernel uint8) {
		if w == 0 || h == 0 || tw == 0 || th == 0 {
			return
		}
		img := image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
		for i := range img.Pix {
			img.Pix[i] = 200
			if i%4 == 3 {
				img.Pix[i] = 255
			}
		}
		out, err := Resize(img, int(tw), int(th), Filter(kernel%4))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range out.Pix { // a plain image stays plain under every kernel
			if want := img.Pix[i%4]; v != want {
				t.Fatalf("byte %d of %d×%d to %d×%d is %d, want %d", i, w, h, tw, th, v, want)
			}
		}
	})
}
