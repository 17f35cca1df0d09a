package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is what go test -json prints, see go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build
	Test       string
	Elapsed    float64
	Output     string
	Key, Value string // of an attribute
}

// partAttribute is the attribute by which a test says that a real part took part:
// t.Attr("parlor.part", "redis 7.0.15").
const partAttribute = "parlor.part"

// report collects what the tests say.
type report struct {
	out                     io.Writer
	passed, failed, skipped int
	packages                int

	output map[string][]string // of each test that runs, and of each package
	why    map[string]int      // reasons of skipped tests, and how many
	parts  map[string]bool
	lines  []string // go's own, one for each package
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[string][]string{}, why: map[string]int{}, parts: map[string]bool{}}
}

// read takes a stream of events. A line that isn't one is shown as it is.
func (r *report) read(stream io.Reader) error {
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(r.out, "%s", line)
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if e.Test == "" && closes(e.Output) {
			r.lines = append(r.lines, strings.TrimRight(e.Output, "\n"))
			return
		}
		r.output[name] = append(r.output[name], e.Output)
	case "attr":
		if e.Key == partAttribute {
			r.parts[e.Value] = true
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.packageDone(e, name)
		} else {
			r.testDone(e, name)
		}
		delete(r.output, name)
	}
}

// closes says whether a line is what go test prints of a whole package.
func closes(line string) bool {
	for _, start := range []string{"ok  \t", "FAIL\t", "---\t", "?   \t"} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

func (r *report) testDone(e event, name string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.why[reason(r.output[name])]++
	case "fail":
		r.failed++
		fmt.Fprintf(r.out, "\nFAILED %s\n%s\n", name, strings.Join(r.output[name], ""))
	}
}

// reason is what a skipped test said last.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if file, text, ok := strings.Cut(line, ": "); ok && strings.Contains(file, ".go:") {
			line = text
		}
		return line
	}
	return "no reason given"
}

func (r *report) packageDone(e event, name string) {
	r.packages++
	if e.Action == "fail" { // what no test owns: a panic, a leak, a build
		fmt.Fprintf(r.out, "\n%s", strings.Join(r.output[name], ""))
	}
	if e.Action != "skip" {
		fmt.Fprintf(r.out, "%4d  %-4s %6.1fs  %s\n", r.packages, e.Action, e.Elapsed, e.Package)
	}
}

// close prints the summary.
func (r *report) close(shared bool) {
	fmt.Fprintf(r.out, "\nskipped: %d\n", r.skipped)
	for _, why := range slices.Sorted(maps.Keys(r.why)) {
		fmt.Fprintf(r.out, "  %4d  %s\n", r.why[why], why)
	}
	fmt.Fprintf(r.out, "real parts that took part: %s\n", orNone(slices.Sorted(maps.Keys(r.parts))))
	data := "took part"
	if !shared {
		data = "was not there"
	}
	fmt.Fprintf(r.out, "shared data: %s\n\n", data)
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n\n", r.passed, r.failed, r.skipped)
	for _, line := range r.lines {
		fmt.Fprintln(r.out, line)
	}
}

func orNone(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
