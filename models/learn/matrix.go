package learn

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"coverslip/models"
)

// Matrix is embeddings of one model in one piece, row after row.
type Matrix struct {
	Dim  int       // numbers a row
	Data []float32 // a whole number of rows
}

// Len is the number of rows.
func (m Matrix) Len() int {
	if m.Dim <= 0 {
		return 0
	}
	return len(m.Data) / m.Dim
}

// Row is one embedding; it must not be changed.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Dim : (i+1)*m.Dim : (i+1)*m.Dim] }

// Scores is what a probe thinks of many embeddings: what Predict says of each,
// without the nearest examples, in numbers of seven digits.
type Scores struct {
	Classes int
	P       []float32 // Classes a row: probability of every class; 0 for a class without labels
	Class   []int32   // the likeliest; -1 where the vector cannot be judged
	Score   []float32 // its probability
	Margin  []float32 // Score less the second best
	Entropy []float32 // of the row of P, nats; 0 = certain
}

// Len is the number of rows.
func (s *Scores) Len() int { return len(s.Class) }

// Row is the probabilities of one embedding.
func (s *Scores) Row(i int) []float32 { return s.P[i*s.Classes : (i+1)*s.Classes] }

// linear is a probe as one product a class: logit = t·(w·(x-c)/|x-c| + b), the
// division left out where a probe does not ask for it.
type linear struct {
	dim    int
	kinds  []int     // class of each row of w
	w      []float32 // rows of dim, padded with zeros to a multiple of four rows
	b      []float32
	centre []float32 // nil: x itself
	t      float64
}

// linear folds what is done to a vector into the weights.
func (p *Probe) linear() linear {
	l := linear{dim: p.dim, t: 1}
	add := func(k int, b float64) []float32 {
		l.kinds = append(l.kinds, k)
		l.b = append(l.b, float32(b))
		l.w = append(l.w, make([]float32, p.dim)...)
		return l.w[len(l.w)-p.dim:]
	}
	if p.shot != nil {
		l.centre, l.t = p.centre, p.shot.t
		for k, m := range p.shot.means {
			if m != nil {
				copy(add(k, 0), m)
			}
		}
	} else {
		m := p.logistic
		l.t = m.t
		for r, k := range m.kinds {
			w, raw := m.weights[r*(p.dim+1):(r+1)*(p.dim+1)], make([]float64, p.dim)
			b := w[p.dim]
			for j := range raw {
				raw[j] = w[j] / m.scale[j]
				b -= raw[j] * m.mean[j]
			}
			row := add(k, b)
			for j, v := range raw {
				row[j] = float32(v)
			}
		}
	}
	for len(l.b)%4 != 0 {
		l.b = append(l.b, 0)
		l.w = append(l.w, make([]float32, p.dim)...)
	}
	return l
}

// scoreBlock is how many rows a goroutine takes at once.
const scoreBlock = 1024

