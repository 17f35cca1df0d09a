package chat

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// valid is an event that may be placed.
func valid(c Content) Event {
	e := Event{ID: EventID{1}, Room: RoomID{"acme", "kitchen"}, Sender: UserID{"acme", "ann"}, Content: c}
	if e.Changes() {
		e.Target = EventID{2}
	}
	return e
}

func repeat[T any](n int, make func(i int) T) []T {
	all := []T{}
	for i := range n {
		all = append(all, make(i))
	}
	return all
}

func attached(a Attachment) Event { return valid(&Text{Attachments: []Attachment{a}}) }

// sized makes an event whose field has n units.
var sized = []struct {
	field string
	most  int
	make  func(n int) Event
}{
	{"content.body", MaxBody, func(n int) Event { return valid(&Text{Body: strings.Repeat("x", n)}) }},
	{"content.new.body", MaxBody, func(n int) Event { return valid(&Edit{New: Text{Body: strings.Repeat("x", n)}}) }},
	{"content.mentions", MaxMentions, func(n int) Event {
		return valid(&Text{Mentions: repeat(n, func(i int) UserID { return UserID{"acme", fmt.Sprint(i)} })})
	}},
	{"content.attachments", MaxAttachments, func(n int) Event { return valid(&Text{Attachments: make([]Attachment, n)}) }},
	{"content.attachments[0].name", MaxName, func(n int) Event { return attached(Attachment{Name: strings.Repeat("x", n)}) }},
	{"content.attachments[0].type", MaxType, func(n int) Event { return attached(Attachment{Type: strings.Repeat("x", n)}) }},
	{"content.attachments[0].ref", MaxRef, func(n int) Event { return attached(Attachment{Ref: strings.Repeat("x", n)}) }},
	{"content.emoji", MaxEmoji, func(n int) Event {
		return valid(&React{Emoji: repeat(n, func(i int) string { return fmt.Sprintf(":%d:", i) })})
	}},
	{"content.emoji[0]", MaxEmojiBytes, func(n int) Event { return valid(&React{Emoji: []string{":" + strings.Repeat("x", n-2) + ":"}}) }},
	{"content.reason", MaxReason, func(n int) Event { return valid(&Retract{Reason: strings.Repeat("x", n)}) }},
	{"content.text", MaxTopic, func(n int) Event { return valid(&Topic{Text: strings.Repeat("x", n)}) }},
	{"content.reason", MaxReason, func(n int) Event {
		return valid(&Member{User: UserID{"acme", "bob"}, Reason: strings.Repeat("x", n)})
	}},
	{"content.what", MaxReason, func(n int) Event { return valid(&Notice{What: strings.Repeat("x", n)}) }},
	{"content.text", MaxNotice, func(n int) Event { return valid(&Notice{What: "system", Text: strings.Repeat("x", n)}) }},
	{"content.why", MaxReason, func(n int) Event {
		return valid(&Reference{To: Position{RoomID{"acme", "kitchen"}, 1}, Why: strings.Repeat("x", n)})
	}},
	{"content.why", MaxReason, func(n int) Event { return valid(&Erase{Why: strings.Repeat("x", n)}) }},
	{"content.why", MaxReason, func(n int) Event { return valid(&Tombstone{Why: strings.Repeat("x", n)}) }},
	{"content.name", MaxName, func(n int) Event { return valid(&Unknown{Name: Kind(strings.Repeat("x", n))}) }},
	{"content.raw", MaxBody, func(n int) Event { return valid(&Unknown{Name: "poll", Raw: make([]byte, n)}) }},
	{"extensions", MaxExtensions, func(n int) Event {
		e := valid(&Text{})
		e.Extensions = make([]Extension, n)
		return e
	}},
	{"extensions", MaxExtension, func(n int) Event {
		e := valid(&Text{})
		e.Extensions = []Extension{{Name: "x", Raw: make([]byte, n-1)}}
		return e
	}},
	{"extensions[0].name", MaxName, func(n int) Event {
		e := valid(&Text{})
		e.Extensions = []Extension{{Name: strings.Repeat("x", n)}}
		return e
	}},
	{"clientID", MaxClientID, func(n int) Event {
		e := valid(&Text{})
		e.ClientID = strings.Repeat("x", n)
		return e
	}},
	{"origin.source", MaxSource, func(n int) Event {
		e := valid(&Text{})
		e.Origin = &Origin{Source: strings.Repeat("x", n), At: time.UnixMilli(1)}
		return e
	}},
	{"origin.id", MaxSource, func(n int) Event {
		e := valid(&Text{})
		e.Origin = &Origin{ID: strings.Repeat("x", n), At: time.UnixMilli(1)}
		return e
	}},
	{"tenant", MaxTenant, func(n int) Event {
		e := valid(&Text{})
		e.Room.Tenant = strings.Repeat("x", n)
		e.Sender.Tenant = e.Room.Tenant
		return e
	}},
	{"room", MaxKey, func(n int) Event {
		e := valid(&Text{})
		e.Room.Key = strings.Repeat("x", n)
		return e
	}},
}

