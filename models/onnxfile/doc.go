// Package onnxfile writes ONNX graphs and looks into those of others, without
// the native runtime.
//
// ONNX is a protobuf message (onnx.proto3 of the ONNX project; field numbers
// below are from it). Only what a feed-forward network needs is written. Read
// is for judging a file before native code sees it: it is bounded in depth
// and in memory, keeps weights as views into the input, and drops what it
// does not name.
package onnxfile
