package chat

import (
	"fmt"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Check says whether an event may be placed: its keys, sender, target, content and
// extensions are within the rules and limits. The error names the field and the
// limit. Seq, TextSeq and At are not looked at.
func (e *Event) Check(op string) error {
	c := checker{op: op}
	c.invalid("id", e.ID.IsZero())
	c.keep(e.Room.Check(op))
	c.sender(e)
	c.words("clientID", e.ClientID, MaxClientID)
	c.target(e)
	if o := e.Origin; o != nil {
		c.words("origin.source", o.Source, MaxSource)
		c.words("origin.id", o.ID, MaxSource)
		c.invalid("origin.at", o.At.IsZero() || !o.At.Equal(Time(o.At)))
	}
	c.extensions(e.Extensions)
	c.content(e.Content)
	return c.err
}

// CheckText says whether a text may be sent, with a limit for its body that is at
// most [MaxBody].
func CheckText(op string, t *Text, maxBody int) error {
	c := checker{op: op}
	c.body("content", t, min(maxBody, MaxBody))
	return c.err
}

// checker keeps the first error.
type checker struct {
	op  string
	err error
}

func (c *checker) keep(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *checker) invalid(field string, is bool) {
	if is && c.err == nil {
		c.err = &Error{Kind: ErrInvalid, Op: c.op, Field: field}
	}
}

func (c *checker) atMost(field string, n, most int) {
	if n > most && c.err == nil {
		c.err = &Error{Kind: ErrTooLarge, Op: c.op, Field: field, Limit: int64(most)}
	}
}

// prose is what people write: whatever XML can carry.
func (c *checker) prose(field, s string, most int) {
	c.atMost(field, len(s), most)
	c.invalid(field, !xmlText(s))
}

// words are names and ids: no control characters.
func (c *checker) words(field, s string, most int) { c.keep(checkWords(c.op, field, s, most)) }

func (c *checker) sender(e *Event) {
	if !e.Sender.IsZero() {
		c.keep(e.Sender.Check(c.op))
		c.invalid("sender.tenant", e.Sender.Tenant != e.Room.Tenant)
		return
	}
	switch e.Content.(type) {
	case *Notice, *Void, *Tombstone, *Erase, *Reference:
	default:
		c.invalid("sender", true)
	}
}

func (c *checker) target(e *Event) {
	if _, tomb := e.Content.(*Tombstone); tomb {
		return // keeps what it had
	}
	if _, unknown := e.Content.(*Unknown); unknown {
		return
	}
	c.invalid("target", e.Changes() == e.Target.IsZero())
}

func (c *checker) extensions(all []Extension) {
	c.atMost("extensions", len(all), MaxExtensions)
	bytes := 0
	for i := range all {
		bytes += len(all[i].Name) + len(all[i].Raw)
		c.words(fmt.Sprintf("extensions[%d].name", i), all[i].Name, MaxName)
		if c.err != nil {
			return
		}
	}
	c.atMost("extensions", bytes, MaxExtension)
}

func (c *checker) content(x Content) {
	switch x := x.(type) {
	case nil:
		c.invalid("content", true)
	case *Text:
		if c.there(x != nil) {
			c.body("content", x, MaxBody)
		}
	case *Edit:
		if c.there(x != nil) {
			c.body("content.new", &x.New, MaxBody)
		}
	case *Retract:
		if c.there(x != nil) {
			c.prose("content.reason", x.Reason, MaxReason)
		}
	case *React:
		if c.there(x != nil) {
			c.emoji(x.Emoji)
		}
	case *Topic:
		if c.there(x != nil) {
			c.prose("content.text", x.Text, MaxTopic)
		}
	case *Member:
		if c.there(x != nil) {
			c.keep(x.User.Check(c.op))
			c.invalid("content.role", !x.Role.Valid())
			c.prose("content.reason", x.Reason, MaxReason)
		}
	case *Notice:
		if c.there(x != nil) {
			c.words("content.what", x.What, MaxReason)
			c.prose("content.text", x.Text, MaxNotice)
		}
	case *Reference:
		if c.there(x != nil) {
			c.keep(x.To.Room.Check(c.op))
			c.invalid("content.to.seq", x.To.Seq < 1)
			c.words("content.why", x.Why, MaxReason)
		}
	case *Erase:
		if c.there(x != nil) {
			c.prose("content.why", x.Why, MaxReason)
		}
	case *Tombstone:
		if c.there(x != nil) {
			c.prose("content.why", x.Why, MaxReason)
		}
	case *Void:
		if c.there(x != nil) {
			c.invalid("content.to", x.To < 1)
		}
	case *Unknown:
		if c.there(x != nil) {
			c.words("content.name", string(x.Name), MaxName)
			c.invalid("content.name", x.Name == "")
			c.atMost("content.raw", len(x.Raw), MaxBody)
		}
	}
}

// there refuses a content that is a nil pointer.
func (c *checker) there(is bool) bool {
	c.invalid("content", !is)
	return is
}

func (c *checker) body(field string, t *Text, most int) {
	c.prose(field+".body", t.Body, most)
	c.invalid(field+".format", t.Format != Plain && t.Format != Markdown)
	c.atMost(field+".mentions", len(t.Mentions), MaxMentions)
	c.atMost(field+".attachments", len(t.Attachments), MaxAttachments)
	if c.err != nil {
		return
	}
	for i := range t.Mentions {
		c.keep(t.Mentions[i].Check(c.op))
	}
	for i := range t.Attachments {
		a, field := &t.Attachments[i], fmt.Sprintf("%s.attachments[%d]", field, i)
		c.words(field+".name", a.Name, MaxName)
		c.words(field+".type", a.Type, MaxType)
		c.words(field+".ref", a.Ref, MaxRef)
		c.invalid(field+".size", a.Size < 0)
	}
}

// emoji are graphemes, or names between colons.
func (c *checker) emoji(all []string) {
	c.atMost("content.emoji", len(all), MaxEmoji)
	if c.err != nil {
		return
	}
	for i, x := range all {
		field := fmt.Sprintf("content.emoji[%d]", i)
		c.words(field, x, MaxEmojiBytes)
		named := len(x) > 2 && x[0] == ':' && x[len(x)-1] == ':'
		c.invalid(field, !named && uniseg.GraphemeClusterCount(x) != 1)
		for _, y := range all[:i] {
			c.invalid(field, x == y)
		}
	}
}

// xmlText says whether XML 1.0 can carry s: UTF-8 of the characters of section 2.2.
func xmlText(s string) bool {
	for i := 0; i < len(s); {
		if b := s[i]; b >= 0x20 && b < utf8.RuneSelf || b == '\t' || b == '\n' || b == '\r' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r < 0x20 || r == 0xfffe || r == 0xffff || r == utf8.RuneError && n == 1 {
			return false
		}
		i += n
	}
	return true
}
