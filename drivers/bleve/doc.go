// Package bleve is a [search.Index] in a folder, with Bleve, a library.
package bleve
