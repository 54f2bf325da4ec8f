package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"coverslip/models/onnx"
)

func TestFrame_ThereAndBack(t *testing.T) {
	var b bytes.Buffer
	x := onnx.NewTensor([]float32{1, 2, 3, 4}, 2, 2)
	sent := reply{ID: 7, Tensors: []tensorHead{{Name: "x", Type: onnx.Float32, Shape: []int64{2, 2}, Bytes: 16}}, Body: 16}
	if err := writeFrame(&b, sent, x.Bytes()); err != nil {
		t.Fatal(err)
	}
	var got reply
	if err := readHead(&b, &got); err != nil || !reflect.DeepEqual(got, sent) {
		t.Fatalf("%+v, %v", got, err)
	}
	tensors, err := readTensors(&b, got.Tensors, got.Body)
	if err != nil || !reflect.DeepEqual(tensors["x"], x) {
		t.Errorf("%v, %v", tensors, err)
	}
	if err := readHead(&b, &got); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestFailure_KeepsWhatCallersAskFor(t *testing.T) {
	status := &onnx.StatusError{Op: "run", Code: 6, Text: "no"}
	for _, err := range []error{status, &onnx.ProviderError{Provider: onnx.CUDA, Err: errors.New("no card")},
		errors.Join(onnx.ErrOldRuntime, errors.New("1.2")), errors.New("plain")} {
		got := failureOf(err).err()
		if got.Error() != err.Error() {
			t.Errorf("%v became %v", err, got)
		}
		if errors.Is(err, onnx.ErrOldRuntime) != errors.Is(got, onnx.ErrOldRuntime) {
			t.Errorf("%v is no longer what it was", err)
		}
	}
	var s *onnx.StatusError
	if !errors.As(failureOf(status).err(), &s) || s.Code != 6 {
		t.Error("the code is lost")
	}
}

func TestSlots_ShareOutWithoutOverlap(t *testing.T) {
	s := newSlots(1 << 16)
	r := rand.New(rand.NewPCG(4, 5))
	type piece struct{ at, size int }
	var held []piece
	for range 20000 {
		if len(held) > 0 && r.IntN(5) < 2 {
			i := r.IntN(len(held))
			s.give(held[i].at, held[i].size)
			held[i] = held[len(held)-1]
			held = held[:len(held)-1]
			continue
		}
		size := 1 + r.IntN(5000)
		at, ok := s.take(size)
		if !ok {
			continue
		}
		if at%slotAlign != 0 || at < 0 || at+size > 1<<16 {
			t.Fatalf("%d bytes at %d", size, at)
		}
		for _, h := range held {
			if at < h.at+h.size && h.at < at+size {
				t.Fatalf("%d at %d lies over %d at %d", size, at, h.size, h.at)
			}
		}
		held = append(held, piece{at, size})
	}
	for _, h := range held {
		s.give(h.at, h.size)
	}
	if len(s.free) != 1 || s.free[0] != (span{0, 1 << 16}) || s.taken != 0 {
		t.Errorf("after all was given back: %v, %d taken", s.free, s.taken)
	}
	s.drain()
	if _, ok := s.take(1); ok {
		t.Error("room was given after the end")
	}
}

// FuzzFrame feeds what a broken worker may write.
func FuzzFrame(f *testing.F) {
	frame := func(head string, body string) []byte {
		return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(head))), head...), body...)
	}
	f.Add(frame(`{"id":1,"tensors":[{"name":"x","type":1,"shape":[2],"bytes":8}],"body":8}`, "12345678"))
	f.Add(frame(`{"id":1,"tensors":[{"name":"x","type":1,"shape":[-2],"bytes":8}],"body":8}`, "12345678"))
	f.Add(frame(`{"id":1,"tensors":[{"name":"x","type":1,"shape":[9223372036854775807,4],"bytes":8}],"body":8}`, "12345678"))
	f.Add(frame(`{"id":1,"tensors":[{"name":"x","type":9,"shape":[3],"bytes":3}],"body":3}`, "\x00\x07\x01"))
	f.Add(frame(`{"id":1,"tensors":[{"name":"x","type":99,"shape":[],"bytes":0}],"body":-1}`, ""))
	f.Add(frame(`{"id":1,"body":2147483647}`, ""))
	f.Add([]byte("\xff\xff\xff\xff{}"))
	f.Add([]byte(strings.Repeat("native code says hello\n", 10)))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		for {
			var r reply
			if err := readHead(in, &r); err != nil {
				return
			}
			if r.Body > len(b) || r.Body < 0 {
				return // refused below by reading; here it would only cost memory
			}
			tensors, err := readTensors(in, r.Tensors, r.Body)
			if err != nil {
				return
			}
			for name, x := range tensors {
				if n, err := x.Len(); err != nil || n*x.Type().Size() != len(x.Bytes()) {
					t.Fatalf("%q: %v of %d bytes, %v", name, x.Shape, len(x.Bytes()), err)
				}
			}
		}
	})
}
