// Package tower writes the ONNX graph of a vision or text transformer from the
// names and shapes of its weights, as timm, transformers and open_clip save
// them. The weights stay where they are: the graph points into the user's own
// file, which the runtime maps, so that a model of gigabytes is ready at once
// and nobody needs Python to export it.
//
// What a graph does is fixed by the names of its weights and the settings in
// config.json. A weight that no part of the graph takes is an error, not a
// detail: it means that the model does something this package does not know,
// and its embeddings would be wrong without anyone noticing.
//
// Attention and GELU are the runtime's fused operators. Tokens are kept as
// rows of one matrix, so that every product is one operator that takes
// PyTorch's layout of weights, output by input, as it is.
package tower
