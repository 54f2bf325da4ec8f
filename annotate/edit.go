package annotate

// Edit is one reversible change of a project, the only way to change anything.
// One user action is one Edit, however many objects it touches.
type Edit struct {
	Slide   ID            // the slide whose objects change; zero when only classes change
	Label   string        // what the person did, for the undo menu: "Draw polygon"
	Reason  string        // why, when the person gave a reason
	Changes []Change      // objects of Slide
	Classes []ClassChange // classes of the project
}

// Change adds (Before nil), replaces, or removes (After nil) one object. Before
// and After carry the same ID.
type Change struct{ Before, After *Object }

// ClassChange adds (Before nil) or replaces one class; After nil takes back an
// addition and is allowed only as the inverse of one.
type ClassChange struct{ Before, After *Class }

// Add is the edit that adds objects.
func Add(slide ID, label string, objects ...*Object) Edit {
	e := Edit{Slide: slide, Label: label}
	for _, o := range objects {
		e.Changes = append(e.Changes, Change{After: o})
	}
	return e
}

// Replace is the edit that replaces one object by a changed copy.
func Replace(slide ID, label string, before, after *Object) Edit {
	return Edit{Slide: slide, Label: label, Changes: []Change{{before, after}}}
}

// Remove is the edit that removes objects.
func Remove(slide ID, label string, objects ...*Object) Edit {
	e := Edit{Slide: slide, Label: label}
	for _, o := range objects {
		e.Changes = append(e.Changes, Change{Before: o})
	}
	return e
}

// Inverse undoes the edit: the changes in reverse order, before and after
// swapped.
func (e Edit) Inverse() Edit {
	inv := Edit{Slide: e.Slide, Label: e.Label, Reason: e.Reason}
	for i := len(e.Changes) - 1; i >= 0; i-- {
		inv.Changes = append(inv.Changes, Change{e.Changes[i].After, e.Changes[i].Before})
	}
	for i := len(e.Classes) - 1; i >= 0; i-- {
		inv.Classes = append(inv.Classes, ClassChange{e.Classes[i].After, e.Classes[i].Before})
	}
	return inv
}
