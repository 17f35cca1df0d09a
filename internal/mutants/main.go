// Command mutants proves the simulation: it breaks one line of the hub or of a memory
// driver after the other, runs the simulation over each, and prints how many seeds it
// took to notice. It writes nothing into the tree: the broken files are an overlay.
//
//	go run ./internal/mutants [-seeds 2000] [name ...]
//
// Run it in the root of the module. It fails if a mutant lives.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	seeds := flag.Int("seeds", 2000, "the most seeds for each mutant")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *seeds, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, seeds int, names []string) error {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(out, "| mutant | seeds | first promise broken |")
	fmt.Fprintln(out, "| --- | --- | --- |")
	alive := 0
	for _, m := range mutants {
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		took, promise, err := m.hunt(ctx, dir, seeds)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if promise == "" {
			alive++
			promise = "none: it lives"
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", m.name, took, promise)
	}
	if alive > 0 {
		return fmt.Errorf("%d mutants live", alive)
	}
	return nil
}

var (
	seedsRan = regexp.MustCompile(`simulation: seeds (\d+),`)
	broke    = regexp.MustCompile(`seed \d+: ([A-Z][a-z ]+): `)
)

// hunt runs the simulation over a mutant.
func (m mutant) hunt(ctx context.Context, dir string, seeds int) (took, promise string, err error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", "", err
	}
	mutated, err := m.apply(string(text))
	if err != nil {
		return "", "", err
	}
	file, err := filepath.Abs(m.file)
	if err != nil {
		return "", "", err
	}
	broken, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{file: broken}})
	if err != nil {
		return "", "", err
	}
	if err := errors.Join(os.WriteFile(broken, []byte(mutated), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return "", "", err
	}
	test := filepath.Join(dir, "hub.test")
	if b, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", test, "./chat/hub").CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("it doesn't build: %s", b)
	}
	cmd := exec.CommandContext(ctx, test, "-test.run", "^TestSimulation$", "-test.timeout", "300s", "-seeds", fmt.Sprint(seeds))
	cmd.Dir = "chat/hub"
	cmd.Env = append(os.Environ(), "PARLOR_KEEP_SEEDS=no")
	b, err := cmd.CombinedOutput()
	if err == nil {
		return fmt.Sprint(seeds), "", nil
	}
	took, promise = "?", "the nodes don't settle, or something is missing in the archive"
	if s := seedsRan.FindSubmatch(b); s != nil {
		took = string(s[1])
	}
	if s := broke.FindSubmatch(b); s != nil {
		promise = string(s[1])
	}
	return took, promise, nil
}

func (m mutant) apply(text string) (string, error) {
	if n := strings.Count(text, m.from); n != 1 {
		return "", fmt.Errorf("%s holds %q %d times", m.file, m.from, n)
	}
	return strings.Replace(text, m.from, m.to, 1), nil
}
