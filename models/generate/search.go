package generate

import (
	"context"
	"math"
	"slices"
	"sort"
)

// stepper gives the scores of the next token for each of some texts. order[i]
// is the row of the last call that text i goes on from; nil at the first call.
// At the first call there may be fewer texts than later.
type stepper func(ctx context.Context, texts [][]int64, order []int) ([][]float32, error)

// sequence is a text found, with the tokens it begins with.
type sequence struct {
	tokens []int64
	score  float64 // log-probability over length to the power of the penalty
}

// greedy takes the likeliest token each time. The score is the mean
// log-probability of the tokens taken.
func (s Settings) greedy(ctx context.Context, step stepper, told func([]int64)) (sequence, error) {
	text := slices.Clone(s.Start)
	sum := 0.0
	var order []int
	for len(text) < s.MaxLength {
		rows, err := step(ctx, [][]int64{text}, order)
		if err != nil {
			return sequence{}, err
		}
		order = []int{0}
		plain := logSoftmax(rows[0])
		scores := widen(rows[0])
		s.process(text, scores)
		at := best(scores)
		sum += plain[at]
		text = append(text, int64(at))
		if told != nil {
			told(text)
		}
		if slices.Contains(s.End, int64(at)) {
			break
		}
	}
	return sequence{text, sum / float64(max(len(text)-len(s.Start), 1))}, nil
}

// far is what transformers puts in place of minus infinity between beams.
const far = -1e9

// beam is a text that is still being written.
type beam struct {
	tokens []int64
	score  float64 // sum of log-probabilities
	from   int     // row of the last call
}

// search is beam search as transformers 4.50 and later do it
// (generation/utils.py, _beam_search): of each step the best twice as many
// continuations as beams are looked at; those of the first Beams that end are
// kept when they are better than what is kept, and the best that go on are the
// beams of the next step.
func (s Settings) search(ctx context.Context, step stepper, told func([]int64)) ([]sequence, error) {
	running := []beam{{tokens: slices.Clone(s.Start)}}
	var order []int
	var done []sequence // at most Beams, best first
	for length := len(s.Start); ; length++ {
		texts := make([][]int64, len(running))
		for i, b := range running {
			texts[i] = b.tokens
		}
		rows, err := step(ctx, texts, order)
		if err != nil {
			return nil, err
		}
		next := s.continuations(running, rows)
		var going []beam
		full := s.Stop == StopFull && len(done) == s.Beams
		for i, b := range next {
			last := b.tokens[length]
			ended := slices.Contains(s.End, last) || length+1 >= s.MaxLength
			if !ended {
				if len(going) < s.Beams {
					going = append(going, b)
				}
				continue
			}
			if i < s.Beams && !full {
				done = append(done, sequence{b.tokens, b.score / math.Pow(float64(length+1-len(s.Start)), s.LengthPenalty)})
			}
		}
		sort.SliceStable(done, func(i, j int) bool { return done[i].score > done[j].score })
		done = done[:min(len(done), s.Beams)]
		if len(going) == 0 || s.hopeless(going[0].score, done, length+1) || s.Stop == StopFull && len(done) == s.Beams {
			return done, nil
		}
		order = order[:0:0]
		for _, b := range going {
			order = append(order, b.from)
		}
		running = going
		if told != nil {
			told(running[0].tokens)
		}
	}
}

// continuations is the best of what may follow, the best first.
func (s Settings) continuations(running []beam, rows [][]float32) []beam {
	keep := max(2, 1+len(s.End)) * s.Beams
	type candidate struct {
		row, token int
		score      float64
	}
	var top []candidate
	for row, b := range running {
		scores := logSoftmax(rows[row])
		s.process(b.tokens, scores)
		for token, v := range scores {
			v += b.score
			if len(top) == keep && v <= top[keep-1].score || math.IsNaN(v) {
				continue
			}
			at := sort.Search(len(top), func(i int) bool { return top[i].score < v })
			if len(top) < keep {
				top = append(top, candidate{})
			}
			copy(top[at+1:], top[at:])
			top[at] = candidate{row, token, v}
		}
	}
	out := make([]beam, len(top))
	for i, c := range top {
		text := running[c.row].tokens
		out[i] = beam{append(slices.Clip(text), int64(c.token)), max(c.score, far), c.row}
	}
	return out
}

// hopeless says that no running beam, the best of which has the log-probability
// best, is expected to beat the worst of those kept.
func (s Settings) hopeless(best float64, done []sequence, length int) bool {
	if len(done) < s.Beams {
		return false
	}
	n := length - len(s.Start)
	if s.Stop == StopNever && s.LengthPenalty > 0 {
		n = s.MaxLength - len(s.Start)
	}
	return best/math.Pow(float64(n), s.LengthPenalty) <= done[len(done)-1].score
}

// process changes the scores of what follows a text as transformers' logits
// processors do, in their order.
func (s Settings) process(text []int64, scores []float64) {
	ban := func(id int64) {
		if id >= 0 && id < int64(len(scores)) {
			scores[id] = math.Inf(-1)
		}
	}
	if s.Repetition != 1 {
		seen := map[int64]bool{}
		for _, id := range text {
			if id < 0 || id >= int64(len(scores)) || seen[id] {
				continue
			}
			seen[id] = true
			if scores[id] < 0 {
				scores[id] *= s.Repetition
			} else {
				scores[id] /= s.Repetition
			}
		}
	}
	if n := s.NoRepeat; n > 0 && len(text)+1 >= n {
		tail := text[len(text)-(n-1):]
		for i := 0; i+n <= len(text); i++ {
			if slices.Equal(text[i:i+n-1], tail) {
				ban(text[i+n-1])
			}
		}
	}
	if len(text) < s.MinLength {
		for _, id := range s.End {
			ban(id)
		}
	}
	only := func(id int64) {
		for i := range scores {
			if int64(i) != id {
				scores[i] = math.Inf(-1)
			}
		}
		if id < int64(len(scores)) {
			scores[id] = 0
		}
	}
	if s.ForcedFirst >= 0 && len(text) == 1 {
		only(s.ForcedFirst)
	}
	if s.ForcedLast >= 0 && len(text) == s.MaxLength-1 {
		only(s.ForcedLast)
	}
	for _, id := range s.Never {
		ban(id)
	}
	if len(text) == len(s.Start) {
		for _, id := range s.NotFirst {
			ban(id)
		}
	}
}

func widen(row []float32) []float64 {
	out := make([]float64, len(row))
	for i, v := range row {
		out[i] = float64(v)
	}
	return out
}

// logSoftmax is the logarithm of the probabilities.
func logSoftmax(row []float32) []float64 {
	most := math.Inf(-1)
	for _, v := range row {
		most = max(most, float64(v))
	}
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v) - most)
	}
	shift := most + math.Log(sum)
	out := make([]float64, len(row))
	for i, v := range row {
		out[i] = float64(v) - shift
	}
	return out
}

// best is the index of the largest number, the first of equals.
func best(v []float64) int {
	at := 0
	for i, x := range v {
		if x > v[at] {
			at = i
		}
	}
	return at
}
