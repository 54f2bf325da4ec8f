// Package generate lets encoder–decoder models write a sentence about a patch:
// ViT-GPT2 and its kin (transformers' VisionEncoderDecoder), BLIP, GIT, CoCa.
//
// What is written is made up by a network and may be wrong in every word.
// Caption.Generated says so, and nothing here can turn it into a label.
//
// # Inputs and outputs
//
// A model is an encoder (pixel_values to the tokens of the picture) and one or
// two decoders, by the names of Hugging Face's Optimum: decoder_model.onnx
// reads a whole text; decoder_with_past_model.onnx reads its last token and
// past_key_values.N.…, and gives present.N.…; decoder_model_merged.onnx does
// either, as use_cache_branch says. A decoder that takes past_key_values and no
// use_cache_branch is begun with a past of length zero, as the graphs of
// models/tower are. A decoder that takes pixel_values needs no encoder (GIT in
// one graph). What an encoder gives under the name of a decoder's input goes
// there.
//
// Tokens with the cache and without it are the same; the searches are those of
// transformers, token for token.
package generate
