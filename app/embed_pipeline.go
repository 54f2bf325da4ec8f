package app

import (
	"context"
	"image"

	"coverslip/models"
	"coverslip/tiles"
)

// compute embeds the missing cells. Goroutines read patches, others prepare and
// encode them, and this one keeps the vectors in the order of the cells: the
// network never waits for a decoder or a disk that keeps up with it.
func (s *Session) compute(ctx context.Context, e *embedding, t tiles.Slide, enc models.Encoder, missing []cell, done, total int, p Progress) error {
	stage, err := s.embeddingStage(ctx, e, enc, len(missing), p)
	if err != nil {
		return err
	}
	defer func() { e.report.Peak = s.PeakMemory() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader := newPatchReader(t, e.grid, &s.traffic)
	defer reader.close()
	read := readPatches(ctx, reader, e.grid, missing)
	defer drain(read) // after cancel: no goroutine outlives the call
	batches := encodeBatches(ctx, enc, read)
	defer drainBatches(batches)
	defer cancel()

	written := 0
	p.report(stage, done, total)
	for waiting := range batches {
		b := <-waiting
		if b.err != nil {
			return b.err
		}
		if e.report.Failed += b.failed; e.report.FailedWhy == nil {
			e.report.FailedWhy = b.failedWhy
		}
		if err := e.add(b.cells, b.vectors); err != nil {
			return err
		}
		done += len(b.cells) + b.failed
		p.report(stage, done, total)
		if e.report.Embedded-written >= checkpoint && !s.ReadOnly() {
			written = e.report.Embedded
			if err := s.project.WriteEmbeddings(e.stored); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// batch is some cells and their vectors, or why there are none.
type batch struct {
	cells     []cell
	images    []*image.RGBA
	vectors   [][]float32
	failed    int // cells whose pixels could not be read
	failedWhy error
	err       error
}

// encodeBatches gathers patches into batches and encodes them, inFlight at a
// time. Each batch comes as a channel that will hold it, in the order of the
// patches; the outer channel is closed after the last.
func encodeBatches(ctx context.Context, enc models.Encoder, read <-chan readResult) <-chan chan batch {
	out := make(chan chan batch)
	slots := make(chan struct{}, inFlight)
	size := callSize(enc)
	go func() {
		defer close(out)
		for {
			b, more := gather(read, size)
			if ctx.Err() != nil {
				return
			}
			broken := b.err != nil // before b belongs to the encoder
			if len(b.cells) > 0 || b.failed > 0 || b.err != nil {
				slots <- struct{}{}
				ready := make(chan batch, 1)
				go func() {
					defer func() { <-slots }()
					if len(b.images) > 0 && b.err == nil {
						b.vectors, b.err = enc.Encode(ctx, b.images)
					}
					ready <- b
				}()
				out <- ready
			}
			if !more || broken {
				return
			}
		}
	}()
	return out
}

// callSize is how many patches go into one call of an encoder: what it takes in
// one run, so that the network begins when as many are read and not later.
func callSize(enc models.Encoder) int {
	if b, ok := enc.(interface{ Batch() int }); ok {
		return min(max(b.Batch(), 1), maxCall)
	}
	return batchSize
}

// gather takes the next batch of at most size patches; more is false after the
// last.
func gather(read <-chan readResult, size int) (b batch, more bool) {
	for r := range read {
		switch {
		case r.err == nil:
			b.cells, b.images = append(b.cells, r.cell), append(b.images, r.img)
		case unreadable(r.err):
			if b.failed++; b.failedWhy == nil {
				b.failedWhy = r.err
			}
		default:
			b.err = r.err
			return b, false
		}
		if len(b.images) == size || b.failed >= size {
			return b, true
		}
	}
	return b, false
}

// drainBatches waits until the channel is closed and the encoder is done.
func drainBatches(c <-chan chan batch) {
	for waiting := range c {
		<-waiting
	}
}
