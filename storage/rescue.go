package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coverslip/annotate"
)

// rescueV1 is an edit that could not be saved in the project, kept elsewhere.
type rescueV1 struct {
	Project []byte     `cbor:"1,keyasint"`
	Slide   []byte     `cbor:"2,keyasint"`
	Label   string     `cbor:"3,keyasint,omitempty"`
	Reason  string     `cbor:"4,keyasint,omitempty"`
	Objects []rescueOb `cbor:"5,keyasint,omitempty"`
}

type rescueOb struct {
	ID     []byte `cbor:"1,keyasint"`
	Before []byte `cbor:"2,keyasint,omitempty"` // as in the bucket ann, unsealed
	After  []byte `cbor:"3,keyasint,omitempty"`
}

// SaveRescue writes an edit of objects that the project could not take to a file
// elsewhere, synced before it returns. Changes of classes are not kept.
func SaveRescue(path string, project annotate.ID, e annotate.Edit) error {
	c, err := newCodec()
	if err != nil {
		return err
	}
	v := rescueV1{Project: project[:], Slide: e.Slide[:], Label: e.Label, Reason: e.Reason}
	for _, ch := range e.Changes {
		id := ch.ID()
		o := rescueOb{ID: id[:]}
		for _, side := range []struct {
			from *annotate.Object
			to   *[]byte
		}{{ch.Before, &o.Before}, {ch.After, &o.After}} {
			if side.from == nil {
				continue
			}
			if *side.to, err = c.object(side.from); err != nil {
				return err
			}
		}
		v.Objects = append(v.Objects, o)
	}
	body, err := c.enc.Marshal(v)
	if err != nil {
		return err
	}
	fail := func(err error) error { return fmt.Errorf("storage: %s: %w", path, err) }
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), tempPattern)
	if err != nil {
		return fail(err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(seal([]byte(rescueName), formatV1, 1, body))
	if err := errors.Join(err, temp.Close()); err != nil {
		return fail(err)
	}
	if err := (disk{}).publish(temp.Name(), path); err != nil {
		return fail(err)
	}
	return nil
}

const rescueName = "coverslip edit"

// LoadRescue reads an edit that SaveRescue wrote, and of which project it is.
func LoadRescue(path string) (project annotate.ID, e annotate.Edit, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return project, e, fmt.Errorf("storage: %w", err)
	}
	project, e, err = parseRescue(b)
	if err != nil {
		return project, e, &DamageError{Path: path, What: "the edit in it", Err: err}
	}
	return project, e, nil
}

func parseRescue(b []byte) (project annotate.ID, e annotate.Edit, err error) {
	c, err := newCodec()
	if err != nil {
		return project, e, err
	}
	_, _, body, err := unseal([]byte(rescueName), b)
	if err != nil {
		return project, e, err
	}
	var v rescueV1
	if err := c.dec.Unmarshal(body, &v); err != nil {
		return project, e, err
	}
	if project, err = toID(v.Project); err != nil {
		return project, e, err
	}
	e.Label, e.Reason = v.Label, v.Reason
	if e.Slide, err = toID(v.Slide); err != nil {
		return project, e, err
	}
	for _, o := range v.Objects {
		id, err := toID(o.ID)
		if err != nil {
			return project, e, err
		}
		var ch annotate.Change
		if o.Before != nil {
			if ch.Before, err = c.readObject(id, o.Before); err != nil {
				return project, e, err
			}
		}
		if o.After != nil {
			if ch.After, err = c.readObject(id, o.After); err != nil {
				return project, e, err
			}
		}
		e.Changes = append(e.Changes, ch)
	}
	return project, e, e.Validate()
}
