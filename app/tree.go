package app

import "context"

// Tree is a table's rows by what lies in what: below each label stand those that
// lie in it, in the order of the table. A label that the table leaves out stands in for
// nothing: what lies in it stands below the next one around that the table has. It never
// changes.
type Tree struct {
	table *Table
	first []int32 // of the row's own in kids; the last place is that of the top
	kids  []int32 // rows
	in    []int32 // by row: the row it stands below; -1: at the top
	below []int32 // by row: how many stand below it, at any depth
}

// MakeTree puts the rows of a table in a tree; the nesting must be of the same roll,
// that of Table.Nest.
func MakeTree(t *Table, n *Nesting) *Tree {
	rows := make([]int32, t.roll.Len())
	for i := range rows {
		rows[i] = -1
	}
	for row, number := range t.order {
		rows[number] = int32(row)
	}
	count := len(t.order)
	tree := &Tree{table: t, in: make([]int32, count), below: make([]int32, count), first: make([]int32, count+2), kids: make([]int32, count)}
	for row, number := range t.order {
		up := n.In(int(number))
		for up >= 0 && rows[up] < 0 {
			up = n.In(up)
		}
		tree.in[row] = -1
		if up >= 0 {
			tree.in[row] = rows[up]
		}
	}
	for _, in := range tree.in {
		tree.first[tree.place(in)+1]++
		for ; in >= 0; in = tree.in[in] {
			tree.below[in]++
		}
	}
	for i := range count + 1 {
		tree.first[i+1] += tree.first[i]
	}
	next := append([]int32(nil), tree.first...)
	for row, in := range tree.in {
		at := tree.place(in)
		tree.kids[next[at]] = int32(row)
		next[at]++
	}
	return tree
}

// place is where a row's own begin in first; the top's stand last.
func (t *Tree) place(row int32) int {
	if row < 0 {
		return len(t.in)
	}
	return int(row)
}

// Below is how many labels stand below a row, at any depth.
func (t *Tree) Below(row int) int { return int(t.below[row]) }

// In is the row that a row stands below; -1 at the top.
func (t *Tree) In(row int) int { return int(t.in[row]) }

// Rows are the rows below one (-1: the top), in the order of the table. The list
// must not be changed.
func (t *Tree) Rows(row int) []int32 {
	at := t.place(int32(row))
	return t.kids[t.first[at]:t.first[at+1]]
}

// TreeLine is a line of a tree as it is shown: a row of the table and how deep it
// stands.
type TreeLine struct {
	Row   int32
	Depth uint8 // 255 for all that is deeper
}

// Lines are the lines that are seen when the rows for which open says so show what is
// below them. Only those are looked at.
func (t *Tree) Lines(open func(row int) bool) []TreeLine {
	type level struct {
		rest []int32
	}
	var lines []TreeLine
	stack := []level{{t.Rows(-1)}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.rest) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		row := top.rest[0]
		top.rest = top.rest[1:]
		lines = append(lines, TreeLine{row, uint8(min(255, len(stack)-1))})
		if t.below[row] > 0 && open(int(row)) {
			stack = append(stack, level{t.Rows(int(row))})
		}
	}
	return lines
}

// Nest is Nest of the moment that the table shows.
func (t *Table) Nest(ctx context.Context, old *Nesting, p Progress) *Nesting {
	return Nest(ctx, t.roll, old, p)
}
