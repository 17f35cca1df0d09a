package bleve

import (
	"cmp"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"github.com/parlor-chat/parlor/search"
)

// rows is a set of documents of a segment, by number. It may be the segment's memory: who
// changes it clones it first.
type rows = *roaring.Bitmap

// eval finds what matches in one segment. Every set that it gives back is without what was
// deleted, and lies within the one it was given, where that isn't nil.
type eval struct {
	*segmentView
	*work
	number func(key string) (uint32, bool) // of a room
	texts  *dict
	values *dict
	live   rows // once it was asked for

	tokens []string
}

func (q *query) enter(s *segmentView) *eval {
	return &eval{
		segmentView: s, work: q.work, number: q.number,
		texts: &dict{of: s.segment, field: textField}, values: &dict{of: s.segment, field: valueField},
	}
}

// dict is the terms of a field of a segment. Opening it costs as much as looking a term up.
type dict struct {
	of    segment.Segment
	field string
	terms segment.TermDictionary // nil: not open yet
}

func (d *dict) open() (segment.TermDictionary, error) {
	if d.terms == nil {
		terms, err := d.of.Dictionary(d.field)
		if err != nil {
			return nil, err
		}
		d.terms = terms
	}
	return d.terms, nil
}

func (d *dict) postings(term []byte) (segment.PostingsList, error) {
	terms, err := d.open()
	if err != nil {
		return nil, err
	}
	return terms.PostingsList(term, nil, nil)
}

// list is the documents of a term, those that were deleted too.
func list(d *dict, term []byte) (rows, error) {
	p, err := d.postings(term)
	if err != nil {
		return nil, err
	}
	switch it := p.Iterator(false, false, false, nil).(type) {
	case segment.OptimizablePostingsIterator:
		if row, ok := it.DocNum1Hit(); ok {
			return roaring.BitmapOf(uint32(row)), nil
		}
		if all := it.ActualBitmap(); all != nil {
			return all, nil
		}
	}
	return roaring.New(), nil
}

// narrow is the part of a set that counts.
func (e *eval) narrow(all, within rows) rows {
	switch {
	case within != nil:
		return roaring.And(all, within)
	case e.deleted != nil:
		return roaring.AndNot(all, e.deleted)
	}
	return all
}

// all is every document that isn't gone.
func (e *eval) all(within rows) (rows, error) {
	if within != nil {
		return within, nil
	}
	if e.live == nil {
		gone, err := list(e.values, []byte{termGone})
		if err != nil {
			return nil, err
		}
		e.live = roaring.New()
		e.live.AddRange(0, e.segment.Count())
		e.live = e.narrow(e.live, nil)
		e.live.AndNot(gone)
	}
	return e.live, nil
}

// orList adds the documents of a term to a set, without making a set of them first.
func orList(d *dict, term []byte, into rows) error {
	p, err := d.postings(term)
	if err != nil {
		return err
	}
	if p, ok := p.(interface{ OrInto(*roaring.Bitmap) }); ok {
		p.OrInto(into)
		return nil
	}
	it := p.Iterator(false, false, false, nil)
	for {
		next, err := it.Next()
		if err != nil || next == nil {
			return err
		}
		into.Add(uint32(next.Number()))
	}
}

// each gives all terms from one on to do, while do says so.
func each(d *dict, from, to []byte, do func(term string) (bool, error)) error {
	terms, err := d.open()
	if err != nil {
		return err
	}
	iterator := terms.AutomatonIterator
	if terms, ok := terms.(interface {
		AutomatonIteratorOmitCount(a segment.Automaton, from, to []byte) segment.DictionaryIterator
	}); ok {
		iterator = terms.AutomatonIteratorOmitCount // the other counts the documents of each
	}
	it := iterator(nil, from, to)
	for {
		next, err := it.Next()
		if err != nil || next == nil {
			return err
		}
		if more, err := do(next.Term); err != nil || !more {
			return err
		}
	}
}

// behind is the first term behind all that begin so; nil: there is none.
func behind(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := slices.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

// expr is what matches an expression.
func (e *eval) expr(x search.Expr, within rows) (rows, error) {
	if err := e.stopped(1); err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case nil:
		return e.all(within)
	case search.And:
		return e.and(x, within)
	case search.Or:
		return e.or(x, within)
	case search.Not:
		all, err := e.all(within)
		if err != nil {
			return nil, err
		}
		not, err := e.expr(x.Expr, all)
		if err != nil {
			return nil, err
		}
		return roaring.AndNot(all, not), nil
	case search.Term:
		all, err := list(e.texts, []byte(x))
		if err != nil {
			return nil, err
		}
		return e.narrow(all, within), nil
	case search.Prefix:
		return e.prefix(string(x), within)
	case search.Phrase:
		return e.phrase(x, within)
	case search.Equal:
		return e.equal(x, within)
	case search.Between:
		return e.between(x, within)
	}
	return roaring.New(), nil
}

// cost orders the parts of an And: what narrows for little comes first.
func cost(x search.Expr) int {
	switch x.(type) {
	case search.Term, search.Equal:
		return 0
	case search.Prefix:
		return 1
	case search.And, search.Or:
		return 2
	case search.Not:
		return 3
	case search.Between:
		return 4
	}
	return 5
}

func (e *eval) and(parts []search.Expr, within rows) (rows, error) {
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b search.Expr) int { return cmp.Compare(cost(a), cost(b)) })
	for _, part := range parts {
		var err error
		if within, err = e.expr(part, within); err != nil || within.IsEmpty() {
			return within, err
		}
	}
	return e.all(within)
}

func (e *eval) or(parts []search.Expr, within rows) (rows, error) {
	any := roaring.New()
	for _, part := range parts {
		found, err := e.expr(part, within)
		if err != nil {
			return nil, err
		}
		any.Or(found)
	}
	return any, nil
}

