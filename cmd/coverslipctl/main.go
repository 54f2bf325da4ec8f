// Coverslipctl does without a window what Coverslip does with one: it looks
// into slides, keeps projects, asks a model for suggestions, takes decisions and
// exports datasets. It is built without cgo.
//
// Positions are level-0 pixels, x to the right, y down, half-open. Exit codes:
// 0 done, 1 failed for good, 2 wrong usage, 75 try again later.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"coverslip/app"
	"coverslip/models/worker"
)

func main() {
	if worker.IsWorker(os.Args) { // this process is for models and nothing else
		os.Exit(worker.Main())
	}
	if app.Inside(os.Getenv) { // this one is to look at a project that may be damaged
		os.Exit(app.ServeInside(os.Getenv, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := program{ctx: ctx, out: stdout, err: stderr}
	return p.run(args)
}
