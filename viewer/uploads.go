package viewer

// Uploads is how many textures were made for tiles of slides and of labels since
// the viewer was made. A picture that only moves makes none.
func (v *Viewer) Uploads() int {
	n := v.tileLayer.pool.uploads + v.overlay.pool.uploads
	if v.laid.layer != nil {
		n += v.laid.layer.pool.uploads
	}
	return n
}
