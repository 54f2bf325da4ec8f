// Package tokenizer turns a text into the numbers that a text tower reads,
// exactly as the tokenizer did with which the model was trained: another
// split of one rare word is another vector.
//
// It reads tokenizer.json of Hugging Face's library tokenizers, and the older
// vocab.json with merges.txt (CLIP, GPT-2, RoBERTa) and vocab.txt (BERT). What
// such a file asks for and is not known here is an error, never skipped.
package tokenizer
