package app

import "testing"

// TestCommands_NoKeyTwice: rooms of the window add to the table one by one, and a
// key that two of them take belongs to neither for certain.
func TestCommands_NoKeyTwice(t *testing.T) {
	of := map[string]string{}
	for _, cmd := range NewCommands().All() {
		for _, key := range []string{cmd.Key, cmd.AltKey} {
			if key == "" {
				continue
			}
			if other, taken := of[key]; taken {
				t.Errorf("%s is the key of %s and of %s", key, other, cmd.ID)
			}
			of[key] = cmd.ID
		}
	}
}
