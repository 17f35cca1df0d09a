package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/search/query"
)

// typed runs a session in which these lines are typed, and returns what it said.
func typed(t *testing.T, lines string, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	args = append(append([]string{"search", "-i"}, args...), file(t, "kitchen.jsonl", kitchen))
	if err := run(t.Context(), args, strings.NewReader(lines), &out, &errOut); err != nil {
		t.Fatal(err)
	}
	return took.ReplaceAllString(out.String()+errOut.String(), " in T")
}

func TestSession(t *testing.T) {
	same(t, typed(t, `
soup -bread
:more
:more
:open 3
:quit
soup
`, "-n", "2", "-facets", "1"), `   1  2026-11-02 16:45  #garden  Cem
      «Soup».
   2  2026-10-09 12:28  #kitchen  Ann Lee
      The «soup» is ready

   rooms  #kitchen                  2  ████████████████████
  people  Ann Lee                   1  ████████████████████
  months  2026-10                   2  ████████████████████
 read as  “soup” and not “bread”
   found  2 of 3 in T  :more
   3  2026-10-05 09:14  #kitchen  bob
      …Two loaves, and the recipe for onion «soup»: https://example.com/«soup»

   found  3 of 3 in T
there is no more
  #kitchen

  Monday, 5 October 2026
   09:12  <Ann Lee> Who brings bread for the soup on Friday?
▶  09:14  <bob> I do. Two loaves, and the recipe for onion «soup»: https://example.com/«soup»

  Friday, 9 October 2026
   12:28  <Ann Lee> The soup is ready
   12:29  * bob runs

  Tuesday, 24 November 2026
   03:05  <みどり> 明日はかぼちゃのスープです。パンもあります。pumpkin soup tomorrow, with bread
   03:06  * Cem eats
`)
}

func TestASessionGoesOnBehindMistakes(t *testing.T) {
	same(t, typed(t, `:more
:open 1
:open
:open x
:dance
soup OR
from:Cem
:open 2
:open 0
soup OR
:more
:open 1`, "-facets", "0", "-n", "1", "-lenient=false"), `there is no more
there is no hit 1
say which hit to open, by its number: :open 3
say which hit to open, by its number: :open 3
:dance is unknown; :help tells what can be typed, and quotes make words of it
soup OR
     ^^
character 6: “OR” has nothing behind it; expected a word there, or quotes around it
   1  2026-11-24 03:06  #kitchen  * Cem
      eats

 read as  sent by “Cem”
   found  1 of 2 in T  :more
there is no hit 2
there is no hit 0
soup OR
     ^^
character 6: “OR” has nothing behind it; expected a word there, or quotes around it
there is no more
there is no hit 1
`)
	has(t, typed(t, `:help`), append([]string{"Tab", `"release notes"`}, ":more", ":open", ":help", ":quit")...)
	has(t, typed(t, "", "-q", "soup"), "found  6 of 6")
	has(t, typed(t, "\":more\"\nsoup", "-facets", "0"), "read as  “:more”", "found  6 of 6")
}

func TestLongMessagesAroundAHitAreCut(t *testing.T) {
	const data = `{"room":"#a","author":"Ann","at":"2007-05-01T12:00:00Z","text":"1\n2\n3\n4\n5\n6","kind":"message"}
{"room":"#a","author":"Ann","at":"2007-05-01T12:01:00Z","text":"1\n2\n3\n4\n5\n6\n7\n8 soup","kind":"message"}
{"room":"#a","author":"Ann","at":"2007-05-01T12:02:00Z","text":"1\n2\n3\n4\n5\n6\n7\n8","kind":"message"}
`
	var out bytes.Buffer
	err := run(t.Context(), []string{"search", "-i", "-q", "soup", file(t, "set.jsonl", data)}, strings.NewReader(":open 1"), &out, &out)
	if err != nil {
		t.Fatal(err)
	}
	has(t, out.String(), below+"6\n▶", below+"8 «soup»\n", below+"6"+below+"… 2 more lines\n")
}

