// Package dense runs models that say something of every pixel over a region:
// those that give a map of classes, as U-Net does, and those that give for every
// pixel how likely it lies in an object and how far it is to the object's border
// along rays, as StarDist does (Schmidt et al., 2018).
//
// # Tiles
//
// The region is cut into overlapping tiles of the model's input. Of each only
// the middle is used, so far from the border that nothing beyond it can change
// the result (Margin; found from the graph where that is possible). Tiles begin
// at multiples of the model's own step, counted from the slide's corner, so that
// the same pixel is seen alike whatever the region is. So no seam shows, and one
// tile more or less changes nothing.
//
// Positions are in pixels of the model: x to the right, y down, the centre of
// the first pixel at (0.5, 0.5).
package dense
