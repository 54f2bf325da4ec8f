package tiff

// Stored says whether the file holds a tile: its offset and byte count are not 0.
// Outside the grid it is false.
func (m *Image) Stored(col, row int) bool {
	if col < 0 || row < 0 || col >= m.Cols() || row >= m.Rows() {
		return false
	}
	i := row*m.Cols() + col
	return m.counts[i] != 0 && m.offsets[i] != 0
}
