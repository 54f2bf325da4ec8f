package zarr

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coverslip/tiles"
	"coverslip/tiles/slidetest"
)

// rgb is a picture in colour of two levels, axes cyx.
func rgb(t testing.TB, sparse bool) files {
	t.Helper()
	f := files{".zgroup": []byte(`{"zarr_format":2}`), ".zattrs": text(t, attributes("cyx", 2, nil))}
	for i, l := range []string{"0", "1"} {
		s := spec{shape: []int{3, 300 >> i, 411 >> i}, chunk: []int{1, 128, 128}, kind: "u1", packer: "zlib", slash: true,
			sample: func(at []int) float64 { return float64((at[0]*50 + at[1] + 2*at[2]) % 251) }}
		if sparse {
			s.absent = func(c []int) bool { return c[1] == 1 && c[2] == 1 || c[0] == 2 && c[1] == 0 && c[2] == 0 }
		}
		f.add2(t, l, s)
	}
	return f
}

// five is a picture of all axes; each sample tells its place.
func five(t testing.TB, kind string, version int) files {
	t.Helper()
	f := files{}
	om := object{"channels": []object{
		{"label": "DAPI", "color": "0000FF", "window": object{"start": 10, "end": 900}},
		{"label": "FITC", "color": "00FF00", "active": false},
		{"label": "", "color": "zz", "inverted": true, "window": object{"start": 5, "end": 6}}}, "rdefs": object{"defaultZ": 1}}
	at := attributes("tczyx", 2, om)
	if version == 3 {
		f["zarr.json"] = text(t, object{"zarr_format": 3, "node_type": "group", "attributes": object{"ome": at}})
	} else {
		f[".zattrs"] = text(t, at)
	}
	for i, l := range []string{"0", "1"} {
		s := spec{shape: []int{2, 3, 4 >> i, 120 >> i, 90 >> i}, chunk: []int{1, 2, 2, 64, 50}, kind: kind, sample: place, packer: "zstd", big: version == 3, fortran: version == 2}
		if version == 3 {
			s.shard = []int{1, 2, 4, 128, 100}
			f.add3(t, l, s)
		} else {
			f.add2(t, l, s)
		}
	}
	return f
}

// place is a sample of five at t, c, z, y, x.
func place(at []int) float64 {
	return float64((at[0]*7 + at[1]*31 + at[2]*101 + at[3]*3 + at[4]) % 1000)
}

