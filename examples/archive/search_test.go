package main

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// kitchen is what docs/search.md shows.
const kitchen = `{"room":"#kitchen","author":"Ann Lee","at":"2026-10-05T09:12:00Z","text":"Who brings bread for the soup on Friday?","kind":"message"}
{"room":"#kitchen","author":"bob","at":"2026-10-05T09:14:00Z","text":"I do. Two loaves, and the recipe for onion soup: https://example.com/soup","kind":"message"}
{"room":"#kitchen","author":"Ann Lee","at":"2026-10-09T12:28:00Z","text":"The soup is ready","kind":"message"}
{"room":"#kitchen","author":"bob","at":"2026-10-09T12:29:00Z","text":"runs","kind":"action"}
{"room":"#garden","author":"bob","at":"2026-11-02T16:40:00Z","text":"The pumpkins are in. We could have them as soup, as bread, or as both: I have read that people bake the seeds, too, and make oil of them","kind":"message"}
{"room":"#garden","author":"Cem","at":"2026-11-02T16:45:00Z","text":"Soup.","kind":"message"}
{"room":"#kitchen","author":"みどり","at":"2026-11-24T03:05:00Z","text":"明日はかぼちゃのスープです。パンもあります。pumpkin soup tomorrow, with bread","kind":"message"}
{"room":"#kitchen","author":"Cem","at":"2026-11-24T03:06:00Z","text":"eats","kind":"action"}
`

// took is what no two runs have in common.
var took = regexp.MustCompile(` in [0-9.]+(ns|µs|ms|s)\b`)

// shown is what a search prints.
func shown(t *testing.T, data string, args ...string) string {
	t.Helper()
	got, err := archiveRun(t, append(append([]string{"search"}, args...), file(t, "kitchen.jsonl", data))...)
	if err != nil {
		t.Fatal(err)
	}
	return took.ReplaceAllString(got, " in T")
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestSearchShows(t *testing.T) {
	same(t, shown(t, kitchen, "-q", "soup bread"), `   1  2026-11-24 03:05  #kitchen  みどり  kitchen.kitchen-05759a0c707c:5
      …ぼちゃのスープです。パンもあります。pumpkin «soup» tomorrow, with «bread»
   2  2026-11-02 16:40  #garden  bob  kitchen.garden-cb965aabfae9:1
      …in. We could have them as «soup», as «bread», or as both: I have read th…
   3  2026-10-05 09:12  #kitchen  Ann Lee  kitchen.kitchen-05759a0c707c:1
      Who brings «bread» for the «soup» on Friday?

   rooms  #kitchen                  2  ████████████████████
          #garden                   1  ██████████
  people  みどり                    1  ████████████████████
          Ann Lee                   1  ████████████████████
          bob                       1  ████████████████████
  months  2026-10                   1  ██████████
          2026-11                   2  ████████████████████
 read as  “soup” and “bread”
   found  3 of 3 in T
`)
	// Months are in the order of time, though it is the largest that are shown.
	same(t, shown(t, kitchen, "-q", "in:#kitchen", "-n", "1", "-facets", "1", "-zone", "Asia/Tokyo"), `   1  2026-11-24 12:06  #kitchen  * Cem  kitchen.kitchen-05759a0c707c:6
      eats

   rooms  #kitchen                  6  ████████████████████
  people  Ann Lee                   2  ████████████████████
  months  2026-10                   4  ████████████████████
 read as  in the room “#kitchen”
   found  1 of 6 in T
`)
	same(t, shown(t, kitchen, "-q", "b* soup in:nowhere", "-facets", "0"), ` read as  “b*”, “soup” and in the room “nowhere”
    note  too many words begin with “b”: read as a whole word
    note  no room is called “nowhere”
   found  0 of 0 in T
`)
}

func TestSearchFinds(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-q", "hello"}, "2 of 2"},
		{[]string{"-q", "HELLO ann"}, "1 of 1"},
		{[]string{"-q", "ann hello"}, "1 of 1"},
		{[]string{"-q", `"ann hello"`}, "0 of 0"},
		{[]string{"-q", `"hello ann"`}, "1 of 1"},
		{[]string{"-q", "hello wor*"}, "1 of 1"},
		{[]string{"-q", "hello -wor*"}, "1 of 1"},
		{[]string{"-q", "hello from:bob"}, "1 of 1"},
		{[]string{"-q", "hello from:Bob"}, "1 of 1"}, // nobody is called just so
		{[]string{"-q", "hello from:Rob"}, "0 of 0"},
		{[]string{"-q", "hello in:#b"}, "0 of 0"},
		{[]string{"-q", "hello after:2007-05-02"}, "1 of 1"},
		{[]string{"-q", "hello before:2007-05-02"}, "1 of 1"},
		{[]string{"-q", "on:2007-05-01", "-zone", "America/New_York"}, "2 of 2"},
		{[]string{"-q", "on:2007-05-02", "-zone", "Asia/Tokyo"}, "1 of 1"},
		{[]string{"-q", "on:2007-05-02", "-zone", "Pacific/Kiritimati"}, "3 of 3"},
		{[]string{"-q", "from:Ann", "-n", "1"}, "1 of 2"},
		{[]string{"-q", "from:Ann", "-n", "0"}, "0 of 2"},
		{[]string{"-q", "from:Ann hello", "-score"}, "1 of 1"},
		{[]string{"-q", "lunch"}, "0 of 0"}, // a topic is no text
		{[]string{"-q", "hello ("}, "2 of 2"},
	} {
		got := lastLine(shown(t, small, c.args...))
		if want := "found  " + c.want + " in T"; strings.TrimSpace(got) != want {
			t.Errorf("%q: %s, not %s", c.args, got, want)
		}
	}
}

