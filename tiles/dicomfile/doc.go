// Package dicomfile reads the container of DICOM slides: files of DICOM PS3.10
// with explicit or implicit VR little endian data sets, and the frames of their
// pixel data, native or encapsulated. It knows nothing of slides.
//
// Every number of the file is doubted: lengths are compared with what encloses
// them before anything is allocated, depth and counts have limits. Sequences
// are walked when they are asked for, so that a million per-frame items cost no
// memory. What is wrong with a file is a *tiles.FormatError, what is right but
// not supported a *tiles.UnsupportedError.
package dicomfile

// Limits of a file, beyond which it is refused.
const (
	MaxDepth      = 16      // sequences within sequences
	MaxElements   = 1 << 16 // elements of one data set
	MaxItems      = 1 << 22 // items of one sequence
	MaxValueBytes = 1 << 24 // bytes of one value that is read into memory (16 MiB)
	MaxFrames     = 1 << 22 // frames of a file
	MaxFrameBytes = 1 << 26 // bytes of a frame as stored (64 MiB)
)

// Transfer syntaxes that this program names, PS3.6 table A-1.
const (
	ImplicitLittle = "1.2.840.10008.1.2"
	ExplicitLittle = "1.2.840.10008.1.2.1"
	Deflated       = "1.2.840.10008.1.2.1.99"
	ExplicitBig    = "1.2.840.10008.1.2.2"
	Encapsulated   = "1.2.840.10008.1.2.1.98" // frames in items, uncompressed
	JPEGBaseline   = "1.2.840.10008.1.2.4.50"
	JPEGExtended   = "1.2.840.10008.1.2.4.51"
	JPEGLossless   = "1.2.840.10008.1.2.4.57"
	JPEGLossless1  = "1.2.840.10008.1.2.4.70" // first-order prediction
	JPEGLSExact    = "1.2.840.10008.1.2.4.80"
	JPEGLS         = "1.2.840.10008.1.2.4.81" // maybe near-lossless
	RLE            = "1.2.840.10008.1.2.5"
	JPEG2000Exact  = "1.2.840.10008.1.2.4.90"
	JPEG2000       = "1.2.840.10008.1.2.4.91"
)

// SyntaxName is a transfer syntax in words for people, "" when unknown.
func SyntaxName(uid string) string {
	names := map[string]string{
		ImplicitLittle: "implicit VR little endian", ExplicitLittle: "explicit VR little endian", Deflated: "deflated",
		ExplicitBig: "big endian", JPEGBaseline: "JPEG baseline", JPEGExtended: "JPEG extended",
		JPEGLossless: "lossless JPEG", JPEGLossless1: "lossless JPEG", JPEGLSExact: "JPEG-LS lossless", JPEGLS: "JPEG-LS",
		RLE: "RLE lossless", Encapsulated: "encapsulated uncompressed",
		JPEG2000Exact: "JPEG 2000 lossless", JPEG2000: "JPEG 2000",
		"1.2.840.10008.1.2.4.201": "HTJ2K lossless", "1.2.840.10008.1.2.4.202": "HTJ2K lossless", "1.2.840.10008.1.2.4.203": "HTJ2K",
		"1.2.840.10008.1.2.4.110": "JPEG XL lossless", "1.2.840.10008.1.2.4.111": "JPEG XL", "1.2.840.10008.1.2.4.112": "JPEG XL",
	}
	return names[uid]
}
