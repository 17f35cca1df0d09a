package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
)

// reader is who reads: everybody in the tenant may read its public rooms.
func (a *archive) reader() hub.User {
	return a.hub.As(chat.UserID{Tenant: tenant, Key: "reader"})
}

// find is the room of a title; set tells apart those of several sets.
func (a *archive) find(title, set string) (chat.RoomID, error) {
	var sets []string
	var found chat.RoomID
	for n, id := range a.rooms {
		if n.name == title && (set == "" || n.set == set) {
			sets, found = append(sets, n.set), id
		}
	}
	switch len(sets) {
	case 0:
		return chat.RoomID{}, fmt.Errorf("there is no room %q", title)
	case 1:
		return found, nil
	}
	return chat.RoomID{}, fmt.Errorf("there are rooms %q in the sets %s: choose one with -set", title, strings.Join(sorted(sets), ", "))
}

func runPage(ctx context.Context, c *command) error {
	title := c.flags.String("room", "", "the room, as it is called")
	set := c.flags.String("set", "", "the set, where several have a room of that name")
	around := c.flags.String("around", "", "show what was said around this `date`: 2007-05-01, or RFC 3339; without it the newest")
	limit := c.flags.Int("n", 20, "how many messages")
	all := c.flags.Bool("all", false, "joins, parts, topics and the like, too")
	asJSON := c.flags.Bool("json", false, "a JSON object a line")
	files, err := c.parse()
	if err != nil {
		return err
	}
	if *title == "" {
		return errors.New("name a room with -room")
	}
	w := chat.Latest(*limit)
	if *around != "" {
		t, err := date(*around)
		if err != nil {
			return err
		}
		w = chat.At(t, *limit)
	}
	if *all {
		w = w.All()
	}
	a, err := load(ctx, files, c.err)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	room, err := a.find(*title, *set)
	if err != nil {
		return err
	}
	page, err := a.reader().Room(room.Key).Page(ctx, w)
	if err != nil {
		return err
	}
	lines := a.lines(page)
	if *asJSON {
		enc := json.NewEncoder(c.out)
		for _, l := range lines {
			if err := enc.Encode(l); err != nil {
				return err
			}
		}
		return nil
	}
	c.printLines(lines, page)
	return nil
}

// line is one thing on a page, as it is shown.
type line struct {
	Seq    chat.Seq  `json:"seq"`
	At     time.Time `json:"at"`
	Author string    `json:"author"`
	Kind   string    `json:"kind"`
	Text   string    `json:"text"`
}

func (a *archive) lines(p hub.Page) []line {
	var lines []line
	for i := range p.Messages {
		m := &p.Messages[i]
		kind := "text"
		if m.Text.Action {
			kind = "action"
		}
		lines = append(lines, line{m.Seq, m.At, a.names[m.Sender.Key], kind, m.Text.Body})
	}
	for i := range p.Events {
		e := &p.Events[i]
		l := line{e.Seq, e.At, a.names[e.Sender.Key], string(e.Kind()), ""}
		switch c := e.Content.(type) {
		case *chat.Text:
			l.Text = c.Body
			if c.Action {
				l.Kind = "action"
			}
		case *chat.Notice:
			l.Kind, l.Text = c.What, c.Text
		case *chat.Topic:
			l.Text = c.Text
		}
		lines = append(lines, l)
	}
	return lines
}

func (c *command) printLines(lines []line, p hub.Page) {
	if p.Older {
		fmt.Fprintln(c.out, "  ⋮ older")
	}
	day := ""
	for _, l := range lines {
		if d := l.At.Format("Monday, 2 January 2006"); d != day {
			day = d
			fmt.Fprintf(c.out, "\n  %s\n", d)
		}
		text := strings.ReplaceAll(l.Text, "\n", "\n            ")
		switch l.Kind {
		case "text":
			fmt.Fprintf(c.out, "%8s  <%s> %s\n", l.At.Format("15:04"), l.Author, text)
		case "action":
			fmt.Fprintf(c.out, "%8s  * %s %s\n", l.At.Format("15:04"), l.Author, text)
		default:
			fmt.Fprintf(c.out, "%8s  — %s: %s %s\n", l.At.Format("15:04"), l.Author, l.Kind, text)
		}
	}
	if p.Newer {
		fmt.Fprintln(c.out, "\n  ⋮ newer")
	}
}

// date reads a day or a time; a day is its first moment in UTC.
func date(s string) (time.Time, error) {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a day like 2007-05-01 nor a time like 2007-05-01T12:00:00Z", s)
}