// What is typed may never end; the session does, with its context: while it waits, and
// when a search was cut off.
func TestASessionEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	defer typing.Close()
	cancel()
	done := make(chan error, 1)
	go func() {
		_, err := newScript(ctx, in).next(ctx)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it waits")
	}

	ctx, cancel = context.WithCancel(t.Context())
	var told bytes.Buffer
	s := &searcher{results: results{screen: screenOn(&told)}}
	if err := s.session(ctx, &stubborn{cancel: cancel}); err != nil || told.String() != "there is no more\n" {
		t.Errorf("%v: %s", err, told.String())
	}
}

// stubborn ends a context, and goes on to type.
type stubborn struct {
	cancel func()
	lines  int
}

func (s *stubborn) next(context.Context) (string, error) {
	s.cancel()
	if s.lines++; s.lines == 10 {
		return "", io.EOF
	}
	return ":more", nil
}

func (*stubborn) Close() error { return nil }

// completing is a completer over some files, and what it has shown.
func completing(t *testing.T, files ...string) (completer, *bytes.Buffer) {
	t.Helper()
	a, err := searchable(t.Context(), where{files: files}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(context.Background()) })
	var out bytes.Buffer
	s := &searcher{results: results{screenOn(&out), a, time.UTC}, u: a.reader()}
	c, err := s.completer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c, &out
}

func TestComplete(t *testing.T) {
	c, shown := completing(t, file(t, "kitchen.jsonl", kitchen), file(t, "other.jsonl", small), file(t, "set.jsonl", evil))
	for _, k := range []struct{ line, want, offered string }{ // the cursor is at |
		{"fr|", "from:|", ""},
		{"型 fr|", "型 from:|", ""},
		{"soup fr| bread", "soup from:| bread", ""},
		{"from:c|", "from:Cem |", ""},
		{"from:c| soup", "from:Cem| soup", ""},
		{"from:み|", "from:みどり |", ""},
		{"from:an|", "from:an|", "\n  Ann        \"Ann Lee\"\n"},
		{"from:a|", "from:a|", "\n  Ann        \"Ann Lee\"\n"},
		{"in:k|", "in:#kitchen |", ""},
		{"in:#|", "in:#|", "\n  #a        #b        #garden   #kitchen\n"},
		{"on:y|", "on:yesterday |", ""},
		{"on:t|", "on:t|", "\n  today\n  tuesday   the latest Tuesday\n  thursday  the latest Thursday\n"},
		{"month:2026|", "month:2026-|", "\n  2026-11  November 2026\n"},
		{"during:2026-1|", "during:2026-1|", "\n  2026-11  November 2026\n  2026-10  October 2026\n"},
		{"from:nobody|", "from:nobody|", ""},
		{"from:\x1b|", "from:\x1b|", ""},
		{":|", ":|", "\n  :more  the next page\n"},
		{":o|", ":open |", ""},
		{":x|", ":x|", ""},
		{"|", "|", "\n  from:      sent by …\n"},
	} {
		before, after, _ := strings.Cut(k.line, "|")
		shown.Reset()
		head, whole, tail := c.complete(t.Context(), before+after, len([]rune(before)))
		got := k.line
		if len(whole) == 1 {
			got = head + whole[0] + "|" + tail
		}
		if got != k.want || len(whole) > 1 {
			t.Errorf("%s becomes %s (%q), not %s", k.line, got, whole, k.want)
		}
		if offered := shown.String(); !strings.HasPrefix(offered, k.offered) || (offered == "") != (k.offered == "") {
			t.Errorf("%s offers %q, not %q", k.line, offered, k.offered)
		}
	}
}

// No list is longer than the completer's, and the name of several people is one.
func TestNamesAreOfferedOnce(t *testing.T) {
	if got := each([]string{"ann", "Ann", "", "ann", "a\u202ea", "bob", "Ann", "cem"}, 3); !slices.Equal(got, []string{"ann", "Ann", "bob"}) {
		t.Errorf("%q", got)
	}
	c, shown := completing(t, file(t, "set.jsonl", small))
	c.complete(t.Context(), "month:", 6) // months end with the newest message
	has(t, shown.String(), "\n  2007-05  May 2007\n  2007-04  April 2007\n")
	c.offer(make([]query.Completion, query.MaxCompletions))
	if !strings.HasSuffix(shown.String(), "\n  …\n") {
		t.Errorf("%q", shown.String())
	}
}
