package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/search.md shows of a terminal is what a terminal shows.
func TestTheDocsShowATerminal(t *testing.T) {
	const path = "../../docs/search.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kitchen.jsonl"), []byte(kitchen), 0o644); err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "\n## In a terminal\n")
	blocks := regexp.MustCompile("(?s)```\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) < 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, block := range blocks {
		want := inATerminal(t, block[1], dir)
		if took.ReplaceAllString(block[1], " in T") != took.ReplaceAllString(want, " in T") {
			t.Errorf("it shows:\n%s\nand should show:\n%s", block[1], want)
		}
	}
}

// inATerminal does what a block says, and returns it with what is shown now.
func inATerminal(t *testing.T, block, dir string) string {
	t.Helper()
	command, rest, _ := strings.Cut(block, "\n")
	line, ok := strings.CutPrefix(command, "$ go run ./examples/archive ")
	if !ok {
		t.Fatalf("%q runs nothing", command)
	}
	var args []string
	for _, arg := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
		args = append(args, strings.Trim(arg, "'"))
	}
	last := &args[len(args)-1]
	*last = filepath.Join(dir, *last)
	// What isn't known parts the answers to what is.
	const unknown = ":unknown"
	var typed []string
	for l := range strings.Lines(rest) {
		if said, ok := strings.CutPrefix(l, prompt); ok {
			typed = append(typed, said)
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), args, strings.NewReader(unknown+"\n"+strings.Join(typed, unknown+"\n")), &out, &out); err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(unknown+" .*\n").Split(out.String(), -1)
	for i, said := range typed {
		parts[i+1] = prompt + said + parts[i+1]
	}
	return command + "\n" + strings.Join(parts, "")
}