func TestConformance(t *testing.T) {
	for name, dir := range map[string]string{"colour": rgb(t, false).write(t), "sparse": rgb(t, true).write(t)} {
		t.Run(name, func(t *testing.T) {
			slidetest.Run(t, func(t testing.TB) tiles.Slide { return openFolder(t, dir) })
		})
	}
	for name, f := range map[string]files{"u2": five(t, "u2", 2), "f4": five(t, "f4", 2), "shards": five(t, "u2", 3)} {
		dir := f.write(t)
		t.Run(name, func(t *testing.T) {
			slidetest.RunPlanar(t, func(t testing.TB) tiles.Planar { return openFolder(t, dir).(tiles.Planar) })
		})
	}
	t.Run("archive", func(t *testing.T) {
		for _, prefix := range []string{"", "a.zarr/"} {
			p := rgb(t, true).archive(t, prefix)
			slidetest.Run(t, func(t testing.TB) tiles.Slide {
				s, err := tryFile(p)
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		}
	})
}

// The picture of the test files: chunk by chunk what its makers put in.
func TestConformance_Shared(t *testing.T) {
	dir := slidetest.Shared(t, "made/cmu.ome.zarr")
	slidetest.Run(t, func(t testing.TB) tiles.Slide { return openFolder(t, dir) })
	s := openFolder(t, dir)
	defer s.Close()
	if in, l := s.Info(), s.Levels(); in.MPPX != 0.998 || len(l) != 3 || l[0].Width != 1110 || l[0].Height != 1483 || in.Channels[0] != "R" {
		t.Errorf("%+v %+v", in, l)
	}
	got := image.NewRGBA(image.Rect(0, 0, 256, 256))
	if err := s.ReadTile(context.Background(), tiles.Key{Col: 2, Row: 3}, got); err != nil {
		t.Fatal(err)
	}
	for c, n := range []string{"0", "1", "2"} {
		raw, err := os.ReadFile(filepath.Join(dir, "0", n, "3", "2"))
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, 256*256)
		if err := stepZlib.unpack(want, raw); err != nil {
			t.Fatal(err)
		}
		for i, v := range want {
			if got.Pix[4*i+c] != v {
				t.Fatalf("channel %d pixel %d: %d, stored %d", c, i, got.Pix[4*i+c], v)
			}
		}
	}
}

func TestPlanes_Samples(t *testing.T) {
	for name, f := range map[string]files{"2": five(t, "u2", 2), "2 float": five(t, "f4", 2), "2 signed": five(t, "i2", 2), "2 of 32 bits": five(t, "u4", 2), "3": five(t, "u2", 3), "3 float": five(t, "f4", 3)} {
		s := openFolder(t, f.write(t)).(tiles.Planar)
		st := s.Stack()
		if st.Z != 4 || st.T != 2 || len(st.Channels) != 3 || st.DefaultZ != 1 || len(s.Levels()) != 2 {
			t.Fatalf("%s: %+v", name, st)
		}
		for p := range planes(st) {
			for i, l := range s.Levels() {
				k := tiles.Key{Level: i, Col: l.Cols() - 1, Row: l.Rows() - 1}
				r := l.TileRect(k.Col, k.Row)
				dst := st.Channels[p.Channel].Raster(r.Dx(), r.Dy())
				if err := s.ReadPlane(context.Background(), k, p, dst); err != nil {
					t.Fatal(name, err)
				}
				z := p.Z >> i // the second level holds every second plane
				for j := range r.Dx() * r.Dy() {
					want := place([]int{p.T, p.Channel, z, r.Min.Y + j/r.Dx(), r.Min.X + j%r.Dx()})
					got := 0.0
					if dst.Uint16 != nil {
						got = float64(dst.Uint16[j])
					} else {
						got = float64(dst.Float32[j])
					}
					if got != want {
						t.Fatalf("%s: level %d plane %+v sample %d: %v, want %v", name, i, p, j, got, want)
					}
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOmero(t *testing.T) {
	s := openFolder(t, five(t, "u2", 2).write(t)).(tiles.Planar)
	defer s.Close()
	c := s.Stack().Channels
	if c[0].Name != "DAPI" || c[0].Color != (color.RGBA{B: 255, A: 255}) || c[0].Low != 10 || c[0].High != 900 || c[0].Hidden {
		t.Errorf("%+v", c[0])
	}
	if !c[1].Hidden || c[1].Low != c[1].High {
		t.Errorf("%+v", c[1])
	}
	if c[2].Name != "Channel 3" || c[2].Low != 6 || c[2].High != 5 || c[2].Color.A != 255 {
		t.Errorf("%+v", c[2])
	}
	d := tiles.DefaultDisplay(s.Stack())
	if d.Z != 1 || d.Channels[0].Hidden || !d.Channels[1].Hidden {
		t.Errorf("%+v", d)
	}
	if in := s.Info(); in.MPPX != 0.5 || in.MPPY != 0.25 || in.ZPlanes[3] != 6 || in.Background != (color.NRGBA{A: 255}) {
		t.Errorf("%+v", in)
	}
}

// What is not stored is background in colour, and the fill value else.
func TestMissing(t *testing.T) {
	s := openFolder(t, rgb(t, true).write(t))
	defer s.Close()
	m := image.NewRGBA(image.Rect(0, 0, 128, 128))
	if err := s.ReadTile(context.Background(), tiles.Key{Col: 1, Row: 1}, m); !errors.Is(err, tiles.ErrMissing) || m.RGBAAt(5, 5) != (color.RGBA{255, 255, 255, 255}) {
		t.Errorf("%v %v", err, m.RGBAAt(5, 5))
	}
	// A channel alone that is not stored is all zero: writers leave such chunks out.
	if err := s.ReadTile(context.Background(), tiles.Key{}, m); err != nil || m.RGBAAt(5, 4) != (color.RGBA{14, 64, 0, 255}) {
		t.Errorf("%v %v", err, m.RGBAAt(5, 4))
	}
	f := five(t, "u2", 2)
	for n := range f {
		if strings.HasPrefix(n, "0/") && !strings.HasSuffix(n, ".zarray") {
			delete(f, n)
		}
	}
	f["0/.zarray"] = bytes.Replace(f["0/.zarray"], []byte(`"fill_value":0`), []byte(`"fill_value":42`), 1)
	p := openFolder(t, f.write(t)).(tiles.Planar)
	defer p.Close()
	r := p.Stack().Channels[0].Raster(p.Levels()[0].TileRect(0, 0).Dx(), p.Levels()[0].TileRect(0, 0).Dy())
	if err := p.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{}, r); err != nil || r.Uint16[100] != 42 {
		t.Errorf("%v %d", err, r.Uint16[100])
	}
}

// A store that vanishes is an error, not an empty slide.
func TestStoreGone(t *testing.T) {
	dir := rgb(t, false).write(t)
	s := openFolder(t, dir)
	defer s.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Skip("files in use cannot be removed here:", err)
	}
	var te *tiles.TileError
	if err := s.ReadTile(context.Background(), tiles.Key{}, image.NewRGBA(image.Rect(0, 0, 128, 128))); !errors.As(err, &te) {
		t.Errorf("%v", err)
	}
}

// Stores with the same attributes differ when their pixels do.
func TestFingerprint(t *testing.T) {
	f := rgb(t, false)
	g := f.clone()
	g["0/1/1/1"] = packed(t, "zlib", make([]byte, 128*128))
	a, b, c := openFolder(t, f.write(t)), openFolder(t, f.write(t)), openFolder(t, g.write(t))
	for _, s := range []tiles.Slide{a, b, c} {
		defer s.Close()
	}
	if a.Info().Fingerprint != b.Info().Fingerprint || a.Info().Fingerprint == c.Info().Fingerprint {
		t.Errorf("%s %s %s", a.Info().Fingerprint, b.Info().Fingerprint, c.Info().Fingerprint)
	}
	again, err := tryFile(filepath.Join(filepath.Dir(a.Info().Path), ".zgroup"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Info().Fingerprint != a.Info().Fingerprint {
		t.Error("it depends on which file was opened")
	}
}

// Chunks larger than a screen are cut, small ones joined.
func TestTileSizes(t *testing.T) {
	for chunk, want := range map[int]int{1: 256, 64: 256, 100: 300, 127: 381, 128: 128, 1024: 1024, 1025: 512, 1 << 20: 512} {
		if got := side(chunk); got != want {
			t.Errorf("chunk of %d: tiles of %d, want %d", chunk, got, want)
		}
	}
}

// What bioformats2raw makes of a slide: the pyramid, its label and its macro.
func TestSeries(t *testing.T) {
	f := files{".zattrs": []byte(`{"bioformats2raw.layout":3}`), "OME/.zattrs": []byte(`{"series":["0","1","2"]}`), "OME/METADATA.ome.xml": []byte(`<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Instrument ID="Instrument:0"><Objective ID="Objective:0:0" NominalMagnification="40.0"/></Instrument>
<Image ID="Image:0" Name="label image"><Pixels/></Image>
<Image ID="Image:1" Name=""><ObjectiveSettings ID="Objective:0:0"/><Pixels PhysicalSizeX="0.3" PhysicalSizeXUnit="µm" PhysicalSizeY="300" PhysicalSizeYUnit="nm"/></Image>
<Image ID="Image:2" Name="macro image"><Pixels/></Image></OME>`)}
	for n, data := range rgb(t, false) {
		f["1/"+n] = data
	}
	at := attributes("tczyx", 1, nil)
	for _, n := range []string{"0", "2"} {
		f[n+"/.zattrs"] = text(t, at)
		f.add2(t, n+"/0", spec{shape: []int{1, 3, 1, 40, 50}, chunk: []int{1, 1, 1, 40, 50}, kind: "u1", sample: func(at []int) float64 { return float64(at[1]*80 + at[3]) }})
	}
	s := openFolder(t, f.write(t))
	defer s.Close()
	in := s.Info()
	if l := s.Levels()[0]; l.Width != 411 || in.Objective != 40 || len(in.Associated) != 2 || in.MPPX != 0.5 {
		t.Errorf("%+v %+v", in, l)
	}
	m, err := s.AssociatedImage(context.Background(), "label")
	if err != nil || m.Rect.Dx() != 50 || m.RGBAAt(3, 7) != (color.RGBA{7, 87, 167, 255}) {
		t.Errorf("%v", err)
	}
	// Without units the metadata's size counts.
	f["1/.zattrs"] = bytes.ReplaceAll(f["1/.zattrs"], []byte(`"unit":"micrometer"`), []byte(`"unit":""`))
	u := openFolder(t, f.write(t))
	defer u.Close()
	if in := u.Info(); in.MPPX != 0.3 || in.MPPY != 0.3 || in.MPPFrom != "ome.PhysicalSizeX" {
		t.Errorf("%v %v %q", in.MPPX, in.MPPY, in.MPPFrom)
	}
	// A series that cannot be read is told of and does not stop the others.
	f["2/0/.zarray"] = []byte(`{`)
	w := openFolder(t, f.write(t))
	defer w.Close()
	if !strings.Contains(strings.Join(w.Info().Warnings, "\n"), "series 2 is left out") {
		t.Errorf("%q", w.Info().Warnings)
	}
}

// typed says whether an error is one that package tiles promises.
func typed(err error) bool {
	var f *tiles.FormatError
	var u *tiles.UnsupportedError
	return errors.As(err, &f) || errors.As(err, &u)
}

func TestBroken(t *testing.T) {
	good2, good3 := rgb(t, false), five(t, "u2", 3)
	edit := func(f files, name, old, new string) files {
		g := f.clone()
		if !bytes.Contains(g[name], []byte(old)) {
			t.Fatalf("%s has no %s: %s", name, old, g[name])
		}
		g[name] = bytes.Replace(g[name], []byte(old), []byte(new), 1)
		return g
	}
	without := func(name string) files { g := good2.clone(); delete(g, name); return g }
	a2 := func(old, new string) files { return edit(good2, "0/.zarray", old, new) }
	a3 := func(old, new string) files { return edit(good3, "0/zarr.json", old, new) }
	at := func(old, new string) files { return edit(good2, ".zattrs", old, new) }
	for name, c := range map[string]struct {
		f    files
		want string
	}{
		"no attributes":        {without(".zattrs"), "no attributes"},
		"attributes are cut":   {files{".zattrs": []byte(`{"multiscales": [`)}, "unexpected end"},
		"no multiscales":       {files{".zattrs": []byte(`{"omero": {}}`)}, "no multiscales"},
		"no levels":            {files{".zattrs": []byte(`{"multiscales": [{}]}`)}, "0 levels"},
		"plate":                {files{".zattrs": []byte(`{"plate": {"rows": []}}`)}, "plate"},
		"bare array":           {files{"zarr.json": good3["0/zarr.json"]}, "without OME"},
		"level is missing":     {without("0/.zarray"), `"0" is missing`},
		"level outside":        {at(`"path":"0"`, `"path":"../0"`), `"../0"`},
		"level is absolute":    {at(`"path":"0"`, `"path":"/etc"`), `"/etc"`},
		"series outside":       {files{".zattrs": []byte(`{"bioformats2raw.layout":3,"series":["../x"]}`)}, `"../x"`},
		"series none":          {files{".zattrs": []byte(`{"bioformats2raw.layout":3}`)}, "no series"},
		"axes of another size": {at(`{"name":"c","type":"channel"},`, ``), "2 axes"},
		"axis q":               {at(`{"name":"c","type":"channel"}`, `{"name":"q","type":"space"}`), `axis "q"`},
		"axis twice":           {at(`{"name":"c","type":"channel"}`, `{"name":"y"}`), `two axes`},
		"shape 0":              {a2(`"shape":[3,300,411]`, `"shape":[3,0,411]`), "0 elements"},
		"shape of one":         {a2(`"shape":[3,300,411]`, `"shape":[3]`), "1 dimensions"},
		"shape 2^40":           {a2(`"shape":[3,300,411]`, `"shape":[3,1099511627776,411]`), "1099511627776"},
		"shape is text":        {a2(`"shape":[3,300,411]`, `"shape":"x"`), "metadata of array 0"},
		"too many tiles":       {a2(`"shape":[3,300,411]`, `"shape":[3,2147483647,2147483647]`), "tiles, more than"},
		"chunk 0":              {a2(`"chunks":[1,128,128]`, `"chunks":[1,0,128]`), "chunks of 0"},
		"chunk 16 GiB":         {a2(`"chunks":[1,128,128]`, `"chunks":[1,131072,131072]`), "chunks of more than"},
		"chunk dims":           {a2(`"chunks":[1,128,128]`, `"chunks":[1,128]`), "chunks of 2"},
		"chunk of one pixel":   {a2(`"chunks":[1,128,128]`, `"chunks":[1,1,1]`), "chunks of 1×1"},
		"type c16":             {a2(`\u003cu1`, `\u003cc16`), `type "<c16"`},
		"type structured":      {a2(`"\u003cu1"`, `[["a","u1"]]`), "structured"},
		"compressor":           {a2(`"id":"zlib"`, `"id":"lzma"`), `"lzma"`},
		"filter":               {a2(`"filters":null`, `"filters":[{"id":"delta"}]`), `"delta"`},
		"order":                {a2(`"order":"C"`, `"order":"Z"`), `order "Z"`},
		"separator":            {a2(`"dimension_separator":"/"`, `"dimension_separator":"../"`), "separator"},
		"format":               {a2(`"zarr_format":2`, `"zarr_format":7`), "format 7"},
		"fill":                 {a2(`"fill_value":0`, `"fill_value":[1]`), "fill value"},
		"3 type":               {a3(`uint16`, `r16`), `"r16"`},
		"3 grid":               {a3(`"regular"`, `"rectangular"`), "chunk grid"},
		"3 keys":               {a3(`"separator":"/"`, `"separator":"../"`), "chunk keys"},
		"3 no bytes":           {a3(`{"configuration":{"endian":"big"},"name":"bytes"},`, ``), "before elements"},
		"3 codec":              {a3(`"gzip"`, `"vlen"`), `"vlen"`},
		"3 shard":              {a3(`"chunk_shape":[1,2,4,128,100]`, `"chunk_shape":[1,2,4,128,101]`), "shards of 101"},
		"3 shard huge":         {a3(`"chunk_shape":[1,2,4,128,100]`, `"chunk_shape":[1,2,4,64000000,200000000]`), "shards of more"},
		"3 index codec":        {a3(`{"name":"crc32c"}`, `{"name":"zstd"}`), "index"},
	} {
		var err error
		slidetest.Cheap(t, 16<<20, func() {
			var s tiles.Slide
			if s, err = tryMemory(c.f); err == nil {
				s.Close()
			}
		})
		if err == nil || !typed(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%T), want …%s…", name, err, err, c.want)
		}
	}
}

// One bad chunk never stops the slide.
func TestBadChunks(t *testing.T) {
	f := rgb(t, false)
	good := f["0/1/0/0"]
	for i, data := range [][]byte{good[:20], nil, []byte("rubbish that is no stream"), bytes.Repeat([]byte{7}, 1<<20)} {
		f["0/1/0/0"] = data
		s := openFolder(t, f.write(t))
		m := image.NewRGBA(image.Rect(0, 0, 128, 128))
		var te *tiles.TileError
		if err := s.ReadTile(context.Background(), tiles.Key{}, m); !errors.As(err, &te) || !strings.Contains(err.Error(), "0/1/0/0") {
			t.Errorf("%d: %v", i, err)
		}
		if err := s.ReadTile(context.Background(), tiles.Key{Col: 1}, m); err != nil {
			t.Errorf("%d: the next tile: %v", i, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	g := five(t, "u2", 3)
	shard := "0/c/0/0/0/0/0"
	whole := g[shard]
	for what, data := range map[string][]byte{"checksum": append(bytes.Clone(whole[:len(whole)-1]), 1), "no room": whole[len(whole)-20:], "empty": nil} {
		g[shard] = data
		s := openFolder(t, g.write(t)).(tiles.Planar)
		r := s.Stack().Channels[0].Raster(s.Levels()[0].TileRect(0, 0).Dx(), s.Levels()[0].TileRect(0, 0).Dy())
		var te *tiles.TileError
		if err := s.ReadPlane(context.Background(), tiles.Key{}, tiles.Plane{}, r); !errors.As(err, &te) {
			t.Errorf("%s: %v", what, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzArray(f *testing.F) {
	f.Add(rgb(f, false)["0/.zarray"])
	f.Add(five(f, "f4", 2)["1/.zarray"])
	f.Add(five(f, "u2", 3)["0/zarr.json"])
	f.Add([]byte(`{"zarr_format":3,"node_type":"array","shape":[9,9],"data_type":"uint8","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[3,3]}},"chunk_key_encoding":{"name":"default"},"fill_value":0,"codecs":[{"name":"transpose","configuration":{"order":[1,0]}},{"name":"bytes"},{"name":"crc32c"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, parse := range []func([]byte, string) (*array, error){parse2, parse3} {
			a, err := parse(data, "0")
			if err != nil {
				if !typed(err) {
					t.Errorf("%T: %v", err, err)
				}
				continue
			}
			if n := a.bytes(); n < 1 || n > maxChunkBytes {
				t.Fatalf("chunks of %d bytes", n)
			}
			a.sample(8)
			if n := a.bytes(); n < 1<<16 {
				dst := make([]byte, n)
				if err := a.unpack(dst, data); err == nil && len(data) == 0 {
					t.Error("nothing unpacks")
				}
			}
		}
	})
}

func FuzzAttributes(f *testing.F) {
	f.Add(rgb(f, false)[".zattrs"])
	f.Add(five(f, "u2", 2)[".zattrs"])
	f.Add([]byte(`{"multiscales":[{"axes":["t","c","z","y","x"],"datasets":[{"path":"0"}]}]}`))
	f.Add([]byte(`{"bioformats2raw.layout":3,"series":["0","../1"]}`))
	array := rgb(f, false)["0/.zarray"]
	f.Fuzz(func(t *testing.T, data []byte) {
		in := memory{".zattrs": data, "0/.zarray": array, "1/.zattrs": data}
		src := tiles.NewSourceIn("x", bytes.NewReader(data), int64(len(data)), nil, in)
		s, err := open(context.Background(), src)
		if err != nil {
			return
		}
		if l := s.Levels()[0]; l.Width != 411 || l.Height != 300 {
			t.Errorf("%+v", l)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// memory is a store in memory as a folder.
type memory files

func (m memory) List(string) ([]string, error) { return nil, nil }

func (m memory) Open(name string) (*tiles.Source, error) {
	data, ok := m[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return tiles.NewSourceIn(name, bytes.NewReader(data), int64(len(data)), nil, m), nil
}

// tryMemory opens a store that is not on disk.
func tryMemory(f files) (tiles.Slide, error) {
	for _, m := range markers {
		if data, ok := f[m]; ok {
			src := tiles.NewSourceIn("a.zarr/"+m, bytes.NewReader(data), int64(len(data)), nil, memory(f))
			if err := detect(src); err != nil {
				return nil, err
			}
			return open(context.Background(), src)
		}
	}
	return nil, errors.New("no store")
}

func BenchmarkTile(b *testing.B) {
	s := openFolder(b, slidetest.Shared(b, "made/cmu.ome.zarr"))
	defer s.Close()
	m := image.NewRGBA(image.Rect(0, 0, 256, 256))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.ReadTile(context.Background(), tiles.Key{Col: 2, Row: 2}, m); err != nil {
			b.Fatal(err)
		}
	}
}
