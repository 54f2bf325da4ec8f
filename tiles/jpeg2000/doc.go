// Package jpeg2000 decodes JPEG 2000 (ISO/IEC 15444-1, ITU-T T.800) in Go: a
// slide compressed by it opens with no native library, and a file of doubtful
// origin meets memory-safe code only.
//
// The whole of Part 1 is read: five progression orders and their changes,
// tiles, quality layers, packed packet headers, every code-block style, regions
// of interest by maxshift, both wavelets, both component transforms, subsampled
// components of 1 to 16 bits, fewer resolutions on request. High-throughput
// blocks (Part 15) and Part 2 are refused by a *tiles.UnsupportedError.
//
// Numbers are those of OpenJPEG to the last bit, also where the standard leaves
// freedom: the middle of the uncertainty interval for coefficients, float32 and
// its order of operations for the irreversible wavelet, half to even at the end.
//
// Sizes come from the stream and are checked against the caller's before
// anything is allocated; memory is bounded by the picture asked for and the
// length of the stream. A damaged or cut stream is a *tiles.FormatError.
package jpeg2000
