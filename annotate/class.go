package annotate

import "image/color"

// Class is the name and colour of a label. A class is retired, never deleted,
// so that old labels keep their meaning.
type Class struct {
	ID      ID
	Name    string
	Color   color.NRGBA
	Key     string // "1".."9": the key that gives this class; "" for none
	Parent  ID     // zero for a top class
	Code    string // code of a terminology as text, for example "SCT 108369006"; may be empty
	Retired bool
}

// Palette is the classes of a project in the order shown to people.
type Palette []Class

// ByID finds a class; nil when there is none.
func (p Palette) ByID(id ID) *Class {
	for i := range p {
		if p[i].ID == id {
			return &p[i]
		}
	}
	return nil
}

// ByName finds a class by its exact name; nil when there is none.
func (p Palette) ByName(name string) *Class {
	for i := range p {
		if p[i].Name == name {
			return &p[i]
		}
	}
	return nil
}

// ByKey finds the class that a number key gives; nil when there is none.
func (p Palette) ByKey(key string) *Class {
	for i := range p {
		if p[i].Key == key && !p[i].Retired {
			return &p[i]
		}
	}
	return nil
}