func TestCheckAtEveryLimit(t *testing.T) {
	for _, c := range sized {
		for _, n := range []int{c.most - 1, c.most} {
			e := c.make(n)
			if err := e.Check("send"); err != nil {
				t.Errorf("%s of %d: %v", c.field, n, err)
			}
		}
		e := c.make(c.most + 1)
		err := e.Check("send")
		var got *Error
		if !errors.As(err, &got) || got.Kind != ErrTooLarge || !strings.HasSuffix(got.Field, c.field) || got.Limit != int64(c.most) || got.Op != "send" {
			t.Errorf("%s of %d: %v", c.field, c.most+1, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	with := func(c Content, change func(*Event)) Event {
		e := valid(c)
		change(&e)
		return e
	}
	for _, c := range []struct {
		name, field string
		e           Event
	}{
		{"no id", "id", with(&Text{}, func(e *Event) { e.ID = EventID{} })},
		{"no room", "tenant", with(&Text{}, func(e *Event) { e.Room = RoomID{} })},
		{"a key with a NUL", "room", with(&Text{}, func(e *Event) { e.Room.Key = "a\x00b" })},
		{"a sender with a NUL", "user", with(&Text{}, func(e *Event) { e.Sender.Key = "a\x00b" })},
		{"a sender of another tenant", "sender.tenant", with(&Text{}, func(e *Event) { e.Sender.Tenant = "other" })},
		{"a text of nobody", "sender", with(&Text{}, func(e *Event) { e.Sender = UserID{} })},
		{"a client id with a newline", "clientID", with(&Text{}, func(e *Event) { e.ClientID = "a\nb" })},
		{"an edit of nothing", "target", with(&Edit{}, func(e *Event) { e.Target = EventID{} })},
		{"a text with a target", "target", with(&Text{}, func(e *Event) { e.Target = EventID{2} })},
		{"an origin without a time", "origin.at", with(&Text{}, func(e *Event) { e.Origin = &Origin{} })},
		{"an origin in nanoseconds", "origin.at", with(&Text{}, func(e *Event) { e.Origin = &Origin{At: time.Unix(1, 1)} })},
		{"no content", "content", valid(nil)},
		{"a nil text", "content", Event{ID: EventID{1}, Room: RoomID{"acme", "k"}, Sender: UserID{"acme", "ann"}, Content: (*Text)(nil)}},
		{"a broken rune", "content.body", valid(&Text{Body: "a\xff"})},
		{"half a surrogate", "content.body", valid(&Text{Body: "a\xed\xa0\x80"})},
		{"a NUL", "content.body", valid(&Text{Body: "a\x00"})},
		{"an escape", "content.body", valid(&Text{Body: "a\x1b"})},
		{"U+FFFE", "content.body", valid(&Text{Body: "a\ufffe"})},
		{"a format nobody knows", "content.format", valid(&Text{Format: "html"})},
		{"a mention of nobody", "tenant", valid(&Text{Mentions: []UserID{{}}})},
		{"a file smaller than nothing", "content.attachments[0].size", attached(Attachment{Size: -1})},
		{"two emoji in one", "content.emoji[0]", valid(&React{Emoji: []string{"👍👍"}})},
		{"no emoji", "content.emoji[0]", valid(&React{Emoji: []string{""}})},
		{"a name of nothing", "content.emoji[0]", valid(&React{Emoji: []string{"::"}})},
		{"an emoji twice", "content.emoji[1]", valid(&React{Emoji: []string{"👍", "👍"}})},
		{"a role nobody has", "content.role", valid(&Member{User: UserID{"acme", "bob"}, Role: RoleOwner + 1})},
		{"a member without a name", "tenant", valid(&Member{})},
		{"a reference to nothing", "content.to.seq", valid(&Reference{To: Position{Room: RoomID{"acme", "k"}}})},
		{"a void of nothing", "content.to", valid(&Void{})},
		{"unknown without a name", "content.name", valid(&Unknown{})},
	} {
		err := c.e.Check("send")
		var got *Error
		if !errors.As(err, &got) || got.Kind != ErrInvalid || !strings.HasSuffix(got.Field, c.field) {
			t.Errorf("%s: %v, want field %s", c.name, err, c.field)
		}
	}
}

func TestCheckTakes(t *testing.T) {
	for name, e := range map[string]Event{
		"every character XML has": valid(&Text{Body: "tab\tline\nreturn\r \u0085 \ud7ff\ue000\ufffd\U0010ffff"}),
		"nothing at all":          valid(&Text{}),
		"a family":                valid(&React{Emoji: []string{"👩‍👩‍👧‍👦", "🇯🇵", ":party:"}}),
		"a notice of the server":  {ID: EventID{1}, Room: RoomID{"acme", "k"}, Content: &Notice{What: "join"}},
		"a void":                  {ID: EventID{1}, Room: RoomID{"acme", "k"}, Content: &Void{To: 3}},
	} {
		if err := e.Check("send"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckTextHasAHostsLimit(t *testing.T) {
	text := &Text{Body: strings.Repeat("x", 101)}
	var got *Error
	if err := CheckText("send", text, 100); !errors.As(err, &got) || got.Limit != 100 {
		t.Error(err)
	}
	if err := CheckText("send", text, 101); err != nil {
		t.Error(err)
	}
	if err := CheckText("send", &Text{Body: strings.Repeat("x", MaxBody+1)}, MaxBody+1); !errors.As(err, &got) || got.Limit != MaxBody {
		t.Error(err)
	}
}

// A body is taken exactly when encoding/xml can write it and read it back.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"hello", "a\x00", "\r\n", "\ufffd", "\xff", "\ufffe", "\u0085", "]]>&lt;", "\U0010ffff", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > MaxBody {
			return
		}
		e := valid(&Text{Body: s})
		err := e.Check("send")
		if carried := carries(t, s); (err == nil) != carried {
			t.Fatalf("%q: %v, but XML carries it: %v", s, err, carried)
		}
	})
}

func carries(t *testing.T, s string) bool {
	if !utf8.ValidString(s) { // encoding/xml writes U+FFFD for it
		return false
	}
	var b bytes.Buffer
	b.WriteString("<b>")
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		t.Fatal(err)
	}
	b.WriteString("</b>")
	d := xml.NewDecoder(&b)
	var got strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return got.String() == s
		}
		if err != nil {
			return false
		}
		if chars, ok := token.(xml.CharData); ok {
			got.Write(chars)
		}
	}
}
