package viewer

import (
	"image"
	"reflect"

	"coverslip/annotate"
	"coverslip/tiles"
)

// Source gives the tiles of one slide without ever blocking; *tiles.Loader is
// one. Its slide should step by about 2 from level to level (tiles.Halved), or
// the picture takes many small tiles and flickers.
type Source interface {
	// Slide is the slide the tiles come from.
	Slide() tiles.Slide
	// Want replaces the list of wished tiles, most urgent first.
	Want(keys []tiles.Key)
	// Get returns a tile that is already there; the image is never changed.
	Get(k tiles.Key) (img *image.RGBA, ok bool)
	// Failed tells why a wished tile cannot be had, nil otherwise.
	Failed(k tiles.Key) error
	// Pending counts the wished tiles that are not there yet.
	Pending() int
}

// Objects are the labels of one slide; *annotate.Set is one. The methods are
// called from several goroutines.
type Objects interface {
	// Get finds an object; nil when there is none.
	Get(id annotate.ID) *annotate.Object
	// Search yields the objects whose box meets b, until yield answers false.
	Search(b annotate.Box, yield func(*annotate.Object) bool)
	// At lists the objects under p, topmost first; tolerance in level-0 pixels.
	At(p annotate.Point, tolerance float64) []*annotate.Object
}

// absent tells whether an interface holds nothing, be it no value or a nil
// pointer: an owner that has no slide passes its nil *tiles.Loader as it is.
func absent(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
