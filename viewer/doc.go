// Package viewer is the widget in which people see a slide and draw on it.
//
// # Planes
//
// Two planes meet here, and every number says which it belongs to:
//
//   - level-0 pixels ("l0X, l0Y"), the plane of package tiles and annotate;
//   - screen pixels ("sX, sY"): device pixels of the display, the viewer's upper
//     left corner at (0,0). Fyne's own units are device pixels divided by the
//     display's factor; they occur only where Fyne objects are placed.
//
// # Engine
//
// Each tile is one pooled canvas.Image that is moved and scaled every frame; its
// texture is uploaded once. Annotations are painted by background goroutines
// into transparent tiles of their own pyramid, so a hundred thousand of them
// cost the frame no more than a few. Only the shape in hand is made of live
// lines.
//
// # Wishes
//
// The viewer changes nothing: it tells its owner what the person wishes (OnDraw,
// OnEdit, OnSelect) and shows what it is given. It knows no project and no disk.
//
// All methods belong to Fyne's goroutine.
package viewer
