package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/internal/shareddata"
)

// archiveRun runs the command and returns what it printed.
func archiveRun(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	err := run(t.Context(), args, strings.NewReader(""), &out, &errOut)
	return out.String() + errOut.String(), err
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func has(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%q is missing in:\n%s", w, got)
		}
	}
}

const small = `{"room":"#a","author":"Ann","at":"2007-05-01T12:00:00Z","text":"hello world","kind":"message"}
{"room":"#a","author":"Ann","at":"2007-05-01T12:01:00Z","text":"waves","kind":"action"}
{"room":"#a","author":"bob","at":"2007-05-01T12:02:00Z","text":"","kind":"join"}
{"room":"#a","author":"bob","at":"2007-05-02T09:00:00Z","text":"hello Ann","kind":"message"}
{"room":"#b","author":"","at":"2007-05-02T09:01:00Z","text":"lunch","kind":"topic"}
`

func TestImport(t *testing.T) {
	one := file(t, "set-2004-2007.jsonl", small)
	got, err := archiveRun(t, "import", one)
	if err != nil {
		t.Fatal(err)
	}
	has(t, lastLine(got), "imported: 5 records, 5 events, 2 rooms, 2 people, refused 0, ")
}

func TestImportGoesOnBehindBrokenLines(t *testing.T) {
	broken := file(t, "set.jsonl", strings.Join([]string{
		`{"room":"#a","author":"Ann","at":"2007-05-01T12:00:00Z","text":"one","kind":"message"}`,
		`{"room":`,
		`{"author":"Ann","at":"2007-05-01T12:00:00Z","text":"no room","kind":"message"}`,
		`{"room":"#a","author":"Ann","text":"no time","kind":"message"}`,
		`{"room":"#a","author":"Ann","at":"2007-05-01T12:00:00Z","text":"?","kind":"dance"}`,
		"{\"room\":\"#a\",\"author\":\"\xff\",\"at\":\"2007-05-01T12:00:00Z\",\"text\":\"x\",\"kind\":\"message\"}",
		`{"room":"#a","author":"Ann","at":"2006-01-01T00:00:00Z","text":"backwards","kind":"message"}`,
		`{"room":"#a","author":"Ann","at":"2007-05-01T12:00:01Z","text":"` + strings.Repeat("x", 65<<10) + `","kind":"message"}`,
		`{"room":"#a","author":"Ann","at":"2007-05-01T12:00:01Z","text":"` + strings.Repeat("x", 2<<20) + `","kind":"message"}`,
		``,
		`{"room":"#a","author":"Ann","at":"2007-05-01T12:00:02Z","text":"two","kind":"message"}`,
	}, "\n"))
	got, err := archiveRun(t, "import", broken)
	if err == nil || err.Error() != "8 of 10 records were refused; the others were imported" {
		t.Errorf("it ends with %v", err)
	}
	has(t, got, "set.jsonl:2: ", "set.jsonl:3: room is missing", "set.jsonl:4: at is missing", `set.jsonl:5: kind "dance"`,
		"set.jsonl:6: not UTF-8", "set.jsonl:7: ", "origin.at: conflict", "set.jsonl:8: ", "(limit 65536)", "set.jsonl:9: the line is longer")
	has(t, lastLine(got), "imported: 10 records, 2 events, 1 rooms, 1 people, refused 8, ")
}

func TestATruncatedFileKeepsWhatWasRead(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(small))
	w.Flush() // what is flushed can be read though the end is missing
	path := file(t, "set.jsonl.gz", z.String())
	got, err := archiveRun(t, "import", path)
	if err == nil || !strings.Contains(err.Error(), "1 of 6 records were refused") {
		t.Errorf("it ends with %v", err)
	}
	has(t, got, "set.jsonl.gz:6: unexpected EOF", "5 events", "refused 1")
}

// Who reads or searches learns that something is missing.
func TestRefusalsAreTold(t *testing.T) {
	path := file(t, "set.jsonl", small+"garbage\n")
	for _, args := range [][]string{{"page", "-room", "#a", path}, {"search", "-q", "hello", path}} {
		got, err := archiveRun(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		has(t, got, "1 of 6 records were refused, the first is "+path+":6: ")
	}
}

func TestWrongCalls(t *testing.T) {
	path := file(t, "set.jsonl", small)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "usage:"},
		{[]string{"dance"}, "usage:"},
		{[]string{"import"}, "no files"},
		{[]string{"import", "-x", path}, "flag provided but not defined"},
		{[]string{"search", path, "-q", "hello"}, "flags come before files: -q"},
	} {
		got, err := archiveRun(t, c.args...)
		if err == nil {
			t.Errorf("%v: no error", c.args)
		}
		has(t, got, c.want)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"import", path + ".missing"}, "no such file"},
		{[]string{"import", filepath.Dir(path)}, "directory"},
		{[]string{"page", path}, "-room"},
		{[]string{"page", "-room", "#a", "-open", "x:1", path}, "-open"},
		{[]string{"page", "-open", "x", path}, `"x" is no position`},
		{[]string{"page", "-open", "x:-1", path}, `"x:-1" is no position`},
		{[]string{"page", "-open", "x:1", path}, "not found"},
		{[]string{"page", "-room", "#c", path}, `no room "#c"`},
		{[]string{"page", "-room", "#a", "-around", "noon", path}, `"noon"`},
		{[]string{"page", "-room", "#a", "-n", "-1", path}, "-n is -1"},
		{[]string{"search", path}, "-q"},
		{[]string{"search", "-q", "hello", "-zone", "Mars/Base", path}, "Mars/Base"},
		{[]string{"search", "-q", "hello", "-n", "501", path}, "-n is 501"},
		{[]string{"search", "-q", "hello", "-facets", "1001", path}, "-facets is 1001"},
		{[]string{"check", path}, "-queries"},
	} {
		got, err := archiveRun(t, c.args...)
		if err == nil {
			t.Errorf("%v: no error, but %s", c.args, got)
			continue
		}
		has(t, got+err.Error(), c.want) // refusals are told before
	}
}

