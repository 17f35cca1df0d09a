package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search/query"
)

// directory offers the names that a reader may know of.
type directory struct{ hub.User }

// SuggestPeople implements query.Suggester.
func (d directory) SuggestPeople(ctx context.Context, beginning string, limit int) ([]string, error) {
	people, err := d.People(ctx, beginning, chat.MaxBatch)
	var names []string
	for _, p := range people {
		names = append(names, p.Name)
	}
	return each(names, limit), err
}

// SuggestRooms implements query.Suggester.
func (d directory) SuggestRooms(ctx context.Context, beginning string, limit int) ([]string, error) {
	rooms, err := d.RoomsNamed(ctx, beginning, chat.MaxBatch)
	var titles []string
	for _, r := range rooms {
		titles = append(titles, r.Title)
	}
	return each(titles, limit), err
}

// each is the names that can be shown and typed, each of them once.
func each(names []string, limit int) []string {
	seen := map[string]bool{"": true}
	var all []string
	for _, n := range names {
		if !seen[n] && n == clean(n) && len(all) < limit {
			seen[n], all = true, append(all, n)
		}
	}
	return all
}

// completer completes what is typed in a session.
type completer struct {
	screen
	query.Completer
}

// completer offers the names that the searcher may know of, and the months up to that
// of the newest message.
func (s *searcher) completer(ctx context.Context) (completer, error) {
	newest, err := s.u.Search(ctx, hub.Query{Limit: 1})
	c := completer{s.screen, query.Completer{Names: directory{s.u}, Zone: s.zone}}
	if len(newest.Hits) > 0 {
		c.Now = newest.Hits[0].At
	}
	return c, err
}

// complete completes a line whose cursor is behind so many characters. Where several
// things may stand there it shows them, and completes what they have in common.
func (c completer) complete(ctx context.Context, line string, characters int) (head string, whole []string, tail string) {
	cursor := len(string([]rune(line)[:characters]))
	all := c.at(ctx, line, cursor)
	if len(all) == 0 {
		return "", nil, ""
	}
	head, tail = line[:all[0].Start], line[all[0].End:]
	if len(all) > 1 {
		c.offer(all)
		typed, common := line[all[0].Start:all[0].End], common(all)
		if len(common) < len(typed) {
			common = typed
		}
		return head, []string{common}, tail
	}
	text := all[0].Text
	if tail == "" && !strings.HasSuffix(text, ":") {
		text += " "
	}
	return head, []string{text}, tail
}

// at lists what may stand at a cursor.
func (c completer) at(ctx context.Context, line string, cursor int) []query.Completion {
	if !strings.HasPrefix(line, ":") {
		all, err := c.Complete(ctx, line, cursor)
		if err != nil {
			return nil // a list that can't be had
		}
		return all
	}
	var all []query.Completion
	for _, verb := range verbs {
		if strings.HasPrefix(verb.name, line[:cursor]) {
			all = append(all, query.Completion{Span: query.Span{End: cursor}, Text: verb.name, Label: verb.says})
		}
	}
	return all
}

// offer shows completions below the line that is typed: one a line where they are
// explained, else side by side.
func (c completer) offer(all []query.Completion) {
	widest, explained := 0, false
	for _, o := range all {
		widest, explained = max(widest, width(o.Text)), explained || o.Label != ""
	}
	widest = min(widest, c.columns()-2)
	beside := 1
	if !explained {
		beside = max(1, c.columns()/(widest+2))
	}
	for row := range slices.Chunk(all, beside) {
		var line strings.Builder
		for _, o := range row {
			line.WriteString("  " + fit(clean(o.Text), widest))
			if o.Label != "" {
				line.WriteString("  " + c.in(faint, clean(o.Label)))
			}
		}
		fmt.Fprint(c, "\n"+strings.TrimRight(line.String(), " "))
	}
	if len(all) == query.MaxCompletions {
		fmt.Fprint(c, "\n  …")
	}
	fmt.Fprintln(c)
}

// common is what all completions begin with.
func common(all []query.Completion) string {
	common := all[0].Text
	for _, o := range all[1:] {
		for !strings.HasPrefix(o.Text, common) {
			_, size := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-size]
		}
	}
	return common
}
