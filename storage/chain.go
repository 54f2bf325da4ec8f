package storage

import (
	"fmt"

	"coverslip/annotate"
)

// Chain checks audit records that come one after another from outside the
// project, such as from an export: their numbers, their links, and that each has
// the content its hash stands for.
type Chain struct {
	codec *codec
	next  uint64
	prev  [32]byte
	begun bool
}

// NewChain begins a check. project is the project's UUID; it decides about the
// link of the first record.
func NewChain(project annotate.ID) (*Chain, error) {
	c, err := newCodec()
	return &Chain{codec: c, prev: firstLink(project)}, err
}

// Add takes the next record and answers what does not fit, "" when all does. An
// export may begin later than with the first record.
func (c *Chain) Add(r AuditRecord) string {
	value, err := auditValue(c.codec, r)
	if err != nil {
		return err.Error()
	}
	switch sum := [32]byte(value[len(value)-32:]); {
	case c.begun && r.Seq != c.next:
		return fmt.Sprintf("record %d was expected, this is %d", c.next, r.Seq)
	case !c.begun && r.Seq == 0:
		return "a record has no number"
	case (c.begun || r.Seq == 1) && r.Prev != c.prev:
		return fmt.Sprintf("record %d does not follow the one before", r.Seq)
	case sum != r.Hash:
		return fmt.Sprintf("record %d is not what its hash stands for", r.Seq)
	}
	c.begun, c.next, c.prev = true, r.Seq+1, r.Hash
	return ""
}

// ParseOp reads an operation's name, as String writes it.
func ParseOp(s string) (Op, error) {
	for o := OpCreate; o <= OpSign; o++ {
		if o.String() == s {
			return o, nil
		}
	}
	return 0, fmt.Errorf("operation %q is not known", s)
}

// ResumeChain begins a check with the given record, whose link to the one before
// is taken as it says.
func ResumeChain(first AuditRecord) (*Chain, error) {
	c, err := newCodec()
	return &Chain{codec: c, prev: first.Prev}, err
}
