// Package remote reads slides that lie behind a web address, part by part by
// HTTP range requests (RFC 9110, section 14): a tile of a slide of a gigabyte
// takes some kilobytes of network.
//
// Nothing here is called unless the person at the program gave an address and
// allowed the network: what a slide, a project or an annotation file names is
// never fetched for that reason alone. Requests go to the slide's own server and
// below the slide's own folder.
package remote
