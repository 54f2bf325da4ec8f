// Package evaluate judges a classifier's scores against the truth: confusion
// matrix, sensitivity, specificity, balanced accuracy, AUROC, AUPRC, calibration.
//
// Every case may count several times, or not at all, so that whoever draws
// patients again for an interval need not copy anything. What is not defined,
// for example the AUROC of a class that the truth lacks, is NaN. The figures are
// those of scikit-learn to 1e-9.
package evaluate
