package viewer

import (
	"reflect"
	"unsafe"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// sizeOffset finds where a canvas.Image keeps its size. Image.Resize would free
// the texture and upload the tile again in every frame of a zoom, twenty times
// the work; the painter reads the size anew each frame, so setting the field is
// all that is needed. The second result is false when this Fyne is laid out
// otherwise.
func sizeOffset() (uintptr, bool) {
	t := reflect.TypeOf(canvas.Image{})
	base, ok := t.FieldByName("baseObject")
	if !ok || base.Type.Kind() != reflect.Struct {
		return 0, false
	}
	size, ok := base.Type.FieldByName("size")
	if !ok || size.Type != reflect.TypeOf(fyne.Size{}) {
		return 0, false
	}
	off := base.Offset + size.Offset
	// Believe it only when writing through it is seen through the front door,
	// and the other way round.
	probe := &canvas.Image{}
	*(*fyne.Size)(unsafe.Add(unsafe.Pointer(probe), off)) = fyne.NewSize(3, 5)
	if probe.Size() != fyne.NewSize(3, 5) {
		return 0, false
	}
	probe.Resize(fyne.NewSize(7, 11))
	if *(*fyne.Size)(unsafe.Add(unsafe.Pointer(probe), off)) != fyne.NewSize(7, 11) {
		return 0, false
	}
	return off, true
}

// sizer sets the size of images without an upload where that is possible.
type sizer struct {
	off uintptr
	ok  bool
}

func newSizer() sizer {
	off, ok := sizeOffset()
	return sizer{off, ok}
}

// set gives an image a size in Fyne units. The caller marks the canvas dirty.
func (s sizer) set(im *canvas.Image, size fyne.Size) {
	if !s.ok {
		im.Resize(size)
		return
	}
	*(*fyne.Size)(unsafe.Add(unsafe.Pointer(im), s.off)) = size
}
