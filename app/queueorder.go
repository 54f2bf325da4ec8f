package app

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"coverslip/annotate"
	"coverslip/models/learn"
)

// QueueOrder is the order in which a person is asked about suggestions, by the
// word that the command line takes.
type QueueOrder string

// The orders.
const (
	QueueUncertain QueueOrder = "uncertain" // smallest margin between the best two classes first
	QueueEntropy   QueueOrder = "entropy"   // least certain over all classes first
	QueueMixed     QueueOrder = "mixed"     // of the least certain those that differ most from each other
	QueueDiverse   QueueOrder = "diverse"   // those least like any label
	QueueConfident QueueOrder = "confident" // highest score first
	QueueDoubts    QueueOrder = "doubts"    // labels that the model speaks against: likely errors
	QueueRandom    QueueOrder = "random"    // by a seed, for a fair evaluation
	QueuePlace     QueueOrder = "place"     // row by row over the slide, to and fro
)

// QueueOrders are all of them, in the order of menus.
func QueueOrders() []QueueOrder {
	return []QueueOrder{QueueUncertain, QueueMixed, QueueEntropy, QueueDiverse, QueueConfident, QueueDoubts, QueueRandom, QueuePlace}
}

// Title is the order in the words of a menu.
func (q QueueOrder) Title() string {
	switch q {
	case QueueEntropy:
		return "Least certain over all classes"
	case QueueMixed:
		return "Least certain, and different from each other"
	case QueueDiverse:
		return "Least like any label"
	case QueueConfident:
		return "Most certain first"
	case QueueDoubts:
		return "Labels the model doubts"
	case QueueRandom:
		return "At random, for a fair evaluation"
	case QueuePlace:
		return "By place on the slide"
	}
	return "Least certain first"
}

// Short is Title where there is little room.
func (q QueueOrder) Short() string {
	switch q {
	case QueueEntropy:
		return "Entropy"
	case QueueMixed:
		return "Varied"
	case QueueDiverse:
		return "Unlike"
	case QueueConfident:
		return "Certain"
	case QueueDoubts:
		return "Doubts"
	case QueueRandom:
		return "Random"
	case QueuePlace:
		return "Place"
	}
	return "Uncertain"
}

// ParseQueueOrder reads the word of an order; "" is QueueUncertain.
func ParseQueueOrder(word string) (QueueOrder, error) {
	if word == "" {
		return QueueUncertain, nil
	}
	var all []string
	for _, q := range QueueOrders() {
		if string(q) == word {
			return q, nil
		}
		all = append(all, string(q))
	}
	return "", fmt.Errorf("%q is no order of a queue; there are %s", word, strings.Join(all, ", "))
}

// inLearn is the order as package learn knows it; false for those that are not
// about a model.
func (q QueueOrder) inLearn() (learn.Order, bool) {
	switch q {
	case QueueEntropy:
		return learn.OrderEntropy, true
	case QueueMixed:
		return learn.OrderMixed, true
	case QueueDiverse:
		return learn.OrderDiverse, true
	case QueueConfident:
		return learn.OrderConfident, true
	case QueueRandom:
		return learn.OrderRandom, true
	case QueueUncertain:
		return learn.OrderUncertain, true
	}
	return 0, false
}

// ReviewRules say which suggestions a person must look at, as Amazon's A2I has
// it: by the band of the score, by the class, and every n-th as an audit. A
// suggestion that no rule is about may be accepted unseen. Without any rule a
// person must look at all of them.
type ReviewRules struct {
	Low     float64       `json:"low,omitempty"`     // a score from Low …
	High    float64       `json:"high,omitempty"`    // … to High, both included, must be seen; both 0: no such rule
	Classes []annotate.ID `json:"classes,omitempty"` // classes that must be seen whatever the score
	Every   int           `json:"every,omitempty"`   // one of so many is seen as an audit; 0: none is
}

// Empty tells whether there is no rule.
func (r ReviewRules) Empty() bool { return r.High == 0 && len(r.Classes) == 0 && r.Every == 0 }

// Must says why a person must look at a suggestion; "" when it may be accepted
// unseen. The audit is by the identifier, so it is the same at every look.
func (r ReviewRules) Must(id, class annotate.ID, score float64) string {
	if r.Empty() {
		return "no rule lets it pass"
	}
	// An index keeps seven digits of a score.
	const digits = 1e-6
	if r.High > 0 && score >= r.Low-digits && score <= r.High+digits {
		return fmt.Sprintf("score %.2f lies between %.2f and %.2f", score, r.Low, r.High)
	}
	for _, c := range r.Classes {
		if c == class {
			return "its class is always looked at"
		}
	}
	if r.Every > 0 && learn.Scatter(0, binary.LittleEndian.Uint64(id[8:]))%uint64(r.Every) == 0 {
		return fmt.Sprintf("audit: one of %d", r.Every)
	}
	return ""
}

// Check refuses rules that cannot be meant.
func (r ReviewRules) Check() error {
	if !(r.Low >= 0 && r.High <= 1 && r.Low <= r.High) || math.IsNaN(r.High) || r.Every < 0 {
		return fmt.Errorf("rules: scores from %g to %g, every %d-th: from and to must lie between 0 and 1, from before to, and the count must not be negative", r.Low, r.High, r.Every)
	}
	return nil
}

// String is the rules for the audit: NAME=VALUE.
func (r ReviewRules) String() string {
	var parts []string
	if r.High > 0 {
		parts = append(parts, fmt.Sprintf("band=%g-%g", r.Low, r.High))
	}
	if len(r.Classes) > 0 {
		ids := make([]string, len(r.Classes))
		for i, c := range r.Classes {
			ids[i] = c.String()
		}
		parts = append(parts, "classes="+strings.Join(ids, ","))
	}
	if r.Every > 0 {
		parts = append(parts, fmt.Sprintf("every=%d", r.Every))
	}
	return strings.Join(parts, " ")
}

// settingRules is where a project keeps its rules.
const settingRules = "review.rules"

// ReviewRules are the project's rules; none when none were set, or when they
// cannot be read: then a person looks at everything.
func (s *Session) ReviewRules() ReviewRules {
	text, ok := s.Setting(settingRules)
	var r ReviewRules
	if !ok || json.Unmarshal([]byte(text), &r) != nil || r.Check() != nil {
		return ReviewRules{}
	}
	return r
}

// SetReviewRules keeps the rules with the project.
func (s *Session) SetReviewRules(r ReviewRules) error {
	if err := r.Check(); err != nil {
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.SetSetting(settingRules, string(b))
}
