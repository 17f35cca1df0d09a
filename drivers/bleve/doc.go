// Package bleve is a [search.Index] in a folder, with [Bleve], a library: no server is
// needed. It serves one process.
//
//	s, err := bleve.Open(ctx, "/var/lib/parlor/index", nil)
//	…
//	hub.New(ctx, drivers.Set{Index: s.Index(), …}, nil)
//
// # What is where
//
// Each generation of the index ([search.Generations]) is a folder of its own. The documents
// of a generation lie in months, by their At in UTC ([Period]); each month is one of Bleve's
// indexes. A document's tokens and exact values are terms, as Parlor's analysis made them;
// Bleve analyses nothing. Its place is its id; its revision, and its tokens in their order,
// are stored, for phrases and scores.
//
// A search goes from month to month, the newest first, and stops when nothing older can
// change the answer. In a month each part of the expression is a set of documents, which are
// joined as bits. What the scope leaves out is left out before anything is counted. Counts
// and facets are exact.
//
// # One step
//
// An Apply goes to a log first, together with all others that wait, and to the disk; then to
// Bleve, in memory; then it is shown: its documents, of however many months, and its
// watermarks at once. Bleve writes its files when it likes, and the log is cut behind that.
// After a crash what the months lack is made again from the log. So what was acknowledged is
// there, each Apply is there as a whole or not at all, and a watermark never says more than
// the index has.
//
// # Opening
//
// [Open] takes the lock of the folder, which names who holds it, and returns. What lies there
// is opened behind: everything is read once, and compared with its checksum; then the log is
// caught up with. Until then every call is [chat.ErrUnavailable], and says how far it is.
//
// An index is made of the history, so what is missing, torn, damaged, or made by another
// mapping or period is thrown away, with a word to the log: the generation begins empty, and
// the hub, which finds that one is empty that was full, fills it again, and refuses searches
// until it is. What can't be opened for another reason is left as it is and tried again: a
// folder that somebody else holds, too many open files, a disk that can't be read. An index of
// a newer format is refused.
//
// # When the disk fails
//
// What can't be written to the log is [chat.ErrUnavailable] with field "disk", and isn't
// there. Where Bleve can't write what it has in memory, it goes on trying; when 64 MiB of the
// log wait for it, what is applied is refused, too. Searches go on meanwhile, and nothing
// that was acknowledged is lost. Once there is room again, all goes on by itself.
//
// # Memory and files
//
// Beside Bleve's own, memory holds the rooms with their watermarks, 16 bytes for each 1,024
// documents, and columns of values for counts and facets up to [Options].Cache. A month that
// nobody writes to for half a minute is closed, and after two its files are merged into one,
// so ten years of months are 120 open files. [Options].Files bounds how many more there are.
//
// docs/decisions/0009-bleve.md says why all this is so, and what isn't solved.
//
// [Bleve]: https://github.com/blevesearch/bleve
package bleve
