package tiles

import "context"

// progressKey is the context's key of the function that is told.
type progressKey struct{}

// WithProgress returns a context in which a reader that must work through a
// whole file to open it tells f how far it is: done of total, in a unit of its
// own. f is called on the opening goroutine, not more often than some hundred
// times.
func WithProgress(ctx context.Context, f func(done, total int64)) context.Context {
	return context.WithValue(ctx, progressKey{}, f)
}

// Progress is the function that WithProgress put into ctx, one that does nothing
// where there is none.
func Progress(ctx context.Context) func(done, total int64) {
	if f, ok := ctx.Value(progressKey{}).(func(done, total int64)); ok && f != nil {
		return f
	}
	return func(int64, int64) {}
}
