package app

import (
	"context"
	"errors"
	"fmt"
	"image"

	"coverslip/models"
)

// MemoryPlan is how much memory a run of an encoder will take in the process for
// models, as told before the run.
type MemoryPlan struct {
	Bytes   int64 // most memory of that process; 0 = cannot be told
	Ceiling int64 // that it may take; 0 = none
}

// Tight tells that the run comes so near to the ceiling that it may be ended.
func (p MemoryPlan) Tight() bool {
	return p.Ceiling > 0 && float64(p.Bytes) > memoryRoom*float64(p.Ceiling)
}

// memoryRoom is the share of the ceiling beyond which a run is called tight.
const memoryRoom = 0.9

// String says a plan to people; empty when nothing is known.
func (p MemoryPlan) String() string {
	if p.Bytes <= 0 {
		return ""
	}
	text := "about " + memoryWords(p.Bytes) + " of memory"
	if p.Tight() {
		text += ", of " + memoryWords(p.Ceiling) + " that it may take"
	}
	return text
}

// memoryWords writes bytes as MB or GB, as memory is sold.
func memoryWords(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// peakTeller is an engine that knows the most memory its process had, bytes.
type peakTeller interface{ PeakMemory() int64 }

// PlanMemory tells how much memory a run of the encoder takes. One whole batch of
// plain patches goes through the network: what that takes, weights and scratch
// memory, is what every later batch takes, since it is used again. It is measured
// once for an encoder; where models run in the program's own process, or the system
// does not say, the plan is empty.
func (s *Session) PlanMemory(ctx context.Context, enc models.Encoder) (MemoryPlan, error) {
	teller := s.peakTeller()
	if teller == nil {
		return MemoryPlan{}, nil
	}
	hash := enc.Info().Hash
	s.encoderMu.Lock()
	plan, ok := s.plans[hash]
	s.encoderMu.Unlock()
	if ok {
		return plan, nil
	}
	plain := make([]*image.RGBA, batchSize)
	for i := range plain {
		plain[i] = greyPatch(enc.Info().PatchSize)
	}
	if _, err := enc.Encode(ctx, plain); err != nil {
		return MemoryPlan{}, err
	}
	plan.Bytes = teller.PeakMemory()
	if set, err := ReadModelSettings(); err == nil { // else it is said elsewhere, and no ceiling is told
		plan.Ceiling = set.ceiling()
	}
	s.encoderMu.Lock()
	if s.plans == nil {
		s.plans = map[string]MemoryPlan{}
	}
	s.plans[hash] = plan
	s.encoderMu.Unlock()
	return plan, nil
}

// PeakMemory is the most memory that the process for models had so far, bytes; 0
// when it cannot be told.
func (s *Session) PeakMemory() int64 {
	if t := s.peakTeller(); t != nil {
		return t.PeakMemory()
	}
	return 0
}

func (s *Session) peakTeller() peakTeller {
	s.encoderMu.Lock()
	defer s.encoderMu.Unlock()
	if s.worker == nil {
		return nil
	}
	return s.worker
}

func greyPatch(side int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range m.Pix {
		m.Pix[i] = 160
	}
	return m
}

// worthPlanning is how many patches must be missing before a batch is spent on
// telling the memory.
const worthPlanning = 64

// embeddingStage is what the embedding of so many patches is called while it runs,
// with the memory that it will take.
func (s *Session) embeddingStage(ctx context.Context, e *embedding, enc models.Encoder, missing int, p Progress) (string, error) {
	const plain = "Embedding"
	if missing < worthPlanning || s.peakTeller() == nil {
		return plain, nil
	}
	p.report("Measuring the memory", 0, 0)
	plan, err := s.PlanMemory(ctx, enc)
	if err != nil {
		var tooMuch error
		if ctx.Err() == nil {
			tooMuch = errors.New("a first batch of patches did not go through")
		}
		return plain, errors.Join(tooMuch, err)
	}
	e.report.Memory = plan.Bytes
	if words := plan.String(); words != "" {
		return plain + ", " + words, nil
	}
	return plain, nil
}
