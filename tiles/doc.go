// Package tiles reads the pixels of a slide.
//
// # Planes
//
// Three planes of coordinates meet here, all with x to the right, y down and
// half-open rectangles:
//
//   - level-0 pixels ("l0X, l0Y"): the plane of labels, of regions and of every
//     public position;
//   - pixels of level L ("lX, lY"): level-0 pixels divided by the level's
//     downsample, used only together with a level number;
//   - tile coordinates ("col, row"): the stored grid of a level.
//
// A number that is not in level-0 pixels carries its plane in its name.
//
// # Rooms
//
// A format is a value (Format) in the ordered list of package tiles/formats;
// each vendor has a sub-package that never names another vendor. Slide is what
// a format opens to. Loader and Cache stand between a Slide and the screen.
// Native codecs live in tiles/native, one package a library.
package tiles
