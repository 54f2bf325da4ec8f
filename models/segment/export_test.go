package segment

// ParseSettings is parseSettings, for the fuzz target.
func ParseSettings(b []byte) (Options, error) {
	o, _, err := parseSettings(b)
	return o, err
}
