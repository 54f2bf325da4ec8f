package interchange

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"coverslip/annotate"
	"coverslip/annotate/interchange/exchange"
)

func asAsk(err error, ask **exchange.AskError) bool { return errors.As(err, ask) }

// malformed are the seeds of every format beside its own files.
var malformed = []string{"", "{", "[", "<", "<a", "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "\xff\xfe<\x00", "\x1f\x8b\x08",
	`{"annotations":[{"segmentation":{"size":[9,9],"counts":"0000"}}]}`, `[{"type":"Area","content":[{"x":1e308,"y":-1e308}]}]`,
	`{"elements":[{"type":"polyline","closed":true,"points":[[0,0],[1,1]],"holes":[[]]}]}`, `{"nuc":{"1":{"contour":[[]]}}}`,
	`<ASAP_Annotations><Annotations><Annotation Type="Polygon"><Coordinates><Coordinate Order="-1" X="NaN" Y="1"/></Coordinates></Annotation></Annotations></ASAP_Annotations>`,
	`<Annotations><Annotation><Regions><Region Type="2"><Vertices/></Region></Regions></Annotation></Annotations>`,
	`{"location":"POLYGON ((1 1, 2 2"}`, "x,y\n1", "x;y\n1,5;2,5", "0 .5 .5 .5 .5\n1 2"}

// fuzzFormat tries a format with any bytes: it may refuse them, with an error of
// its own, and what it hands on is valid.
func fuzzFormat(f *testing.F, name string) {
	format, ok := ByName(name)
	if !ok {
		f.Fatal("no format " + name)
	}
	for _, m := range malformed {
		f.Add([]byte(m))
	}
	if format.Write != nil {
		good := writeAll(f, format, randomObjects(6, 5))
		f.Add(good)
		f.Add(good[:len(good)/2])
		f.Add(bytes.ReplaceAll(good, []byte("1"), []byte("-")))
		f.Add(bytes.ReplaceAll(good, []byte("."), []byte("e9")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o := exchange.ReadOptions{Slide: suiteSlide(), Answers: exchange.Answers{"classes": "a,b", "class": "layer", "length": "width", "pixels": "slide"}, MaxBytes: 1 << 20, MaxObjects: 1000, MaxVertices: 100_000}
		_, _, err := Read(bytes.NewReader(data), "x"+format.Extensions[0], name, o, func(o *annotate.Object) error {
			if err := o.ROI.Validate(); err != nil {
				t.Errorf("an object that is not valid: %v", err)
			}
			return nil
		})
		var ask *exchange.AskError
		if err != nil && !exchange.Broken(err) && !errors.As(err, &ask) {
			t.Errorf("an error without a place: %v", err)
		}
	})
}

func FuzzRead_Asap(f *testing.F) { fuzzFormat(f, "asap") }

func FuzzRead_Imagescope(f *testing.F) { fuzzFormat(f, "imagescope") }

func FuzzRead_Ndpa(f *testing.F) { fuzzFormat(f, "ndpa") }

func FuzzRead_Histomicsui(f *testing.F) { fuzzFormat(f, "histomicsui") }

func FuzzRead_Coco(f *testing.F) { fuzzFormat(f, "coco") }

func FuzzRead_Labelstudio(f *testing.F) { fuzzFormat(f, "labelstudio") }

func FuzzRead_Cvat(f *testing.F) { fuzzFormat(f, "cvat") }

func FuzzRead_Labelme(f *testing.F) { fuzzFormat(f, "labelme") }

func FuzzRead_Yolo(f *testing.F) { fuzzFormat(f, "yolo") }

func FuzzRead_YoloSeg(f *testing.F) { fuzzFormat(f, "yolo-seg") }

func FuzzRead_Voc(f *testing.F) { fuzzFormat(f, "voc") }

func FuzzRead_Cytomine(f *testing.F) { fuzzFormat(f, "cytomine") }

func FuzzRead_Sectra(f *testing.F) { fuzzFormat(f, "sectra") }

func FuzzRead_Sedeen(f *testing.F) { fuzzFormat(f, "sedeen") }

func FuzzRead_Hovernet(f *testing.F) { fuzzFormat(f, "hovernet") }

func FuzzRead_Darwin(f *testing.F) { fuzzFormat(f, "darwin") }

func FuzzRead_Ome(f *testing.F) { fuzzFormat(f, "ome") }

func FuzzRead_Csv(f *testing.F) { fuzzFormat(f, "csv") }

func FuzzRead_DicomAnn(f *testing.F) { fuzzFormat(f, "dicom-ann") }

func FuzzRead_DicomSeg(f *testing.F) { fuzzFormat(f, "dicom-seg") }

func FuzzRead_DicomSr(f *testing.F) { fuzzFormat(f, "dicom-sr") }

func FuzzRead_Geojson(f *testing.F) { fuzzFormat(f, "geojson") }

// TestFuzz_EveryFormat holds that no format is without its target.
func TestFuzz_EveryFormat(t *testing.T) {
	text, err := os.ReadFile("fuzz_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats() {
		if f.Read != nil && !strings.Contains(string(text), "fuzzFormat(f, \""+f.Name+"\")") {
			t.Errorf("%s has no fuzz target", f.Name)
		}
	}
}
