package main

import (
	"errors"
	"flag"
	"strings"
	"testing"
)

// Each verb says with -h what it does and what it takes, and so when it is called wrongly.
func TestHelp(t *testing.T) {
	for verb, want := range map[string]string{
		"import": "reads logs", "page": "shows a part", "search": "finds messages", "check": "Lines of JSON", "stats": "how many rooms",
		"verify": "names what is wrong", "backup": "outside of it", "restore": "which stays as it is",
	} {
		for _, args := range [][]string{{verb, "-h"}, {verb, "-nonsense"}} {
			got, err := archiveRun(t, args...)
			if !errors.Is(err, flag.ErrHelp) {
				t.Errorf("%v: %v", args, err)
			}
			if i := strings.Index(got, "usage: archive "+verb+" "); i < 0 || !strings.Contains(strings.ToLower(got), strings.ToLower(want)) || !strings.Contains(got, "-data") {
				t.Errorf("%v shows\n%s", args, got)
			}
		}
	}
	if len(about) != len(commands) {
		t.Errorf("%d verbs say what they do, of %d", len(about), len(commands))
	}
}

// A number out of its bounds is refused with the flag and the bounds.
func TestBounds(t *testing.T) {
	path := file(t, "set.jsonl", small)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"page", "-room", "#a", "-n", "-1"}, "-n is -1: it is from 1 to 500"},
		{[]string{"page", "-room", "#a", "-n", "501"}, "-n is 501: it is from 1 to 500"},
		{[]string{"search", "-q", "x", "-n", "-1"}, "-n is -1: it is from 0 to 500"},
		{[]string{"search", "-q", "x", "-facets", "-1"}, "-facets is -1: it is from 0 to 1000"},
		{[]string{"search", "-q", "x", "-facets", "1001"}, "-facets is 1001: it is from 0 to 1000"},
	} {
		if _, err := archiveRun(t, append(c.args, path)...); err == nil || err.Error() != c.want {
			t.Errorf("%v: %v, want %s", c.args, err, c.want)
		}
	}
}