func TestPage(t *testing.T) {
	path := file(t, "set.jsonl", small)
	got, err := archiveRun(t, "page", "-room", "#a", "-around", "2007-05-02", "-n", "2", path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `  ⋮ older

  Tuesday, 1 May 2007
   12:01  * Ann waves

  Wednesday, 2 May 2007
   09:00  <bob> hello Ann
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	got, err = archiveRun(t, "page", "-room", "#a", "-all", "-json", path)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []int
	for l := range strings.Lines(got) {
		var x line
		if err := json.Unmarshal([]byte(l), &x); err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, int(x.Seq))
	}
	if len(seqs) != 4 || seqs[0] != 1 || seqs[3] != 4 {
		t.Errorf("%v of:\n%s", seqs, got)
	}
	has(t, got, `"kind":"join"`, `"kind":"action"`)
}

func TestAPositionOfASearchOpens(t *testing.T) {
	path := file(t, "set.jsonl", small)
	got, err := archiveRun(t, "search", "-q", "world", path)
	if err != nil {
		t.Fatal(err)
	}
	header := strings.Fields(got)
	got, err = archiveRun(t, "page", "-n", "2", "-open", header[5], path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, `
  Tuesday, 1 May 2007
▶  12:00  <Ann> hello world

  ⋮ newer
`)
}

func TestARoomOfTwoSetsMustBeChosen(t *testing.T) {
	one, two := file(t, "one.jsonl", small), file(t, "two.jsonl", small)
	_, err := archiveRun(t, "page", "-room", "#a", one, two)
	if err == nil {
		t.Fatal("no error")
	}
	has(t, err.Error(), "one, two", "-set")
	got, err := archiveRun(t, "page", "-room", "#a", "-set", "two", one, two)
	if err != nil {
		t.Fatal(err)
	}
	has(t, got, "<bob> hello Ann")
}

func TestImportingTwiceAddsNothing(t *testing.T) {
	path := file(t, "set.jsonl", small)
	a, err := load(t.Context(), where{files: []string{path}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(t.Context())
	if err := a.load(t.Context(), []string{path}, nil); err != nil {
		t.Fatal(err)
	}
	if a.result.Added != 0 || a.result.Known != 5 {
		t.Errorf("%+v", a.result)
	}
}

func TestKeysKeepApartWhatNamesDo(t *testing.T) {
	seen := map[string]name{}
	for _, n := range []name{{"s", "Ann"}, {"s", "ann"}, {"t", "ann"}, {"s", "Endo Ryunosuke / minerva"}, {"s", "山田"}, {"s", "田山"}, {"s", ""}, {"s", strings.Repeat("x", 300)}} {
		k := key(n)
		if other, taken := seen[k]; taken {
			t.Errorf("%v and %v have the key %s", n, other, k)
		}
		seen[k] = n
		if len(k) > 128 || strings.ContainsFunc(k, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%v has the key %q", n, k)
		}
	}
}

// The promise of this example: real logs go in whole, and every answer is right.
func TestTheWholeArchive(t *testing.T) {
	if testing.Short() {
		t.Skip("short: the whole archive takes a while")
	}
	dir := shareddata.Dir(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%v, %v", files, err)
	}
	got, err := archiveRun(t, append([]string{"check", "-queries", filepath.Join(dir, "queries.jsonl")}, files...)...)
	if err != nil {
		t.Error(err)
	}
	if lastLine(got) != "queries: 105 exact, 0 wrong" {
		t.Error(got)
	}
	if raceEnabled {
		return // once is enough, ten times slower
	}
	got, err = archiveRun(t, append([]string{"import"}, files...)...)
	if err != nil {
		t.Error(err)
	}
	has(t, got, "149   147 names", "\nimported: 406696 records, 406696 events, 149 rooms, ", "refused 0, ")
}

// BenchmarkImport is one op per import of all records. records/s counts until the
// last is placed, and until the archive and the index have it too; x-json is the
// time until placed against that of reading the records alone, in the same run.
func BenchmarkImport(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(shareddata.Dir(b), "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		b.Fatal(err, files)
	}
	var placed, followed, reading time.Duration
	records := 0
	for b.Loop() {
		start := time.Now()
		for _, err := range merge(files, func(int) {}) {
			if err != nil {
				b.Fatal(err)
			}
		}
		reading += time.Since(start)
		start = time.Now()
		a, err := load(b.Context(), where{files: files}, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		placed += a.took
		records += a.result.Added
		if err := a.hub.Admin().CatchUp(b.Context()); err != nil {
			b.Fatal(err)
		}
		followed += time.Since(start)
		a.Close(b.Context())
	}
	b.ReportMetric(float64(records)/placed.Seconds(), "placed-records/s")
	b.ReportMetric(float64(records)/followed.Seconds(), "followed-records/s")
	b.ReportMetric(placed.Seconds()/reading.Seconds(), "x-json")
}
