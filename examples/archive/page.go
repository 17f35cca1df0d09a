package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
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
		if n.name == title && (set == "" || slug(n.set) == slug(set)) {
			sets, found = append(sets, n.set), id
		}
	}
	switch len(sets) {
	case 0:
		return chat.RoomID{}, fmt.Errorf("there is no room %q", title)
	case 1:
		return found, nil
	}
	return chat.RoomID{}, fmt.Errorf("there are rooms %q in the sets %s: choose one with -set", title, strings.Join(slices.Sorted(slices.Values(sets)), ", "))
}

// position reads a position as searches show it: the key of a room, and a Seq.
func position(s string) (chat.Position, error) {
	i := strings.LastIndexByte(s, ':')
	seq, err := strconv.ParseUint(s[i+1:], 10, 63)
	if i < 0 || err != nil {
		return chat.Position{}, fmt.Errorf("%q is no position: searches show them", s)
	}
	return chat.Position{Room: chat.RoomID{Tenant: tenant, Key: s[:i]}, Seq: chat.Seq(seq)}, nil
}

func runPage(ctx context.Context, c *command) error {
	title := c.flags.String("room", "", "the room, as it is called")
	set := c.flags.String("set", "", "the set, where several have a room of that name")
	around := c.flags.String("around", "", "show what was said around this `date`: 2007-05-01, or RFC 3339; without it the newest")
	open := c.flags.String("open", "", "show what was said around this `position`, which a search has shown")
	limit := c.flags.Int("n", 20, "how many messages")
	all := c.flags.Bool("all", false, "joins, parts, topics and the like, too")
	asJSON := c.flags.Bool("json", false, "a JSON object a line")
	w, err := c.reading()
	if err != nil {
		return err
	}
	if err := between("n", *limit, 1, storage.MaxPage); err != nil {
		return err
	}
	span := chat.Latest(*limit)
	var at chat.Position
	switch {
	case (*title == "") == (*open == ""):
		return errors.New("name either a room with -room, or a position with -open")
	case *open != "":
		if at, err = position(*open); err != nil {
			return err
		}
		span = chat.Around(at.Seq, *limit)
	case *around != "":
		t, err := date(*around)
		if err != nil {
			return err
		}
		span = chat.At(t, *limit)
	}
	if *all {
		span = span.All()
	}
	a, err := load(ctx, w, c.err)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	if *open == "" {
		if at.Room, err = a.find(*title, *set); err != nil {
			return err
		}
	}
	page, err := a.reader().Room(at.Room.Key).Page(ctx, span)
	if err != nil {
		return err
	}
	lines, err := a.lines(ctx, page)
	if err != nil {
		return err
	}
	if !*asJSON {
		mark(lines, at.Seq, nil)
		screenOn(c.out).lines(lines, page, time.UTC)
		return nil
	}
	for _, l := range lines {
		b, err := json.Marshal(l)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s\n", escaped(b))
	}
	return nil
}

// line is one thing on a page, as it is shown.
type line struct {
	Seq    chat.Seq  `json:"seq"`
	At     time.Time `json:"at"`
	Author string    `json:"author"`
	Kind   string    `json:"kind"`
	Text   string    `json:"text"`

	opened bool           // it is what was asked for
	marks  []search.Range // of the text
}

// mark says which line was asked for, and which parts of its text.
func mark(lines []line, at chat.Seq, marks []search.Range) {
	if i := slices.IndexFunc(lines, func(l line) bool { return l.Seq == at }); i >= 0 {
		lines[i].opened, lines[i].marks = true, marks
	}
}

// lines are those of a page.
func (a *archive) lines(ctx context.Context, p hub.Page) ([]line, error) {
	var people []chat.UserID
	for i := range p.Messages {
		people = append(people, p.Messages[i].Sender)
	}
	for i := range p.Events {
		people = append(people, p.Events[i].Sender)
	}
	if err := a.meet(ctx, people); err != nil {
		return nil, err
	}
	var lines []line
	for i := range p.Messages {
		m := &p.Messages[i]
		kind := "text"
		if m.Text.Action {
			kind = "action"
		}
		lines = append(lines, line{Seq: m.Seq, At: m.At, Author: a.names[m.Sender.Key], Kind: kind, Text: m.Text.Body})
	}
	for i := range p.Events {
		e := &p.Events[i]
		l := line{Seq: e.Seq, At: e.At, Author: a.names[e.Sender.Key], Kind: string(e.Kind())}
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
	return lines, nil
}

// lines shows lines of a room.
func (s screen) lines(lines []line, p hub.Page, zone *time.Location) {
	if p.Older {
		fmt.Fprintln(s, "  ⋮ older")
	}
	day := ""
	for _, l := range lines {
		at := l.At.In(zone)
		if d := at.Format("Monday, 2 January 2006"); d != day {
			day = d
			fmt.Fprintf(s, "\n  %s\n", d)
		}
		arrow := " "
		if l.opened {
			arrow = "▶"
		}
		who, text := s.in(strong, clean(l.Author)), s.marked(l.Text, l.marks, cleanLines)
		switch l.Kind {
		case "text":
			who = "<" + who + ">"
		case "action":
			who = "* " + who
		default:
			who = "— " + who + ": " + clean(l.Kind)
		}
		fmt.Fprintln(s, s.wrapped(fmt.Sprintf("%s%7s  %s %s", arrow, at.Format("15:04"), who, text)))
	}
	if p.Newer {
		fmt.Fprintln(s, "\n  ⋮ newer")
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
