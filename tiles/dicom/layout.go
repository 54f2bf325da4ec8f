package dicom

import (
	"fmt"

	"coverslip/tiles"
	"coverslip/tiles/dicomfile"
)

// place says where a frame of a sparse image lies.
type place struct {
	col, row int32 // tile
	path     int16 // optical path
	z        int64 // nm
}

// readLayout reads where the frames lie on the total pixel matrix, PS3.3
// C.7.6.17.3.
func (in *instance) readLayout(d *dicomfile.Dataset) error {
	layout, err := d.Text(dicomfile.DimensionOrganizationType)
	if err != nil {
		return err
	}
	switch layout {
	case "TILED_FULL":
	case "TILED_SPARSE":
		in.sparse = true
	case "":
		in.sparse = d.Has(dicomfile.PerFrameGroups) && in.frames > 1
	default:
		return unsupported("", "dimension organization %q", layout)
	}
	if in.sparse {
		return in.readPlaces(d)
	}
	grid := int64(in.cols()) * int64(in.rows())
	planes := grid * int64(len(in.zs))
	paths, err := d.Int(dicomfile.NumberOfOpticalPaths, 0)
	if err != nil {
		return err
	}
	if paths == 0 { // not told: as many as are described, if the frames bear that out
		if paths = int64(len(in.optics)); in.concat == "" && int64(in.frames) == planes {
			paths = 1
		}
	}
	if paths < 1 || paths > int64(len(in.optics)) {
		return bad("%d optical paths where %d are described", paths, len(in.optics))
	}
	in.optics = in.optics[:paths]
	in.due = planes * paths
	if in.concat == "" && int64(in.frames) != in.due || in.concat != "" && in.firstFrame+int64(in.frames) > in.due {
		return bad("%d frames where %d×%d tiles%s are due: %v lies", in.frames, in.cols(), in.rows(), in.planesText(paths), dicomfile.NumberOfFrames)
	}
	return nil
}

// planesText tells how many planes of each tile there are, "" for one.
func (in *instance) planesText(paths int64) string {
	if len(in.zs) == 1 && paths == 1 {
		return ""
	}
	return fmt.Sprintf(" in %d focal planes and %d optical paths", len(in.zs), paths)
}

// readPlaces reads the place of each frame.
func (in *instance) readPlaces(d *dicomfile.Dataset) error {
	path, err := in.sharedPath(d)
	if err != nil {
		return err
	}
	z := in.zs[0]
	in.places = make([]place, 0, in.frames)
	err = d.Items(dicomfile.PerFrameGroups, func(i int, item *dicomfile.Dataset) error {
		if i >= in.frames {
			return bad("%v tells of more than the %d frames", dicomfile.PerFrameGroups, in.frames)
		}
		p := place{path: int16(path), z: z}
		if err := in.readPlace(i, item, &p); err != nil {
			return err
		}
		in.places = append(in.places, p)
		return nil
	})
	if err == nil && len(in.places) != in.frames {
		err = bad("%d frames and positions of %d", in.frames, len(in.places))
	}
	return err
}

// sharedPath is the optical path of all frames that name none of their own.
func (in *instance) sharedPath(d *dicomfile.Dataset) (int, error) {
	g, err := in.shared(d, dicomfile.OpticalPathOfFrame)
	if err != nil || g == nil {
		return 0, err
	}
	return in.namedPath(g)
}

func (in *instance) namedPath(g *dicomfile.Dataset) (int, error) {
	id, err := g.Text(dicomfile.OpticalPathIdentifier)
	if err != nil {
		return 0, err
	}
	p := in.path(id)
	if p < 0 && len(in.optics) == 1 {
		return 0, nil // which else
	}
	if p < 0 {
		return 0, bad("optical path %q is not described", id)
	}
	return p, nil
}

// readPlace reads the place of frame i; the numbers in the file begin at 1.
func (in *instance) readPlace(i int, item *dicomfile.Dataset, to *place) error {
	p, err := item.First(dicomfile.PlanePositionSlide)
	if err != nil {
		return err
	}
	if p == nil {
		return bad("frame %d has no position", i)
	}
	x, err := p.Int(dicomfile.ColumnPosition, 0)
	if err != nil {
		return err
	}
	y, err := p.Int(dicomfile.RowPosition, 0)
	if err != nil {
		return err
	}
	if x < 1 || y < 1 || x > int64(in.width) || y > int64(in.height) {
		return bad("frame %d lies at (%d,%d), outside the matrix of %d×%d pixels", i, x, y, in.width, in.height)
	}
	if (x-1)%int64(in.tileW) != 0 || (y-1)%int64(in.tileH) != 0 {
		return unsupported("", "frames off the tile grid: frame %d lies at (%d,%d) with frames of %d×%d pixels", i, x, y, in.tileW, in.tileH)
	}
	to.col, to.row = int32((x-1)/int64(in.tileW)), int32((y-1)/int64(in.tileH))
	z, err := p.Floats(dicomfile.ZOffset)
	if err != nil {
		return err
	}
	if len(z) == 1 {
		to.z = nanometres(z[0])
	}
	if g, err := item.First(dicomfile.OpticalPathOfFrame); err != nil {
		return err
	} else if g != nil {
		n, err := in.namedPath(g)
		if err != nil {
			return err
		}
		to.path = int16(n)
	}
	return nil
}

// level is the image as a level of a pyramid of its own.
func (in *instance) level() tiles.Level {
	return tiles.Level{Width: in.width, Height: in.height, TileWidth: in.tileW, TileHeight: in.tileH, Downsample: 1}
}
