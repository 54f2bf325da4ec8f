package dicomfile

import "fmt"

// Tag is group and element number of an attribute, 0xGGGGEEEE.
type Tag uint32

func (t Tag) String() string {
	if _, keyword, ok := lookup(t); ok {
		return fmt.Sprintf("%s (%04X,%04X)", keyword, uint32(t)>>16, uint32(t)&0xffff)
	}
	return fmt.Sprintf("(%04X,%04X)", uint32(t)>>16, uint32(t)&0xffff)
}

// Keyword is the attribute's name in PS3.6, "" when this program does not know
// it.
func (t Tag) Keyword() string {
	_, keyword, _ := lookup(t)
	return keyword
}

// Attributes that are read by name.
const (
	MediaStorageSOPClassUID    Tag = 0x00020002
	TransferSyntaxUID          Tag = 0x00020010
	ImageType                  Tag = 0x00080008
	SOPClassUID                Tag = 0x00080016
	SOPInstanceUID             Tag = 0x00080018
	CodeValue                  Tag = 0x00080100
	SliceSpacing               Tag = 0x00180088
	PixelSpacing               Tag = 0x00280030
	SeriesInstanceUID          Tag = 0x0020000E
	InstanceNumber             Tag = 0x00200013
	ConcatenationFrameOffset   Tag = 0x00209228
	ConcatenationUID           Tag = 0x00209161
	InConcatenationNumber      Tag = 0x00209162
	InConcatenationTotal       Tag = 0x00209163
	DimensionOrganizationType  Tag = 0x00209311
	SamplesPerPixel            Tag = 0x00280002
	Photometric                Tag = 0x00280004
	PlanarConfiguration        Tag = 0x00280006
	NumberOfFrames             Tag = 0x00280008
	Rows                       Tag = 0x00280010
	Columns                    Tag = 0x00280011
	BitsAllocated              Tag = 0x00280100
	BitsStored                 Tag = 0x00280101
	HighBit                    Tag = 0x00280102
	PixelRepresentation        Tag = 0x00280103
	WindowCenter               Tag = 0x00281050
	WindowWidth                Tag = 0x00281051
	RescaleIntercept           Tag = 0x00281052
	RescaleSlope               Tag = 0x00281053
	ICCProfile                 Tag = 0x00282000
	PixelMeasures              Tag = 0x00289110
	FrameVOILUT                Tag = 0x00289132
	PixelValueTransformation   Tag = 0x00289145
	ImagedVolumeWidth          Tag = 0x00480001
	ImagedVolumeHeight         Tag = 0x00480002
	TotalColumns               Tag = 0x00480006
	TotalRows                  Tag = 0x00480007
	OpticalPaths               Tag = 0x00480105
	OpticalPathIdentifier      Tag = 0x00480106
	ObjectiveLensPower         Tag = 0x00480112
	PassThroughLight           Tag = 0x00220001
	PassThroughImage           Tag = 0x00220003
	IlluminationTypeCode       Tag = 0x00220016
	ChannelDescription         Tag = 0x0022001A
	IlluminationWavelength     Tag = 0x00220055
	CodeMeaning                Tag = 0x00080104
	RedLUTDescriptor           Tag = 0x00281101
	RedLUT                     Tag = 0x00281201
	XOffset                    Tag = 0x0040072A
	YOffset                    Tag = 0x0040073A
	ZOffset                    Tag = 0x0040074A
	MatrixOrigin               Tag = 0x00480008
	ImageOrientationSlide      Tag = 0x00480102
	OpticalPathDescription     Tag = 0x00480107
	PaletteLUT                 Tag = 0x00480120
	OpticalPathOfFrame         Tag = 0x00480207
	PlanePositionSlide         Tag = 0x0048021A
	ColumnPosition             Tag = 0x0048021E
	RowPosition                Tag = 0x0048021F
	NumberOfOpticalPaths       Tag = 0x00480302
	FocalPlanes                Tag = 0x00480303
	SharedGroups               Tag = 0x52009229
	PerFrameGroups             Tag = 0x52009230
	ExtendedOffsetTable        Tag = 0x7FE00001
	ExtendedOffsetTableLengths Tag = 0x7FE00002
	PixelData                  Tag = 0x7FE00010

	tagItem       Tag = 0xFFFEE000
	tagItemEnd    Tag = 0xFFFEE00D
	tagSequenceUp Tag = 0xFFFEE0DD
)

