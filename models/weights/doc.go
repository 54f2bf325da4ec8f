// Package weights says where the numbers of a network lie in the files that
// PyTorch's libraries write: model.safetensors, its shards, and the zip form
// of pytorch_model.bin. It reads names, shapes and places, never the numbers
// themselves unless asked, so that a model of gigabytes is known at once and
// ONNX Runtime maps the user's own file.
//
// A pytorch_model.bin is a pickle, which is a program. The reader here knows
// the few instructions that arrange tensors in a dictionary and refuses every
// other one: nothing that comes with a model is ever run.
package weights