func (e *eval) prefix(prefix string, within rows) (rows, error) {
	any := roaring.New()
	from := []byte(prefix)
	err := each(e.texts, from, behind(from), func(term string) (bool, error) {
		if err := e.stopped(1); err != nil {
			return false, err
		}
		return true, orList(e.texts, []byte(term), any)
	})
	if err != nil {
		return nil, err
	}
	return e.narrow(any, within), nil
}

// words is the documents that have all words of a phrase, in whatever order; its last one
// is left out where it is a prefix, unless it stands alone.
func (e *eval) words(p search.Phrase, within rows) (rows, error) {
	whole := p.Tokens
	if p.LastIsPrefix {
		whole = p.Tokens[:len(p.Tokens)-1]
		if len(whole) == 0 {
			return e.prefix(p.Tokens[0], within)
		}
	}
	asked := map[string]bool{}
	for _, t := range whole {
		if asked[t] {
			continue
		}
		asked[t] = true
		all, err := list(e.texts, []byte(t))
		if err != nil {
			return nil, err
		}
		if within = e.narrow(all, within); within.IsEmpty() {
			break
		}
	}
	return within, nil
}

func (e *eval) phrase(p search.Phrase, within rows) (rows, error) {
	maybe, err := e.words(p, within)
	if err != nil || len(p.Tokens) == 1 {
		return maybe, err
	}
	found := roaring.New()
	pattern := newPattern(p)
	for it := maybe.Iterator(); it.HasNext(); {
		row := it.Next()
		tokens, _, err := e.read(row)
		if err != nil {
			return nil, err
		}
		if pattern.in(tokens, 1) > 0 {
			found.Add(row)
		}
	}
	return found, nil
}

// read is the tokens of a document, until the next is read, and how far its revision is
// above its Seq.
func (e *eval) read(row uint32) (tokens []string, above uint64, err error) {
	if err := e.stopped(4); err != nil {
		return nil, 0, err
	}
	err = visitStored(e.segment, uint64(row), func(b []byte) (err error) {
		above, e.tokens, err = parseStored(string(b), e.tokens[:0])
		return err
	})
	return e.tokens, above, err
}

func (e *eval) equal(x search.Equal, within rows) (rows, error) {
	var term []byte
	switch x.Field {
	case search.FieldMonth:
		return e.inMonth(x.Value, within)
	case search.FieldRoom:
		number, ok := e.number(x.Value)
		if !ok {
			return roaring.New(), nil
		}
		term = []byte(roomTerm(number))
	default:
		term = append([]byte{termOf[x.Field]}, x.Value...)
	}
	all, err := list(e.values, term)
	if err != nil {
		return nil, err
	}
	return e.narrow(all, within), nil
}

func (e *eval) inMonth(month string, within rows) (rows, error) {
	from, to, ok := monthSpan(month)
	if !ok {
		return roaring.New(), nil
	}
	return e.span(from, to, within)
}

func (e *eval) between(x search.Between, within rows) (rows, error) {
	from, to := spanOf(x)
	return e.span(from, to, within)
}

// perDay is how many documents are looked at by the clock in the time that the list of one
// day takes.
const perDay = 32

// span is what lies within a time. It takes as long as the documents are many, and not as the
// time is.
func (e *eval) span(from, to int64, within rows) (rows, error) {
	switch {
	case from >= to || to <= e.info.oldest || from > e.info.top():
		return roaring.New(), nil
	case from <= e.info.oldest && e.info.top() < to:
		return e.all(within)
	}
	all, err := e.all(within)
	if err != nil {
		return nil, err
	}
	found, rest := e.info.within(from, to)
	found.And(all)
	rest.And(all)
	first, last := dayOf(max(from, e.info.oldest)), dayOf(min(to-1, e.info.top()))
	if int64(rest.GetCardinality()) <= max(256, perDay*(last-first+1)) {
		rest, err = e.timed(from, to, rest)
	} else {
		rest, err = e.listed(from, to, first, last, rest)
	}
	if err != nil {
		return nil, err
	}
	found.Or(rest)
	return found, nil
}

// listed is those of some documents that lie within a time: whole days as they are listed, the
// first and the last by the clock.
func (e *eval) listed(from, to, first, last int64, within rows) (rows, error) {
	var edges []int64
	for _, day := range slices.Compact([]int64{first, last}) {
		if day*dayMillis < from || (day+1)*dayMillis > to {
			edges = append(edges, day)
		}
	}
	found := roaring.New()
	err := each(e.values, []byte(dayTerm(first)), []byte(dayTerm(last+1)), func(term string) (bool, error) {
		if err := e.stopped(1); err != nil {
			return false, err
		}
		if slices.Contains(edges, dayNumber(term[1:])) {
			return true, nil
		}
		return true, orList(e.values, []byte(term), found)
	})
	if err != nil {
		return nil, err
	}
	found.And(within)
	for _, day := range edges {
		all, err := list(e.values, []byte(dayTerm(day)))
		if err != nil {
			return nil, err
		}
		part, err := e.timed(from, to, roaring.And(all, within))
		if err != nil {
			return nil, err
		}
		found.Or(part)
	}
	return found, nil
}

// timed is those of some documents that lie within a time.
func (e *eval) timed(from, to int64, within rows) (rows, error) {
	found := roaring.New()
	for it := within.Iterator(); it.HasNext(); {
		if err := e.stopped(1); err != nil {
			return nil, err
		}
		row := it.Next()
		id, err := e.id(row)
		if err != nil {
			return nil, err
		}
		if at := idAt(id); from <= at && at < to {
			found.Add(row)
		}
	}
	return found, nil
}
