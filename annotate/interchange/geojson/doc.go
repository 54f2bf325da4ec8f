// Package geojson reads and writes the GeoJSON of QuPath, which most tools for
// slides understand.
//
// Coordinates are level-0 pixels, y down, corner convention, as QuPath's; they
// are not the longitudes and latitudes of RFC 7946.
//
// The reader takes what QuPath and others wrote since 0.1: a FeatureCollection,
// an array of features, one feature, a bare geometry, or several of these one
// after another; gzip; bare NaN. A bad feature is repaired or left out with a
// warning, and never costs the rest of the file. The writer keeps to what
// QuPath's own reader accepts: that one refuses the whole file for one polygon
// that crosses itself or one class without colour. What QuPath has no field for
// (who, which model, decision) goes into "metadata" under "coverslip.…".
package geojson
