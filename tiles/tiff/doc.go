// Package tiff reads the container of most slides: TIFF 6.0 and BigTIFF, both
// byte orders, tiled or in strips. It knows no vendor.
//
// Every number of the file is doubted: counts are compared with the size of
// the file before anything is allocated, directories may not loop, and sizes
// have limits. What is wrong with a whole file is a *tiles.FormatError, what is
// right but not supported a *tiles.UnsupportedError, both at opening; what is
// wrong with one tile is found when that tile is read.
package tiff

// Limits of a file, beyond which it is refused.
const (
	MaxDirectories = 4096    // image directories of a file
	MaxTags        = 4096    // tags of a directory
	MaxTiles       = 1 << 24 // tiles of a level
	MaxTilePixels  = 1 << 26 // pixels of a tile (64 Mpx)
	MaxTileBytes   = 1 << 26 // bytes of a compressed tile (64 MiB)
	MaxValueBytes  = 1 << 26 // bytes of a profile, of tables (64 MiB)
	MaxTextBytes   = 1 << 24 // bytes of a text (16 MiB)
	MaxSide        = 1<<31 - 1
)

// MaxSamples bounds the samples of a pixel.
const MaxSamples = 4096

// Tags that are read: TIFF 6.0, Technical Notes 1 and 2, TIFF/EP, ICC.1.
const (
	TagNewSubfileType      = 254
	TagSubfileType         = 255
	TagImageWidth          = 256
	TagImageLength         = 257
	TagBitsPerSample       = 258
	TagCompression         = 259
	TagPhotometric         = 262
	TagFillOrder           = 266
	TagImageDescription    = 270
	TagMake                = 271
	TagModel               = 272
	TagStripOffsets        = 273
	TagOrientation         = 274
	TagSamplesPerPixel     = 277
	TagRowsPerStrip        = 278
	TagStripByteCounts     = 279
	TagXResolution         = 282
	TagYResolution         = 283
	TagPlanarConfig        = 284
	TagResolutionUnit      = 296
	TagSoftware            = 305
	TagDateTime            = 306
	TagArtist              = 315
	TagHostComputer        = 316
	TagPredictor           = 317
	TagColorMap            = 320
	TagTileWidth           = 322
	TagTileLength          = 323
	TagTileOffsets         = 324
	TagTileByteCounts      = 325
	TagSubIFDs             = 330
	TagInkSet              = 332
	TagExtraSamples        = 338
	TagSampleFormat        = 339
	TagJPEGTables          = 347
	TagJPEGProc            = 512
	TagJPEGFormat          = 513
	TagJPEGFormatLength    = 514
	TagJPEGRestartInterval = 515
	TagJPEGQTables         = 519
	TagJPEGDCTables        = 520
	TagJPEGACTables        = 521
	TagYCbCrCoefficients   = 529
	TagYCbCrSubsampling    = 530
	TagReferenceBlackWhite = 532
	TagCopyright           = 33432
	TagICCProfile          = 34675
)

// Values of TagCompression that are read.
const (
	CompressionNone       = 1
	CompressionLZW        = 5
	CompressionOldJPEG    = 6 // TIFF 6.0 section 22, withdrawn by Technical Note 2
	CompressionJPEG       = 7
	CompressionDeflate    = 8
	CompressionPackBits   = 32773
	CompressionDeflateOld = 32946
	CompressionAperioYCC  = 33003 // JPEG 2000, Y Cb Cr without component transform
	CompressionAperioRGB  = 33005 // JPEG 2000, RGB
	CompressionJ2K        = 34712
	CompressionZstd       = 50000
	CompressionWebP       = 50001
)

// CompressionName is a compression in words for people.
func CompressionName(c int) string {
	names := map[int]string{1: "none", 2: "CCITT", 3: "fax 3", 4: "fax 4", 5: "LZW", 6: "old JPEG", 7: "JPEG", 8: "deflate",
		32773: "PackBits", 32946: "deflate", 33003: "JPEG 2000 (YCbCr)", 33005: "JPEG 2000 (RGB)", 34712: "JPEG 2000",
		34887: "LERC", 34925: "LZMA", 50000: "zstd", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL"}
	return names[c]
}
