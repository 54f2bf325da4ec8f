// Package openslidetest reads slides through libopenslide, which we did not
// write: the oracle of the tests and the peer of the benchmarks. Only tests
// import it.
package openslidetest

import "coverslip/tiles/native/openslide"

// Slide is a slide opened by libopenslide.
type Slide = openslide.Slide

// Open opens a slide; the error wraps dl.ErrNotFound when libopenslide is not
// installed.
func Open(path string) (*Slide, error) { return openslide.Open(path) }
