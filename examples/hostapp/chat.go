package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/search"
)

func (c *chats) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /live", c.answering(c.live))
	mux.HandleFunc("GET /projects/{project}/messages", c.answering(c.read))
	mux.HandleFunc("POST /projects/{project}/messages", c.answering(c.send))
}

// live tells what happens in somebody's projects, by server-sent events. The id of each is where
// he is then: a browser that comes back says it, and goes on there. To one that doesn't, or that
// was away for too long, the first event is "begin": it has to read what was said before.
func (c *chats) live(w http.ResponseWriter, r *http.Request) error {
	me, err := c.me(r)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(r.Context(), shift)
	defer stop()
	device := hub.Device{Name: "browser", Resume: hub.Resume(r.Header.Get("Last-Event-ID"))}
	s, err := me.Connect(ctx, device)
	if errors.Is(err, chat.ErrExpired) || errors.Is(err, chat.ErrInvalid) {
		device.Resume = ""
		s, err = me.Connect(ctx, device)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	out := newStream(w)
	if device.Resume == "" {
		err = out.event("begin", s.Resume(), nil)
	}
	for buf := make([]*hub.Delivery, 1); err == nil; {
		wait, quiet := context.WithTimeout(ctx, beat)
		_, err = s.Next(wait, buf)
		quiet()
		switch {
		case err == nil && buf[0].Event != nil:
			err = out.event("", s.Resume(), buf[0].Bytes(c.form))
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			err = out.beat()
		}
	}
	return nil // it is gone, cut off, or its time is over: it comes back
}

// read answers with what was said in a project: the newest, what was said before a Seq, or
// what a search finds.
func (c *chats) read(w http.ResponseWriter, r *http.Request) error {
	me, err := c.me(r)
	if err != nil {
		return err
	}
	project := r.PathValue("project")
	if q := r.FormValue("q"); q != "" {
		found, err := me.Search(r.Context(), hub.Query{Text: q, Lenient: true, Limit: perPage,
			Where: search.Equal{Field: search.FieldRoom, Value: project}})
		return c.answer(w, c.messages(found.Messages(), found.Next != ""), err)
	}
	where, err := pageBefore(r.FormValue("before"))
	if err != nil {
		return err
	}
	page, err := me.Room(project).Page(r.Context(), where)
	return c.answer(w, c.messages(page.Messages, page.Older), err)
}

// send says something in a project: the body of the request. A browser that got no answer sends
// it again under the same Idempotency-Key, and it is said once.
func (c *chats) send(w http.ResponseWriter, r *http.Request) error {
	me, err := c.me(r)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	room, once := me.Room(r.PathValue("project")), hub.Once(r.Header.Get("Idempotency-Key"))
	receipt, err := room.Send(r.Context(), chat.Text{Body: body}, once)
	return c.answer(w, receipt, err)
}
