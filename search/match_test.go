package search_test

import (
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

func TestMatch(t *testing.T) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	d := search.Document{
		Position: chat.Position{Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: 1}, Revision: 1, At: at,
		Tokens: []string{"one", "two", "one", "three"},
		Fields: map[string][]string{"has": {"link", "code"}},
	}
	phrase := func(open bool, tokens ...string) search.Expr {
		return search.Phrase{Tokens: tokens, LastIsPrefix: open}
	}
	yes, no := search.And{}, search.Or{}
	for _, c := range []struct {
		name string
		e    search.Expr
		want bool
	}{
		{"nil", nil, true},
		{"empty And", yes, true},
		{"empty Or", no, false},
		{"And", search.And{yes, no}, false},
		{"And of all", search.And{yes, yes}, true},
		{"Or", search.Or{no, yes}, true},
		{"Not", search.Not{Expr: no}, true},
		{"Not of what holds", search.Not{Expr: yes}, false},
		{"Term", search.Term("two"), true},
		{"Term is no prefix", search.Term("tw"), false},
		{"Prefix", search.Prefix("thr"), true},
		{"Prefix is the beginning", search.Prefix("hree"), false},
		{"Prefix of a whole token", search.Prefix("three"), true},
		{"Phrase", phrase(false, "one", "three"), true},
		{"Phrase of one", phrase(false, "three"), true},
		{"Phrase in another order", phrase(false, "two", "three"), false},
		{"Phrase beyond the end", phrase(false, "three", "four"), false},
		{"Phrase with a prefix", phrase(true, "two", "on"), true},
		{"Phrase whose first is no prefix", phrase(true, "tw", "on"), false},
		{"Phrase without a prefix", phrase(false, "two", "on"), false},
		{"Equal", search.Equal{Field: "has", Value: "code"}, true},
		{"Equal by letter", search.Equal{Field: "has", Value: "Code"}, false},
		{"Equal of another field", search.Equal{Field: "kind", Value: "code"}, false},
		{"Equal room", search.Equal{Field: "room", Value: "r"}, true},
		{"Equal month", search.Equal{Field: "month", Value: "2026-11"}, true},
		{"From holds itself", search.Between{From: at}, true},
		{"To doesn't", search.Between{To: at}, false},
		{"To just above", search.Between{From: at, To: at.Add(time.Millisecond)}, true},
		{"From just above", search.Between{From: at.Add(time.Millisecond)}, false},
		{"no bounds", search.Between{}, true},
	} {
		if got := search.Match(c.e, &d); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	gone := search.Document{Position: d.Position, Revision: 2, At: at, Gone: true}
	for _, e := range []search.Expr{nil, yes, search.Not{Expr: search.Term("one")}, search.Equal{Field: "room", Value: "r"}} {
		if search.Match(e, &gone) {
			t.Errorf("%#v matches what is gone", e)
		}
	}
}

func TestFromMessage(t *testing.T) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	m := chat.Message{
		Room: chat.RoomID{Tenant: "t", Key: "r"}, Seq: 4, Revision: 7, At: at,
		Sender: chat.UserID{Tenant: "t", Key: "ann"},
		Text: chat.Text{
			Body: "See HTTPS://x.org and `go vet`", Action: true, Thread: chat.EventID{1},
			Mentions:    []chat.UserID{{Tenant: "t", Key: "bob"}},
			Attachments: []chat.Attachment{{Name: "plan.pdf"}},
		},
	}
	d := search.Analysis{}.Document(&m)
	for field, want := range map[string]string{
		"room": "r", "month": "2026-11", "author": "ann", "kind": "action",
		"mention": "bob", "thread": chat.EventID{1}.String(),
	} {
		if !search.Match(search.Equal{Field: field, Value: want}, &d) {
			t.Errorf("%s is %q, want %q", field, d.Values(field), want)
		}
	}
	for _, has := range []string{"link", "file", "code"} {
		if !search.Match(search.Equal{Field: "has", Value: has}, &d) {
			t.Errorf("has %q, want %s too", d.Values("has"), has)
		}
	}
	if d.Position != m.Position() || d.Revision != 7 || !d.At.Equal(at) {
		t.Errorf("stands at %v, revision %d, %v", d.Position, d.Revision, d.At)
	}
	if !search.Match(search.Words("vet"), &d) || search.Match(search.Words("plan"), &d) {
		t.Errorf("tokens are %q, want those of the body", d.Tokens)
	}

	m.Text, m.Gone = chat.Text{Body: "still here by mistake"}, &chat.Gone{}
	if d := (search.Analysis{}).Document(&m); !d.Gone || d.Tokens != nil || d.Fields != nil || d.At.IsZero() {
		t.Errorf("what is gone left %+v", d)
	}
}

func TestHas(t *testing.T) {
	for body, want := range map[string]string{
		"plain words":            "",
		"http://x.org":           "link",
		"(Https://x.org)":        "link",
		"ftp://x then http://y":  "link",
		"httpsx://y":             "",
		"http:/x":                "",
		"shttp://y":              "",
		"2http://y":              "",
		"見てhttp://x":             "link",
		"<http://[::1]/>":        "link",
		"https://例え.jp":          "link",
		"http://":                "",
		"http:// x":              "",
		"http://, then https://": "",
		"http://, https://x":     "link",
		"github.com/a/b":         "",
		"try `ls` now":           "code",
		"``":                     "",
		"```":                    "",
		"```\n```":               "",
		"see ```go":              "code",
		"```` ` ```":             "",
		"` `":                    "",
		"one ` only":             "",
		"two ` on\ntwo ` lines":  "",
		"```\nx := 1\n```":       "code",
		"`` then `x`":            "code",
	} {
		m := chat.Message{Seq: 1, Revision: 1, Text: chat.Text{Body: body}}
		d := search.Analysis{}.Document(&m)
		got := ""
		if v := d.Values(search.FieldHas); len(v) > 0 {
			got = v[0]
		}
		if got != want {
			t.Errorf("%q has %q, want %q", body, got, want)
		}
	}
}
