package chat

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/limits.md anew")

const limitsPage = "../docs/limits.md"

// docs/limits.md is made from the tables that the code checks by.
func TestLimitsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Limits\n\nMade from the tables in `chat/limits.go` by `go test ./chat -run LimitsPage -update`.\n")
	b.WriteString("\n## How much\n\n| what | at most | unit | field that an error names |\n| --- | ---: | --- | --- |\n")
	for _, l := range Limits {
		fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", l.What, l.Most, l.Unit, code(l.Where))
	}
	b.WriteString("\n## Keys, names and addresses\n\n| what | may hold | compared | bytes |\n| --- | --- | --- | ---: |\n")
	for _, w := range Words {
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", w.What, w.Holds, w.Compared, w.Most)
	}
	b.WriteString("\nOver a limit is `chat.ErrTooLarge` with the limit, anything else `chat.ErrInvalid`; both name the field.\n" +
		"The limits of a query are in [search.md](search.md#limits).\n")
	if *update {
		if err := os.WriteFile(limitsPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(limitsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s is not what the tables say; run with -update", limitsPage)
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
