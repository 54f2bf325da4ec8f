// Package synth draws synthetic H&E slides with their ground truth.
//
// A Scene is a plan: fields on a coarse grid that say where tissue, tumour,
// necrosis, lymphocyte clusters, fat and glandular zones lie, and lists of
// glands, vessels and artefacts. Render turns any rectangle of it into pixels.
// Everything that is drawn depends on the seed and on absolute positions alone,
// never on the rectangle asked for, so tiles meet without seams and may be
// drawn in any order by any number of goroutines.
//
// Lengths inside the package are micrometres unless a name ends in Px; pixels
// are level-0 pixels. Colour is optical density of two stains and of blood,
// which Beer and Lambert's law turns into light at the end.
package synth
