// Package icc turns the colours of a scanner into those of a screen: it reads
// the colour profile that a slide carries and applies it to decoded tiles.
//
// Profiles of RGB and grey input devices are read, of version 2 and 4, made of a
// matrix and curves or of tables (ICC.1:2022, "the specification" below). The
// result is sRGB (IEC 61966-2-1), by the relative colorimetric intent with black
// point compensation.
//
// A profile comes with a file of unknown origin: every size in it is checked
// against the profile's length before memory is taken.
package icc
