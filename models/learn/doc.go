// Package learn fits small classifiers to embeddings that a person labelled.
//
// With a handful of labels a class, the mean of each class is the best guess
// there is (SimpleShot: Wang et al., arXiv:1911.04623). With more, logistic
// regression on standardised numbers wins. Fit chooses.
//
// Classes are weighted so that each counts the same, however many labels it
// has: whoever draws two hundred stroma patches and twelve tumour ones does
// not mean that tumour is rare. Everything is deterministic: the same labels
// in the same order give the same bits on the same machine.
package learn
