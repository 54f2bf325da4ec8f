package tiles

// Cut notes that the file was not copied to its end: what is lacking, and why.
// A nil error notes nothing.
func (i *Info) Cut(err error) {
	if err == nil {
		return
	}
	i.Incomplete = err.Error()
	i.Warnings = append(i.Warnings, "the file is incomplete: "+i.Incomplete+"; smaller levels, label or thumbnail are lacking")
}
