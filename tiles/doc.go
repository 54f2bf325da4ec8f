// Package tiles reads the pixels of a slide.
//
// # Planes
//
// Three planes of coordinates meet here, all with x to the right, y down and
// half-open rectangles:
//
//   - level-0 pixels ("l0X, l0Y"): the plane of labels, of regions and of every
//     public position;
//   - pixels of level L ("lX, lY"): level-0 pixels divided by the level's
//     downsample, used only together with a level number;
//   - tile coordinates ("col, row"): the stored grid of a level.
//
// A number that is not in level-0 pixels carries its plane in its name.
//
// # Rooms
//
//	formats      the ordered list of readers, Open, and what decodes what
//	aperio       Aperio SVS
//	hamamatsu    Hamamatsu NDPI and its sets, VMS and VMU
//	philips      Philips TIFF
//	leica        Leica SCN
//	trestle      Trestle MedScan
//	ventana      Ventana BIF and TIFF
//	mirax        3DHISTECH MIRAX, a file and its folder
//	dicom        DICOM whole slide images, one or several files
//	czi          Zeiss CZI
//	zarr         OME-Zarr, in folders and archives
//	deepzoom     Deep Zoom and Zoomify, in folders and archives
//	akoya        Akoya QPTIFF
//	ometiff      OME-TIFF, of one file or several
//	generic      tiled TIFF that no vendor claims
//	flat         TIFF in strips, PNG, JPEG, BMP
//	mosaic       levels of tiles that overlap or lie off the grid
//	tiff         the container: TIFF and BigTIFF, directories and tiles
//	dicomfile    the container: DICOM data sets and frames
//	planar       joins a slide of several planes from its levels
//	kept         what was unpacked last, shared by tiles
//	blosc        the container: chunks of Blosc 1
//	zipfolder    the container: ZIP archives as folders of a slide
//	jpegstream   JPEG markers: size, colour, tables, without decoding
//	codec        which decoder is used for a compression
//	jpeg2000     JPEG 2000 decoded in Go; jpegls, jpeglossless: those two
//	native       libjpeg-turbo and OpenJPEG without cgo, one package a library
//	native       libjpeg-turbo, OpenJPEG and libjxr without cgo, one package a library
//	dicomwrite   writes DICOM; pyramid: a slide level by level for those that write
//	tiffwrite    writes pyramids; synth, tissue: made-up slides, where tissue is
//	slidetest    the suite that every format passes; openslidetest: the oracle
//
// A format is a value (Format) in the ordered list of package tiles/formats;
// each vendor has a sub-package that never names another vendor. Slide is what
// a format opens to, Source the file below it. Loader and Cache stand between a
// Slide and the screen; ReadRegion, Thumbnail and Halved need a Slide alone.
package tiles