// ScoreAll judges all rows of a matrix, on all cores. It gives up with the cause
// of ctx when that is cancelled, and refuses vectors of another length.
func (p *Probe) ScoreAll(ctx context.Context, m Matrix) (*Scores, error) {
	n := m.Len()
	if n > 0 && m.Dim != p.dim {
		return nil, fmt.Errorf("learn: vectors of %d numbers for a probe of %d", m.Dim, p.dim)
	}
	s := &Scores{Classes: p.classes, P: make([]float32, n*p.classes), Class: make([]int32, n),
		Score: make([]float32, n), Margin: make([]float32, n), Entropy: make([]float32, n)}
	l := p.linear()
	err := inBlocks(ctx, n, scoreBlock, func(from, to int) {
		work := l.newWork()
		for i := from; i < to; i += 2 {
			j := min(i+1, to-1) // an odd last row is judged twice
			l.pair(m.Row(i), m.Row(j), work)
			l.settle(s, i, work.logits[0], work)
			if j != i {
				l.settle(s, j, work.logits[1], work)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// inBlocks does f for all of 0 … n-1, a block at a time, on all cores.
func inBlocks(ctx context.Context, n, block int, f func(from, to int)) error {
	var wg sync.WaitGroup
	next := make(chan int)
	for range max(1, min(runtime.GOMAXPROCS(0), (n+block-1)/block)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for from := range next {
				f(from, min(n, from+block))
			}
		}()
	}
	for from := 0; from < n && ctx.Err() == nil; from += block {
		next <- from
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// work is one goroutine's room.
type work struct {
	logits [2][]float32
	moved  [2][]float32
	p      []float64
}

func (l *linear) newWork() *work {
	w := &work{p: make([]float64, len(l.kinds))}
	for i := range w.logits {
		w.logits[i] = make([]float32, len(l.b))
		if l.centre != nil {
			w.moved[i] = make([]float32, l.dim)
		}
	}
	return w
}

// pair writes the logits of two rows.
func (l *linear) pair(x, y []float32, w *work) {
	if l.centre != nil {
		for i, v := range [2][]float32{x, y} {
			for j, c := range l.centre {
				w.moved[i][j] = v[j] - c
			}
			models.Normalise(w.moved[i])
		}
		x, y = w.moved[0], w.moved[1]
	}
	for k := 0; k < len(l.b); k += 4 {
		a, b := w.logits[0][k:k+4:k+4], w.logits[1][k:k+4:k+4]
		rows := l.w[k*l.dim : (k+4)*l.dim]
		dots2x4(x, y, rows, l.dim, a, b)
		for i := range 4 {
			a[i] += l.b[k+i]
			b[i] += l.b[k+i]
		}
	}
}

// dots2x4 multiplies two vectors with four: eight sums at once keep the adders
// busy, where one sum would wait for itself.
func dots2x4(x, y, rows []float32, dim int, a, b []float32) {
	x, y = x[:dim], y[:dim]
	r0, r1, r2, r3 := rows[:dim], rows[dim:2*dim], rows[2*dim:3*dim], rows[3*dim:4*dim]
	r0, r1, r2, r3, y = r0[:len(x)], r1[:len(x)], r2[:len(x)], r3[:len(x)], y[:len(x)]
	var a0, a1, a2, a3, b0, b1, b2, b3 float32
	for j, u := range x {
		v := y[j]
		w := r0[j]
		a0 += float32(u * w)
		b0 += float32(v * w)
		w = r1[j]
		a1 += float32(u * w)
		b1 += float32(v * w)
		w = r2[j]
		a2 += float32(u * w)
		b2 += float32(v * w)
		w = r3[j]
		a3 += float32(u * w)
		b3 += float32(v * w)
	}
	a[0], a[1], a[2], a[3] = a0, a1, a2, a3
	b[0], b[1], b[2], b[3] = b0, b1, b2, b3
}

// settle turns the logits of row i into what is said of it.
func (l *linear) settle(s *Scores, i int, logits []float32, w *work) {
	top := math.Inf(-1)
	for k := range l.kinds {
		top = max(top, l.t*float64(logits[k]))
	}
	if math.IsNaN(top) || math.IsInf(top, 0) {
		s.Class[i] = -1
		return
	}
	sum := 0.0
	for k := range l.kinds {
		w.p[k] = math.Exp(l.t*float64(logits[k]) - top)
		sum += w.p[k]
	}
	best, second, class, entropy := -1.0, 0.0, -1, 0.0
	row := s.Row(i)
	for k, class0 := range l.kinds {
		p := w.p[k] / sum
		row[class0] = float32(p)
		if p > 0 {
			entropy -= p * math.Log(p)
		}
		if p > best {
			best, second, class = p, max(best, 0), class0
		} else {
			second = max(second, p)
		}
	}
	s.Class[i], s.Score[i], s.Margin[i], s.Entropy[i] = int32(class), float32(best), float32(best-second), float32(max(0, entropy))
}
