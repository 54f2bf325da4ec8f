package tiff

// Stored says whether the file holds a tile: its offset and byte count are not 0.
// Outside the grid it is false.
func (m *Image) Stored(col, row int) bool {
	if col < 0 || row < 0 || col >= m.Cols() || row >= m.Rows() {
		return false
	}
	return m.stored(row*m.Cols() + col)
}
