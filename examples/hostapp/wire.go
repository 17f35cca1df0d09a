package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
)

const (
	beat     = 20 * time.Second // between signs of life of a live stream
	patience = 30 * time.Second // what a browser may take to read, or to send
	shift    = 15 * time.Minute // of a live stream: then the browser comes back, if it is still logged in
	perPage  = 50               // messages
)

// chats is Parlor in the product.
type chats struct {
	product *product
	hub     *hub.Hub
	form    *hub.Form
	log     *slog.Logger
}

func newChats(p *product, h *hub.Hub, logger *slog.Logger) *chats {
	c := &chats{product: p, hub: h, log: logger}
	// Written once, however many browsers hear it.
	c.form = &hub.Form{Append: func(dst []byte, d *hub.Delivery) []byte {
		b, err := json.Marshal(c.event(d.Event))
		if err != nil {
			panic(err) // an entry has strings, numbers and times
		}
		return append(dst, b...)
	}}
	return c
}

// me is who makes a request.
func (c *chats) me(r *http.Request) (hub.User, error) {
	who, err := c.product.Request(r)
	return c.hub.As(who.User), err
}

// recheck has the live streams follow from who works on what now: the product says that this
// has changed for somebody.
func (c *chats) recheck(ctx context.Context, key string) error {
	return c.hub.Admin().Recheck(ctx, user(key))
}

// entry is an event, or a message, as the page gets it.
type entry struct {
	Room   string       `json:"room"`
	Seq    chat.Seq     `json:"seq"`
	ID     chat.EventID `json:"id"`
	Kind   chat.Kind    `json:"kind"` // "text", "edit", …; "tombstone": it is gone
	Target chat.EventID `json:"target,omitzero"`
	At     time.Time    `json:"at"`
	From   string       `json:"from"`
	Text   string       `json:"text"`
	Edited bool         `json:"edited,omitzero"`
}

func (c *chats) event(e *chat.Event) entry {
	x := entry{Room: e.Room.Key, Seq: e.Seq, ID: e.ID, Kind: e.Kind(), Target: e.Target, At: e.At, From: c.product.name(e.Sender.Key)}
	switch said := e.Content.(type) {
	case *chat.Text:
		x.Text = said.Body
	case *chat.Edit:
		x.Text = said.New.Body
	}
	return x
}

// page is what a read is answered with.
type page struct {
	Messages []entry `json:"messages"`
	More     bool    `json:"more"`
}

func (c *chats) messages(all []chat.Message, more bool) page {
	p := page{Messages: make([]entry, len(all)), More: more}
	for i, m := range all {
		p.Messages[i] = entry{Room: m.Room.Key, Seq: m.Seq, ID: m.ID, Kind: chat.KindText, At: m.At, From: c.product.name(m.Sender.Key),
			Text: m.Text.Body, Edited: !m.Edited.IsZero()}
		if m.Gone != nil {
			p.Messages[i].Kind = chat.KindTombstone
		}
	}
	return p
}

// pageBefore is the page before a Seq; without one, the newest.
func pageBefore(seq string) (chat.Range, error) {
	if seq == "" {
		return chat.Latest(perPage), nil
	}
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil {
		return chat.Range{}, &chat.Error{Kind: chat.ErrInvalid, Op: "page", Field: "before"}
	}
	return chat.Before(chat.Seq(n), perPage), nil
}

// readBody reads what is to be said: at most one byte more than may be, which the hub refuses.
func readBody(w http.ResponseWriter, r *http.Request) (string, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience)) // not every server can
	b, err := io.ReadAll(io.LimitReader(r.Body, chat.MaxBody+1))
	if err != nil {
		return "", &chat.Error{Kind: chat.ErrInvalid, Op: "send", Field: "body"}
	}
	return string(b), nil
}

// stream is a live stream on its way out.
type stream struct {
	w    http.ResponseWriter
	line *http.ResponseController
}

func newStream(w http.ResponseWriter) stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	return stream{w, http.NewResponseController(w)}
}

// event tells of one thing, which is one line.
func (s stream) event(name string, id hub.Resume, data []byte) error {
	if name != "" {
		name = "event: " + name + "\n"
	}
	return s.write(fmt.Sprintf("id: %s\n%sdata: %s\n\n", id, name, data))
}

// beat is a sign of life: a comment.
func (s stream) beat() error { return s.write(":\n\n") }

func (s stream) write(text string) error {
	_ = s.line.SetWriteDeadline(time.Now().Add(patience)) // not every server can
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.line.Flush()
}

// answer writes an answer, if there is no error.
func (c *chats) answer(w http.ResponseWriter, what any, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(what) // else who asked is gone
	return nil
}

// answering makes a handler of a function that may fail. A stranger learns what he did wrong,
// and nothing of what is wrong here.
func (c *chats) answering(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil || r.Context().Err() != nil {
			return // done, or who asked is gone
		}
		var e *chat.Error
		if errors.As(err, &e) && e.Retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.Retry.Seconds()))))
		}
		status := statusOf(err)
		if status < http.StatusInternalServerError {
			http.Error(w, err.Error(), status)
			return
		}
		c.log.Warn("a request failed", "route", r.Pattern, "error", err)
		http.Error(w, http.StatusText(status), status)
	}
}

// statusOf is the status of an error (RFC 9110, section 15; RFC 6585, section 4).
func statusOf(err error) int {
	for _, k := range []struct {
		kind   error
		status int
	}{
		{chat.ErrUnauthenticated, http.StatusUnauthorized},
		{chat.ErrForbidden, http.StatusForbidden},
		{chat.ErrNotFound, http.StatusNotFound},
		{chat.ErrConflict, http.StatusConflict},
		{chat.ErrExpired, http.StatusGone},
		{chat.ErrTooLarge, http.StatusRequestEntityTooLarge},
		{chat.ErrInvalid, http.StatusBadRequest},
		{chat.ErrRateLimited, http.StatusTooManyRequests},
		{chat.ErrUnavailable, http.StatusServiceUnavailable},
		{chat.ErrIncomplete, http.StatusServiceUnavailable},
		{chat.ErrClosed, http.StatusServiceUnavailable},
	} {
		if errors.Is(err, k.kind) {
			return k.status
		}
	}
	return http.StatusInternalServerError
}
