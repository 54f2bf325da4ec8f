// Package worker runs ONNX Runtime in another process of the same program.
//
// A model is a program that somebody else wrote, run by native code: it may
// crash, run for ever or take all memory. In a process of its own it takes
// nothing along but the job that ran it. Engine starts that process, notices its
// end, says what was heard of it, starts the next one and loads there what was
// loaded before, so that whoever holds an onnx.Model goes on with it.
//
// # The other side
//
// The program starts itself with the hidden verb Verb; its main function hands
// over to Main before it does anything else. There the library is loaded. Both
// sides are the same build, and the first frame says so.
//
// # The wire
//
// Requests go to the worker's standard input and replies come from its standard
// output as frames: a head in JSON and the bytes of tensors. Where the system
// has memory without a file (Linux), the inputs of a run lie in memory that both
// processes map, and the runtime reads them in place; elsewhere, and when the
// memory is full, they go through the pipe. docs/performance.md has the figures
// of both. Replies name their request, so that several goroutines may run models
// at once.
package worker

// Verb is the hidden word by which the program starts its worker.
const Verb = "model-worker"
