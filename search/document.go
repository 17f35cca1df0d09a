package search

import (
	"strings"

	"github.com/parlor-chat/parlor/chat"
)

// Document makes the document of a message as it is after all its changes. Its
// tokens are those of the body alone.
func (a Analysis) Document(m *chat.Message) Document {
	d := Document{
		Position: m.Position(),
		Revision: m.Revision,
		At:       m.At,
		Gone:     m.Gone != nil,
	}
	if d.Gone {
		return d
	}
	t := &m.Text
	d.Tokens = a.Analyze(t.Body)
	d.Fields = map[string][]string{FieldKind: {"text"}}
	if t.Action {
		d.Fields[FieldKind] = []string{"action"}
	}
	if !m.Sender.IsZero() {
		d.Fields[FieldAuthor] = []string{m.Sender.Key}
	}
	if !t.Thread.IsZero() {
		d.Fields[FieldThread] = []string{t.Thread.String()}
	}
	if has := whatItHas(t); len(has) > 0 {
		d.Fields[FieldHas] = has
	}
	if is := whatItIs(m); len(is) > 0 {
		d.Fields[FieldIs] = is
	}
	if len(t.Mentions) > 0 {
		keys := make([]string, len(t.Mentions))
		for i, u := range t.Mentions {
			keys[i] = u.Key
		}
		d.Fields[FieldMention] = keys
	}
	return d
}

// whatItHas is the values of [FieldHas].
func whatItHas(t *chat.Text) []string {
	var has []string
	if hasLink(t.Body) {
		has = append(has, "link")
	}
	if len(t.Attachments) > 0 {
		has = append(has, "file")
	}
	if hasCode(t.Body) {
		has = append(has, "code")
	}
	return has
}

// whatItIs is the values of [FieldIs].
func whatItIs(m *chat.Message) []string {
	var is []string
	if !m.Text.Thread.IsZero() {
		is = append(is, "thread")
	}
	if !m.Edited.IsZero() {
		is = append(is, "edited")
	}
	return is
}

// hasLink says whether there is a web address in a body: "http" or "https", which have
// no case (RFC 3986, section 3.1) and aren't the end of another scheme, "://", and the
// beginning of a host, a letter, a digit or "[". An address without its scheme is none,
// for "node.js" would be one too.
func hasLink(body string) bool {
	for rest := body; ; {
		before, after, ok := strings.Cut(rest, "://")
		if !ok {
			return false
		}
		if (endsWith(before, "http") || endsWith(before, "https")) && beginsHost(after) {
			return true
		}
		rest = after
	}
}

// endsWith says whether s ends with a scheme, and no longer one.
func endsWith(s, scheme string) bool {
	n := len(s) - len(scheme)
	if n < 0 || !strings.EqualFold(s[n:], scheme) {
		return false
	}
	return n == 0 || first[s[n-1]]&(letter|digit) == 0
}

func beginsHost(s string) bool {
	if s == "" {
		return false
	}
	c, _ := classAt(s, 0)
	return c&(letter|digit) != 0 || s[0] == '['
}

// hasCode says whether there is code in a body, as people mark it: something behind a
// fence of three backquotes, or between two backquotes on one line.
func hasCode(body string) bool {
	if _, rest, ok := strings.Cut(body, "```"); ok && strings.Trim(rest, "` \t\r\n") != "" {
		return true
	}
	for line := range strings.Lines(body) {
		_, rest, ok := strings.Cut(line, "`")
		for ok {
			var inside string
			inside, rest, ok = strings.Cut(rest, "`")
			if ok && strings.TrimSpace(inside) != "" {
				return true
			}
		}
	}
	return false
}
