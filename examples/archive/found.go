package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/search/query"
)

// results shows what was found.
type results struct {
	screen
	a    *archive
	zone *time.Location
}

// hit shows a message that was found: when, where and by whom, and what of it was
// asked for. The position opens it.
func (r results) hit(n int, h *hub.Hit, position bool) {
	room, author := clean(r.a.titles[h.Room.Key]), clean(r.a.names[h.Sender.Key])
	if h.Text.Action {
		author = "* " + author
	}
	fmt.Fprintf(r, "%4d  %s  %s  %s", n, h.At.In(r.zone).Format("2006-01-02 15:04"), room, r.in(strong, author))
	if position {
		fmt.Fprint(r, "  ", r.in(faint, fmt.Sprintf("%s:%d", h.Room.Key, h.Seq)))
	}
	fmt.Fprintf(r, "\n      %s\n", r.snippet(h))
}

// snippet is one line of a message, around what was asked for.
func (r results) snippet(h *hub.Hit) string {
	room := r.columns() - 6
	for clusters := room; ; {
		s := search.Snip(h.Text.Body, h.Marks, clusters)
		line := r.marked(s.Text, s.Marks, clean)
		if s.Before {
			line = "…" + line
		}
		if s.After {
			line += "…"
		}
		over := width(line) - room
		if over <= 0 || clusters == 1 {
			return line
		}
		clusters = max(1, clusters-(over+1)/2) // none takes more than two columns
	}
}

// facet shows how the matches spread, as bars.
func (r results) facet(name string, buckets []hub.Bucket) {
	most, digits := 0, 0
	for _, b := range buckets {
		most = max(most, b.Count)
	}
	digits = len(strconv.Itoa(most))
	title := min(24, r.columns()/3)
	long := min(20, r.columns()-title-digits-14)
	for _, b := range buckets {
		fmt.Fprintf(r, "%8s  %s  %*d  %s\n", name, fit(clean(b.Title), title), digits, b.Count, r.in(bars, bar(b.Count, most, long)))
		name = ""
	}
}

// bar is a line as long, compared with long columns, as n is compared with most.
func bar(n, most, long int) string {
	const eighths = "▏▎▍▌▋▊▉█"
	size := max(1, n*long*8/most)
	line := strings.Repeat("█", size/8)
	if rest := size % 8; rest > 0 {
		line += string([]rune(eighths)[rest-1])
	}
	return line
}

// notes shows what a query was read as, and what the asker should know of that.
func (r results) notes(f *hub.Found) {
	fmt.Fprintf(r, "%8s  %s\n", "read as", clean(f.Read))
	for _, n := range f.Notes {
		fmt.Fprintf(r, "%8s  %s\n", "note", clean(n.Text))
	}
}

// caret shows the place of a mistake in a query, and returns what is wrong there; any
// other error as it is.
func (s screen) caret(err error) error {
	var wrong *query.Error
	if !errors.As(err, &wrong) {
		return err
	}
	fmt.Fprintln(s, wrong.Caret())
	return wrong
}
