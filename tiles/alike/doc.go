// Package alike finds what looks alike in a picture: the surroundings of a place
// that have its colour and texture, and small regions of one look. It knows
// neither slides nor labels; a region is a mask of pixels, its outline is rings of
// pixel corners.
package alike
