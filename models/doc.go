// Package models holds the networks: what turns patches of a slide into
// embeddings, and what learns from a person's labels on top of them.
//
// # Rooms
//
// models/onnx is the one door to the native runtime. models/onnxfile writes
// and inspects ONNX graphs without it. models/preprocess turns an image into a
// network's input, bit for bit as Pillow does. models/encoder joins these
// three to an Encoder; models/folder opens a model as a user has it on disk;
// models/vit builds the untrained network that the program can always offer;
// models/runtimes brings the native runtime to the machine; models/learn fits
// classifiers to embeddings; models/modeltest is for tests of other rooms.
//
// # Words
//
// A patch is a square fed to a network: pixels at a given number of µm. An
// embedding is the vector of a patch. Every embedding leaves this room with
// length one, so that an inner product is a cosine.
package models
