package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/shareddata"
)

// What was imported into a folder lasts; imported again it is the same.
func TestAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := file(t, "set-2007.jsonl", small)
	call := func(args ...string) string {
		t.Helper()
		got, err := archiveRun(t, args...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, got)
		}
		return got
	}
	has(t, call("import", "-data", dir, path), "imported: 5 records, 5 events, 2 rooms, 2 people, refused 0")
	for range 2 {
		has(t, call("import", "-data", dir, path), "imported: 5 records, 0 events, 2 rooms, 2 people, refused 0", "known            5")
	}
	more := file(t, "set-2008.jsonl", `{"room":"#a","author":"Cem","at":"2008-05-01T12:00:00Z","text":"hello again","kind":"message"}`+"\n")
	has(t, call("import", "-data", dir, filepath.Dir(path)+"/./"+filepath.Base(path)), "0 events")
	has(t, call("import", "-data", dir, path, more), "imported: 6 records, 1 events")
	has(t, call("page", "-data", dir, "-room", "#a"), "<Ann> hello world", "<bob> hello Ann", "<Cem> hello again")
	has(t, call("search", "-data", dir, "-q", "hello from:Cem"), "Cem", "1 of 1")
	has(t, call("stats", "-data", dir), "events          6")
	has(t, call("verify", "-data", dir), "log            6 events", "index          4 messages", "verified: nothing is wrong")
	queries := file(t, "q.jsonl", `{"id":"hello","query":{"all":["hello"]},"count":3,"oldest":"2007-05-01T12:00:00Z","newest":"2008-05-01T12:00:00Z"}`+"\n")
	has(t, call("check", "-data", dir, "-queries", queries), "queries: 1 exact, 0 wrong")

	copied, restored := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "restored")
	has(t, call("backup", "-data", dir, copied), "backed up to "+copied)
	has(t, call("restore", "-data", restored, "-ledger", dir, copied), "erased again: 0", "restored to "+restored)
	has(t, call("verify", "-data", restored), "verified: nothing is wrong")
	has(t, call("search", "-data", restored, "-q", "hello"), "3 of 3")
	if _, err := archiveRun(t, "backup", "-data", dir, copied); !errors.Is(err, chat.ErrConflict) {
		t.Errorf("over a copy: %v", err)
	}
}

// Damage is named, and the exit code says it.
func TestVerifyNamesDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := archiveRun(t, "import", "-data", dir, file(t, "set.jsonl", small)); err != nil {
		t.Fatal(err)
	}
	found := false
	tables, err := filepath.Glob(filepath.Join(dir, "log", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	for _, path := range tables {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[10] ^= 1 // in the first block of data
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := archiveRun(t, "verify", "-data", dir)
	found = err != nil && !strings.Contains(got, "nothing is wrong") && strings.Contains(err.Error(), filepath.Join(dir, "log")) &&
		strings.Contains(err.Error(), ".sst is damaged: ") && strings.Contains(err.Error(), ": put a backup back (archive restore")
	if !found {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestFoldersThatAreNamedWrongly(t *testing.T) {
	dir, path := filepath.Join(t.TempDir(), "data"), file(t, "set.jsonl", small)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"search", "-data", dir, "-q", "x", path}, "import -data"},
		{[]string{"stats"}, "-data"},
		{[]string{"stats", path}, "no files"},
		{[]string{"verify", "-data", dir, path}, "no files"},
		{[]string{"backup", "-data", dir}, "one other"},
		{[]string{"restore", path}, "-data"},
		{[]string{"import", "-data", dir}, "no files are named"},
	} {
		got, err := archiveRun(t, c.args...)
		if err == nil {
			t.Errorf("%v: no error", c.args)
		}
		has(t, got, c.want)
	}
	for _, verb := range []string{"stats", "verify", "search"} {
		args := []string{verb, "-data", dir}
		if verb == "search" {
			args = append(args, "-q", "x")
		}
		if _, err := archiveRun(t, args...); err == nil || !strings.Contains(err.Error(), "there is no archive in "+dir) {
			t.Errorf("%s of nothing: %v", verb, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s made a folder: %v", verb, err)
		}
	}
	_, err := archiveRun(t, "restore", "-data", dir, t.TempDir())
	if !errors.Is(err, chat.ErrInvalid) || !bytes.Contains([]byte(err.Error()), []byte("there is no log in it")) {
		t.Errorf("of what is no copy: %v", err)
	}
}

// The whole data set, in a folder: imported, compared with the known answers, verified.
func TestTheWholeArchiveInAFolder(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes a minute")
	}
	shared := shareddata.Dir(t)
	files, err := filepath.Glob(filepath.Join(shared, "*.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		args []string
		want string
	}{
		{append([]string{"import", "-data", dir}, files...), "imported: 406696 records, 406696 events, 149 rooms, 34753 people, refused 0"},
		{[]string{"check", "-data", dir, "-queries", filepath.Join(shared, "queries.jsonl")}, "queries: 105 exact, 0 wrong"},
		{[]string{"verify", "-data", dir}, "verified: nothing is wrong"},
	} {
		got, err := archiveRun(t, c.args...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", c.args[0], err, got)
		}
		has(t, got, c.want)
		t.Log(got)
	}
}
