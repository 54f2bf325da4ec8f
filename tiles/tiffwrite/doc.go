// Package tiffwrite writes pyramidal tiled TIFF files: Aperio-like SVS,
// generic pyramids and OME-TIFF.
//
// A slide is written in one pass over the tiles of level 0. The lower levels
// are averaged from it on the way, so memory is bounded by one row of tiles per
// level whatever the slide's height. Nothing appears under the final name
// before the file is whole: bytes go to a temporary file beside it, which is
// renamed at the end and removed on any error or cancelled context.
//
// Whether the file becomes classic TIFF or BigTIFF is decided at the end, when
// its size is known: room for the longer header is left free, and every
// directory is written behind the pixels.
//
// Sources: TIFF Revision 6.0 (Adobe, 1992), its Technical Note 2 (JPEG in TIFF,
// 1995) and the BigTIFF design note of libtiff.
package tiffwrite
