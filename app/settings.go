package app

import "fmt"

// maxSetting bounds one setting, bytes: settings are small things that people
// leave behind, not data.
const maxSetting = 256 << 10

// Setting is a value kept with the project, for example the places a person
// noted; false when it was never set.
func (s *Session) Setting(key string) (string, bool) { return s.project.Setting(key) }

// SetSetting keeps a value of at most 256 KiB with the project. Settings are
// neither undone nor audited.
func (s *Session) SetSetting(key, value string) error {
	if len(value) > maxSetting {
		return fmt.Errorf("setting %q: %d bytes, at most %d are kept", key, len(value), maxSetting)
	}
	return s.project.SetSetting(key, value)
}