// lookup gives VR and keyword of the attributes that this program reads or
// shows, PS3.6 chapter 6. Implicit VR data sets need the VR; others are bytes
// of unknown meaning to us.
func lookup(t Tag) (vr, keyword string, ok bool) {
	for lo, hi := 0, len(dictionary); lo < hi; {
		mid := (lo + hi) / 2
		switch d := &dictionary[mid]; {
		case d.tag == t:
			return d.vr, d.keyword, true
		case d.tag < t:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return "", "", false
}

// dictionary is sorted by tag, which a test checks.
var dictionary = [...]struct {
	tag         Tag
	vr, keyword string
}{
	{0x00020002, "UI", "MediaStorageSOPClassUID"},
	{0x00020003, "UI", "MediaStorageSOPInstanceUID"},
	{0x00020010, "UI", "TransferSyntaxUID"},
	{0x00020012, "UI", "ImplementationClassUID"},
	{0x00020013, "SH", "ImplementationVersionName"},
	{0x00080005, "CS", "SpecificCharacterSet"},
	{0x00080008, "CS", "ImageType"},
	{0x00080012, "DA", "InstanceCreationDate"},
	{0x00080013, "TM", "InstanceCreationTime"},
	{0x00080014, "UI", "InstanceCreatorUID"},
	{0x00080016, "UI", "SOPClassUID"},
	{0x00080017, "UI", "AcquisitionUID"},
	{0x00080018, "UI", "SOPInstanceUID"},
	{0x00080019, "UI", "PyramidUID"},
	{0x00080020, "DA", "StudyDate"},
	{0x00080021, "DA", "SeriesDate"},
	{0x00080022, "DA", "AcquisitionDate"},
	{0x00080023, "DA", "ContentDate"},
	{0x0008002A, "DT", "AcquisitionDateTime"},
	{0x00080030, "TM", "StudyTime"},
	{0x00080031, "TM", "SeriesTime"},
	{0x00080032, "TM", "AcquisitionTime"},
	{0x00080033, "TM", "ContentTime"},
	{0x00080050, "SH", "AccessionNumber"},
	{0x00080060, "CS", "Modality"},
	{0x00080070, "LO", "Manufacturer"},
	{0x00080100, "SH", "CodeValue"},
	{0x00080102, "SH", "CodingSchemeDesignator"},
	{0x00080104, "LO", "CodeMeaning"},
	{0x00080201, "SH", "TimezoneOffsetFromUTC"},
	{0x00081010, "SH", "StationName"},
	{0x00081030, "LO", "StudyDescription"},
	{0x0008103E, "LO", "SeriesDescription"},
	{0x00081090, "LO", "ManufacturerModelName"},
	{0x00082228, "SQ", "PrimaryAnatomicStructureSequence"},
	{0x00089007, "CS", "FrameType"},
	{0x00089205, "CS", "PixelPresentation"},
	{0x00089206, "CS", "VolumetricProperties"},
	{0x00089207, "CS", "VolumeBasedCalculationTechnique"},
	{0x00180050, "DS", "SliceThickness"},
	{0x00180088, "DS", "SpacingBetweenSlices"},
	{0x00181000, "LO", "DeviceSerialNumber"},
	{0x00181020, "LO", "SoftwareVersions"},
	{0x00189004, "CS", "ContentQualification"},
	{0x00189073, "FD", "AcquisitionDuration"},
	{0x0020000D, "UI", "StudyInstanceUID"},
	{0x0020000E, "UI", "SeriesInstanceUID"},
	{0x00200010, "SH", "StudyID"},
	{0x00200011, "IS", "SeriesNumber"},
	{0x00200013, "IS", "InstanceNumber"},
	{0x00200052, "UI", "FrameOfReferenceUID"},
	{0x00201040, "LO", "PositionReferenceIndicator"},
	{0x00204000, "LT", "ImageComments"},
	{0x00209161, "UI", "ConcatenationUID"},
	{0x00209162, "US", "InConcatenationNumber"},
	{0x00209163, "US", "InConcatenationTotalNumber"},
	{0x00209164, "UI", "DimensionOrganizationUID"},
	{0x00209165, "AT", "DimensionIndexPointer"},
	{0x00209167, "AT", "FunctionalGroupPointer"},
	{0x00209221, "SQ", "DimensionOrganizationSequence"},
	{0x00209222, "SQ", "DimensionIndexSequence"},
	{0x00209228, "UL", "ConcatenationFrameOffsetNumber"},
	{0x00209311, "CS", "DimensionOrganizationType"},
	{0x00209421, "LO", "DimensionDescriptionLabel"},
	{0x00220001, "US", "LightPathFilterPassThroughWavelength"},
	{0x00220003, "US", "ImagePathFilterPassThroughWavelength"},
	{0x00220016, "SQ", "IlluminationTypeCodeSequence"},
	{0x00220019, "SQ", "LensesCodeSequence"},
	{0x0022001A, "SQ", "ChannelDescriptionCodeSequence"},
	{0x00220055, "FL", "IlluminationWaveLength"},
	{0x00280002, "US", "SamplesPerPixel"},
	{0x00280004, "CS", "PhotometricInterpretation"},
	{0x00280006, "US", "PlanarConfiguration"},
	{0x00280008, "IS", "NumberOfFrames"},
	{0x00280010, "US", "Rows"},
	{0x00280011, "US", "Columns"},
	{0x00280030, "DS", "PixelSpacing"},
	{0x00280100, "US", "BitsAllocated"},
	{0x00280101, "US", "BitsStored"},
	{0x00280102, "US", "HighBit"},
	{0x00280103, "US", "PixelRepresentation"},
	{0x00280120, "US", "PixelPaddingValue"},
	{0x00280301, "CS", "BurnedInAnnotation"},
	{0x00280302, "CS", "RecognizableVisualFeatures"},
	{0x00281050, "DS", "WindowCenter"},
	{0x00281051, "DS", "WindowWidth"},
	{0x00281052, "DS", "RescaleIntercept"},
	{0x00281053, "DS", "RescaleSlope"},
	{0x00281101, "US", "RedPaletteColorLookupTableDescriptor"},
	{0x00281102, "US", "GreenPaletteColorLookupTableDescriptor"},
	{0x00281103, "US", "BluePaletteColorLookupTableDescriptor"},
	{0x00281201, "OW", "RedPaletteColorLookupTableData"},
	{0x00281202, "OW", "GreenPaletteColorLookupTableData"},
	{0x00281203, "OW", "BluePaletteColorLookupTableData"},
	{0x00282000, "OB", "ICCProfile"},
	{0x00282002, "CS", "ColorSpace"},
	{0x00282110, "CS", "LossyImageCompression"},
	{0x00282112, "DS", "LossyImageCompressionRatio"},
	{0x00282114, "CS", "LossyImageCompressionMethod"},
	{0x00289110, "SQ", "PixelMeasuresSequence"},
	{0x00289132, "SQ", "FrameVOILUTSequence"},
	{0x00289145, "SQ", "PixelValueTransformationSequence"},
	{0x00400512, "LO", "ContainerIdentifier"},
	{0x00400518, "SQ", "ContainerTypeCodeSequence"},
	{0x00400551, "LO", "SpecimenIdentifier"},
	{0x00400554, "UI", "SpecimenUID"},
	{0x00400560, "SQ", "SpecimenDescriptionSequence"},
	{0x0040059A, "SQ", "SpecimenTypeCodeSequence"},
	{0x00400600, "LO", "SpecimenShortDescription"},
	{0x00400602, "UT", "SpecimenDetailedDescription"},
	{0x00400610, "SQ", "SpecimenPreparationSequence"},
	{0x00400612, "SQ", "SpecimenPreparationStepContentItemSequence"},
	{0x00400710, "SQ", "WholeSlideMicroscopyImageFrameTypeSequence"},
	{0x0040072A, "DS", "XOffsetInSlideCoordinateSystem"},
	{0x0040073A, "DS", "YOffsetInSlideCoordinateSystem"},
	{0x0040074A, "DS", "ZOffsetInSlideCoordinateSystem"},
	{0x0040A040, "CS", "ValueType"},
	{0x0040A043, "SQ", "ConceptNameCodeSequence"},
	{0x0040A160, "UT", "TextValue"},
	{0x0040A168, "SQ", "ConceptCodeSequence"},
	{0x00480001, "FL", "ImagedVolumeWidth"},
	{0x00480002, "FL", "ImagedVolumeHeight"},
	{0x00480003, "FL", "ImagedVolumeDepth"},
	{0x00480006, "UL", "TotalPixelMatrixColumns"},
	{0x00480007, "UL", "TotalPixelMatrixRows"},
	{0x00480008, "SQ", "TotalPixelMatrixOriginSequence"},
	{0x00480010, "CS", "SpecimenLabelInImage"},
	{0x00480011, "CS", "FocusMethod"},
	{0x00480012, "CS", "ExtendedDepthOfField"},
	{0x00480013, "US", "NumberOfFocalPlanes"},
	{0x00480014, "FL", "DistanceBetweenFocalPlanes"},
	{0x00480015, "US", "RecommendedAbsentPixelCIELabValue"},
	{0x00480100, "SQ", "IlluminatorTypeCodeSequence"},
	{0x00480102, "DS", "ImageOrientationSlide"},
	{0x00480105, "SQ", "OpticalPathSequence"},
	{0x00480106, "SH", "OpticalPathIdentifier"},
	{0x00480107, "ST", "OpticalPathDescription"},
	{0x00480108, "SQ", "IlluminationColorCodeSequence"},
	{0x00480111, "DS", "CondenserLensPower"},
	{0x00480112, "DS", "ObjectiveLensPower"},
	{0x00480113, "DS", "ObjectiveLensNumericalAperture"},
	{0x00480120, "SQ", "PaletteColorLookupTableSequence"},
	{0x00480207, "SQ", "OpticalPathIdentificationSequence"},
	{0x0048021A, "SQ", "PlanePositionSlideSequence"},
	{0x0048021E, "SL", "ColumnPositionInTotalImagePixelMatrix"},
	{0x0048021F, "SL", "RowPositionInTotalImagePixelMatrix"},
	{0x00480302, "UL", "NumberOfOpticalPaths"},
	{0x00480303, "UL", "TotalPixelMatrixFocalPlanes"},
	{0x52009229, "SQ", "SharedFunctionalGroupsSequence"},
	{0x52009230, "SQ", "PerFrameFunctionalGroupsSequence"},
	{0x7FE00001, "OV", "ExtendedOffsetTable"},
	{0x7FE00002, "OV", "ExtendedOffsetTableLengths"},
	{0x7FE00010, "OW", "PixelData"},
}
