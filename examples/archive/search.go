package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
)

// searcher is somebody who searches. What he finds is numbered from 1, through all
// pages of one query.
type searcher struct {
	results
	u      hub.User
	asked  hub.Query // as each query is asked: without a text
	typing bool      // he may go on: then numbers open hits, and no positions are shown

	query hub.Query // the last one
	count string    // of its matches
	hits  []hub.Hit // of it so far
}

// facets are those that are shown.
var facets = []struct{ name, field string }{
	{"rooms", search.FieldRoom}, {"people", search.FieldAuthor}, {"months", search.FieldMonth},
}

// search shows the first page of what a query finds.
func (s *searcher) search(ctx context.Context, text string) error {
	s.query, s.hits = hub.Query{}, nil
	q := s.asked
	q.Text = text
	return s.page(ctx, q)
}

// more shows the next page.
func (s *searcher) more(ctx context.Context) error {
	if s.query.After == "" {
		return errors.New("there is no more")
	}
	q := s.query
	q.Count, q.Facets = 0, nil // said already
	return s.page(ctx, q)
}

func (s *searcher) page(ctx context.Context, q hub.Query) error {
	start := time.Now()
	found, err := s.u.Search(ctx, q)
	if err != nil {
		return err
	}
	took := time.Since(start)
	people := make([]chat.UserID, len(found.Hits))
	for i := range found.Hits {
		people[i] = found.Hits[i].Sender
	}
	if err := s.a.meet(ctx, people); err != nil {
		return err
	}
	for i := range found.Hits {
		h := &found.Hits[i]
		s.hits = append(s.hits, *h)
		s.hit(len(s.hits), h, !s.typing)
	}
	if len(found.Hits) > 0 {
		fmt.Fprintln(s)
	}
	for i, buckets := range found.Facets {
		if facets[i].field == search.FieldMonth {
			slices.SortFunc(buckets, func(a, b hub.Bucket) int { return strings.Compare(a.Value, b.Value) })
		}
		s.facet(facets[i].name, buckets)
	}
	if q.After == "" {
		s.notes(&found)
		s.count = fmt.Sprint(found.Count)
		if found.Capped {
			s.count = "more than " + s.count
		}
	}
	fmt.Fprintf(s, "%8s  %d of %s in %v", "found", len(s.hits), s.count, took.Round(10*time.Microsecond))
	if s.typing && found.Next != "" {
		fmt.Fprint(s, s.in(faint, "  :more"))
	}
	fmt.Fprintln(s)
	q.After = found.Next
	s.query = q
	return nil
}

// around is how many messages are shown around one that is opened, and itself; most
// is how many lines of the others.
const around, most = 11, 6

// open shows the n-th hit where it was said.
func (s *searcher) open(ctx context.Context, n int) error {
	if n < 1 || n > len(s.hits) {
		return fmt.Errorf("there is no hit %d", n)
	}
	h := &s.hits[n-1]
	page, err := s.u.Room(h.Room.Key).Page(ctx, chat.Around(h.Seq, around))
	if err != nil {
		return err
	}
	fmt.Fprintf(s, "  %s\n", s.in(strong, clean(s.a.titles[h.Room.Key])))
	lines, err := s.a.lines(ctx, page)
	if err != nil {
		return err
	}
	mark(lines, h.Seq, h.Marks)
	for i := range lines {
		if l := &lines[i]; !l.opened {
			l.Text = beginning(l.Text)
		}
	}
	s.lines(lines, page, s.zone)
	return nil
}

// beginning is the first lines of a text.
func beginning(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) <= most {
		return text
	}
	return fmt.Sprintf("%s\n… %d more lines", strings.Join(lines[:most], "\n"), len(lines)-most)
}

func runSearch(ctx context.Context, c *command) error {
	text := c.flags.String("q", "", "the `query`; docs/search.md says what can be asked")
	interactive := c.flags.Bool("i", false, "go on with what is typed: queries, and :help")
	limit := c.flags.Int("n", 10, "how many hits on a page")
	values := c.flags.Int("facets", 5, "how many rooms, people and months are counted; 0: none")
	zone := c.flags.String("zone", "UTC", "the time `zone` of dates, like Asia/Tokyo; Local: of this machine")
	byScore := c.flags.Bool("score", false, "by relevance instead of newest first")
	lenient := c.flags.Bool("lenient", true, "make the best of queries that aren't right")
	w, err := c.reading()
	if err != nil {
		return err
	}
	if *text == "" && !*interactive {
		return errors.New("say what to search for with -q, or type it with -i")
	}
	if err := errors.Join(between("n", *limit, 0, search.MaxLimit), between("facets", *values, 0, search.MaxBucket)); err != nil {
		return err
	}
	zoned, err := time.LoadLocation(*zone)
	if err != nil {
		return err
	}
	a, err := searchable(ctx, w, c.err)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	s := &searcher{results: results{screenOn(c.out), a, zoned}, u: a.reader(), typing: *interactive,
		asked: hub.Query{Lenient: *lenient, Zone: zoned, ByScore: *byScore, Limit: *limit, Count: search.MaxCount}}
	if *values != 0 {
		for _, f := range facets {
			s.asked.Facets = append(s.asked.Facets, search.Facet{Field: f.field, Size: *values})
		}
	}
	if *text != "" {
		if err := patient(ctx, func() error { return s.search(ctx, *text) }); err != nil { // an index that was lost is being filled
			return screenOn(c.err).caret(err)
		}
	}
	if !*interactive {
		return nil
	}
	typed, err := s.typist(ctx, c.in)
	if err != nil {
		return err
	}
	defer typed.Close()
	return s.session(ctx, typed)
}
