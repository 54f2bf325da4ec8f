package main

import (
	"context"
	"os"

	"coverslip/app"
	"coverslip/models/onnx"
)

// self is this program, which models are run in a second process of; "" when the
// system cannot say, and then they run in the first.
func self() string {
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	return program
}

// withEngine starts the runtime as the user's settings say, does f and ends it.
func withEngine(ctx context.Context, library string, f func(e onnx.Engine) error) error {
	e, closing, err := app.StartEngine(ctx, self(), library)
	if err != nil {
		return err
	}
	err = f(e)
	if cerr := closing(); err == nil {
		err = cerr
	}
	return err
}
