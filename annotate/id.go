package annotate

import (
	"fmt"

	"github.com/google/uuid"
)

// ID names an object, class or slide for ever. It is a UUID (new ones are
// version 7, RFC 9562 §5.7, so they sort by time); QuPath keeps no other kind
// of identifier.
type ID [16]byte

// NewID makes a fresh identifier.
func NewID() ID { return ID(uuid.Must(uuid.NewV7())) }

// ParseID reads the textual form of a UUID.
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("annotate: id %q: %w", s, err)
	}
	return ID(u), nil
}

// String is the usual 36-character form, in lower case.
func (id ID) String() string { return uuid.UUID(id).String() }

// IsZero tells whether the identifier is unset.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText writes the 36-character form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) error {
	v, err := ParseID(string(b))
	if err == nil {
		*id = v
	}
	return err
}
