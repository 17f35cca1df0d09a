package house

import (
	"os"
	"strings"
	"testing"
)

// What the README shows is part of an example that is built and run.
func TestTheReadmesProgramRuns(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../chat/hub/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```go\n")
	if !found {
		t.Fatal("the README shows no program")
	}
	program, _, _ := strings.Cut(rest, "```")
	left := plain(string(example))
	for line := range strings.Lines(program) {
		line = plain(line)
		_, after, found := strings.Cut(left, line)
		if !found {
			t.Fatalf("no example says, behind what the README says before: %s", line)
		}
		left = after
	}
}

// plain is code without what gofmt chooses.
func plain(code string) string { return strings.Join(strings.Fields(code), " ") }
