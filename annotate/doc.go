// Package annotate is the labels of a slide: classes, shapes, objects, and the
// one way to change them.
//
// Every coordinate is a level-0 pixel as float64, corner convention: pixel
// (0,0) covers [0,1)×[0,1); x to the right, y down. Rings are stored open (the
// first point is not repeated).
//
// An Object in a Set is immutable: a change is an Edit that replaces it by
// another value. So readers (the overlay's rasteriser, an export) may keep the
// pointers they got without a lock.
package annotate
