package app

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrQuery: a filter of a sheet that cannot be read.
var ErrQuery = errors.New("the filter cannot be read")

// query is words, and conditions on measures, all of which must hold.
type query struct {
	text       string
	conditions []condition
}

// condition is one such as "area>500".
type condition struct {
	column string
	op     string // <, <=, >, >=, =
	value  float64
}

// takes tells whether a measure meets the condition; none never does. Sheets hold
// measures as float32, so equal means equal in the seven digits of that.
func (c condition) takes(v float64) bool {
	limit := float64(float32(c.value))
	switch c.op {
	case "<":
		return v < limit
	case "<=":
		return v <= limit
	case ">":
		return v > limit
	case ">=":
		return v >= limit
	}
	return v == limit
}

// parseQuery reads a filter: words for class, author, name and notes; and NAME OP NUMBER
// with the name of a measure, capitals and blanks aside, OP one of < <= > >= =, and a number
// with point or comma. It never guesses: what looks like a condition must be one.
func parseQuery(s string, columns []MeasureColumn) (query, error) {
	for _, op := range []string{"<", ">", "="} { // no blanks around operators
		for strings.Contains(s, " "+op) || strings.Contains(s, op+" ") {
			s = strings.ReplaceAll(strings.ReplaceAll(s, " "+op, op), op+" ", op)
		}
	}
	var q query
	var words []string
	for _, token := range strings.Fields(s) {
		at := strings.IndexAny(token, "<>=")
		if at < 0 {
			words = append(words, token)
			continue
		}
		op := token[at : at+1]
		rest := token[at+1:]
		if strings.HasPrefix(rest, "=") && op != "=" {
			op, rest = op+"=", rest[1:]
		}
		id, words2 := columnNamed(token[:at], words, columns)
		if id == "" {
			return query{}, fmt.Errorf("%q: there is no measure %q: %w", token, token[:at], ErrQuery)
		}
		words = words2
		v, err := strconv.ParseFloat(strings.Replace(rest, ",", ".", 1), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return query{}, fmt.Errorf("%q: %q is no number: %w", token, rest, ErrQuery)
		}
		q.conditions = append(q.conditions, condition{id, op, v})
	}
	q.text = strings.Join(words, " ")
	return q, nil
}

// columnNamed finds a measure by its name or title; a title of two words may have
// its first among the words before.
func columnNamed(name string, words []string, columns []MeasureColumn) (string, []string) {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }
	last := len(words) - 1
	for _, c := range columns {
		if name != "" && last >= 0 && strings.Contains(c.Title, " ") && plain(c.Title) == plain(words[last]+name) {
			return c.ID, words[:last]
		}
	}
	for _, c := range columns {
		if name != "" && (plain(c.ID) == plain(name) || plain(c.Title) == plain(name)) {
			return c.ID, words
		}
	}
	return "", words
}