func TestByScoreIsAnotherOrder(t *testing.T) {
	const data = `{"room":"#a","author":"Ann","at":"2007-05-01T12:00:00Z","text":"soup soup soup","kind":"message"}
{"room":"#a","author":"Ann","at":"2007-05-01T12:01:00Z","text":"soup and a great many other words","kind":"message"}
`
	newest, best := shown(t, data, "-q", "soup", "-n", "1"), shown(t, data, "-q", "soup", "-n", "1", "-score")
	has(t, newest, "«soup» and a great")
	has(t, best, "«soup» «soup» «soup»")
}

func TestAMistakeIsShownWhereItIs(t *testing.T) {
	path := file(t, "kitchen.jsonl", kitchen)
	got, err := archiveRun(t, "search", "-q", "soup (bread OR", "-lenient=false", path)
	if err == nil {
		t.Fatal("no error")
	}
	same(t, got, "soup (bread OR\n            ^^\n")
	same(t, err.Error(), "character 13: “OR” has nothing behind it; expected a word there, or quotes around it")
}

// evil is a text and names that would take over a terminal that shows them as they are.
// C0 characters are refused when they are imported; those of C1 are as good (ECMA-48).
const evil = `{"room":"#a\u202e","author":"A\u202enn","at":"2007-05-01T12:00:00Z","text":"see \u009b2J soup \u009b31m\u202e\u2066\u007f \r\nline\ttwo soup\u009b1m 👩‍🍳","kind":"message"}
{"room":"#a\u202e","author":"A\u202enn","at":"2007-05-01T12:00:00Z","text":"\u009d0;title\u009c","kind":"topic"}
{"room":"#a\u202e","author":"A\u202enn","at":"2007-05-01T12:00:00Z","text":"\u001b[2J","kind":"message"}
`

func TestNothingObeysAMessage(t *testing.T) {
	path := file(t, "set.jsonl", evil)
	room := "#a\u202e"
	for _, args := range [][]string{
		{"search", "-q", "soup"},
		{"search", "-q", "\u202e \x1b[2J \u009b OR soup"},
		{"search", "-q", "soup \x1b[2J)", "-lenient=false"},
		{"import"},
		{"page", "-room", room, "-all"},
		{"page", "-room", room, "-all", "-json"},
	} {
		got, err := archiveRun(t, append(args, path)...)
		if err != nil {
			got += err.Error()
		} else if args[0] != "import" && !strings.Contains(got, "👩‍🍳") {
			t.Errorf("%q: the emoji fell apart in:\n%s", args, got)
		}
		for _, r := range got {
			if r != '\n' && r != '\u200d' && !unicode.IsGraphic(r) {
				t.Errorf("%q: %U in:\n%q", args, r, got)
				break
			}
		}
	}
}
