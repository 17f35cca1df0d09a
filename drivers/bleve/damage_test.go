package bleve_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/search"
)

// files are all files of a folder that hold something of the index.
func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "LOCK" && e.Name() != "HOLDER" {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// spoil are ways to damage a file; each says whether there was anything to do.
var spoil = []struct {
	name string
	do   func(path string, b []byte) ([]byte, bool)
	gone bool // some of it
}{
	{"a bit in the beginning", flip(func(n int) int { return min(1, n-1) }), false},
	{"a bit in the middle", flip(func(n int) int { return n / 2 }), false},
	{"a bit before the end", flip(func(n int) int { return n - 2 }), false},
	{"the last bit", flip(func(n int) int { return n - 1 }), false},
	{"cut", func(_ string, b []byte) ([]byte, bool) { return b[:len(b)*2/3], len(b) > 0 }, true},
	{"empty", func(_ string, b []byte) ([]byte, bool) { return nil, len(b) > 0 }, true},
	{"missing", nil, true},
}

func flip(at func(n int) int) func(string, []byte) ([]byte, bool) {
	return func(_ string, b []byte) ([]byte, bool) {
		if len(b) == 0 {
			return nil, false
		}
		b[at(len(b))] ^= 0x10
		return b, true
	}
}

// Each file of an index that was closed in order, damaged in turn: it is found and named, and
// the index begins anew; nothing of it is told as truth.
func TestDamageWhileClosed(t *testing.T) {
	lives := [][]call{life(0, 25), life(1, 15)}
	whole := t.TempDir()
	st := open(t, whole, options())
	for _, l := range lives {
		fill(t, st.Index(), l)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{} // not what a merge left behind
	for _, f := range open(t, crash(t, whole), options()).SegmentFiles() {
		used[filepath.Base(f)] = true
	}
	names := files(t, whole)
	if len(names) < 7 {
		t.Fatalf("only %d files: %v", len(names), names)
	}
	found := map[string]int{}
	defer func() {
		if found[".zap"] < len(spoil) {
			t.Errorf("of damaged segments %d were found", found[".zap"])
		}
	}()
	for _, path := range names {
		name, _ := filepath.Rel(whole, path)
		for _, s := range spoil {
			t.Run(name+"/"+s.name, func(t *testing.T) {
				dir := t.TempDir()
				if _, err := copyDir(whole, dir); err != nil {
					t.Fatal(err)
				}
				spoiled := filepath.Join(dir, name)
				if s.do == nil {
					os.Remove(spoiled)
				} else {
					b, err := os.ReadFile(spoiled)
					b, does := s.do(spoiled, b)
					if err != nil || !does {
						t.Skip("there is nothing to damage")
					}
					if err := os.WriteFile(spoiled, b, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				var said bytes.Buffer
				o := options()
				o.Log = slog.New(slog.NewTextHandler(&said, nil))
				st := open(t, dir, o)
				calls, err := holdsWhatItSays(t.Context(), st.Index(), lives)
				switch lost := calls != nil && calls[0] == 0 && calls[1] == 0; {
				case err != nil:
					t.Error(err)
				case filepath.Base(name) == "SEAL" && s.do == nil && !lost: // as after a crash
				case strings.HasSuffix(name, ".zap") && !lost && (!used[filepath.Base(name)] || s.gone):
					// Not needed any more; or Bleve still had what it was merged of.
				case strings.HasSuffix(name, ".zap") && calls[0] == len(lives[0]) && calls[1] == len(lives[1]):
					// All is there, as it was: the file was left behind by a merge, under a name that
					// the copy, whose files are used, gave to another one; or Bleve had what it was
					// merged of.
				case !lost:
					t.Errorf("it answers, with %v calls", calls)
				case !strings.Contains(said.String(), filepath.Base(name)):
					t.Errorf("it is not named: %s", said.String())
				default:
					found[filepath.Ext(name)]++
				}
				fill(t, st.Index(), lives[0]) // and works again
				if calls, err := holdsWhatItSays(t.Context(), st.Index(), lives); err != nil || calls[0] != len(lives[0]) {
					t.Errorf("filled again: %v, %v", calls, err)
				}
			})
		}
	}
}

// After a crash Bleve's files, and the state, are damaged: found by their checksums. The root
// files have none, and the log's end may be torn by the crash itself: whatever is there then,
// opening doesn't hang or panic.
func TestDamageAfterACrash(t *testing.T) {
	lives := [][]call{life(0, 60), life(1, 60)}
	dir := t.TempDir()
	st := open(t, dir, options())
	for _, l := range lives {
		fill(t, st.Index(), l)
	}
	// A checkpoint, which dropping a whole month has done; then more.
	if err := st.Index().Drop(t.Context(), storageSpan("t", ""), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a checkpoint", func() bool {
		for _, f := range files(t, dir) {
			if b, _ := os.ReadFile(f); filepath.Base(f) == "STATE" && len(b) > 100 {
				return true
			}
		}
		return false
	})
	before := crash(t, dir)
	names := files(t, before)
	used := map[string]bool{} // not what a merge left behind
	for _, f := range open(t, crash(t, before), options()).SegmentFiles() {
		used[filepath.Base(f)] = true
	}
	if len(used) < 2 {
		t.Fatalf("only %d files have segments", len(used))
	}
	for _, path := range names {
		name, _ := filepath.Rel(before, path)
		for _, s := range spoil[1:5] {
			t.Run(name+"/"+s.name, func(t *testing.T) {
				dir := t.TempDir()
				if _, err := copyDir(before, dir); err != nil {
					t.Fatal(err)
				}
				spoiled := filepath.Join(dir, name)
				b, err := os.ReadFile(spoiled)
				b, does := s.do(spoiled, b)
				if err != nil || !does {
					t.Skip("there is nothing to damage")
				}
				if err := os.WriteFile(spoiled, b, 0o600); err != nil {
					t.Fatal(err)
				}
				st, err := bleve.Open(t.Context(), dir, options())
				if err != nil {
					t.Fatal(err)
				}
				defer st.Close()
				if err := st.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				marks, err := st.Index().Watermark(t.Context(), clock(0), clock(1))
				if err != nil {
					t.Fatal(err)
				}
				sums := strings.HasSuffix(name, ".zap") && used[filepath.Base(name)] && !s.gone || strings.HasSuffix(name, "STATE")
				if sums && (marks[0] != 0 || marks[1] != 0) {
					t.Errorf("it answers, up to %v", marks)
				}
				if _, err := st.Index().Search(t.Context(), search.Request{Scope: everything, Limit: 500, Count: 1000}); err != nil && !errors.Is(err, chat.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
	}
}

// waitFor waits until something is so.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(fmt.Sprint("never: ", what))
		}
	}
}

// A folder that is deleted while it is closed is an index that begins anew.
func TestDeletedWhileClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	st := open(t, dir, options())
	fill(t, st.Index(), life(0, 5))
	st.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	st = open(t, dir, options())
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{life(0, 5)}); err != nil || calls[0] != 0 {
		t.Errorf("%v, %v", calls, err)
	}
}

// One that is deleted while it is open refuses for as long as somebody may remember it as
// full, and then begins anew.
func TestDeletedWhileOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	o := options()
	o.Losing(300 * time.Millisecond)
	st := open(t, dir, o)
	fill(t, st.Index(), life(0, 5))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask := func() error {
		res, err := st.Index().Search(t.Context(), search.Request{Scope: everything, Limit: 5, Count: 100})
		if err == nil && res.Count == 0 {
			return nil
		}
		if err == nil {
			return errors.New("as before")
		}
		return err
	}
	refused := false
	waitFor(t, "it begins anew", func() bool {
		err := ask()
		refused = refused || errors.Is(err, chat.ErrUnavailable) && strings.Contains(err.Error(), "it was lost")
		return err == nil
	})
	if !refused {
		t.Error("it never said that it was lost")
	}
	fill(t, st.Index(), life(0, 5))
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{life(0, 5)}); err != nil || calls[0] != 5 {
		t.Errorf("filled again: %v, %v", calls, err)
	}
}

// An index of another mapping or period is thrown away; one of a newer format is refused, and
// left as it is.
func TestOtherFormats(t *testing.T) {
	dir := t.TempDir()
	st := open(t, dir, options())
	fill(t, st.Index(), life(0, 5))
	st.Close()
	o := options()
	o.Period = bleve.Year
	st = open(t, dir, o)
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{life(0, 5)}); err != nil || calls[0] != 0 {
		t.Errorf("another period: %v, %v", calls, err)
	}
	fill(t, st.Index(), life(0, 5))
	st.Close()
	name := filepath.Join(dir, "FORMAT")
	was, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(bleve.FormatLine(2)), 0o600); err != nil {
		t.Fatal(err)
	}
	var e *chat.Error
	if _, err := bleve.Open(t.Context(), dir, o); !errors.As(err, &e) || e.Kind != chat.ErrInvalid || e.Field != "format" || e.Limit != 1 {
		t.Errorf("a newer format: %v", err)
	}
	if err := os.WriteFile(name, was, 0o600); err != nil {
		t.Fatal(err)
	}
	st = open(t, dir, o)
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{life(0, 5)}); err != nil || calls[0] != 5 {
		t.Errorf("the format again: %v, %v", calls, err)
	}
}

// A root file that was cut is found before it is mapped into memory.
func TestARootFileThatWasCut(t *testing.T) {
	dir := t.TempDir()
	st := open(t, dir, options())
	fill(t, st.Index(), life(0, 20))
	st.Close()
	roots := 0
	for _, name := range files(t, dir) {
		if filepath.Base(name) != "root.bolt" {
			continue
		}
		roots++
		if err := bleve.CheckRoot(name); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{info.Size() / 3, 100, 0} {
			if err := os.Truncate(name, size); err != nil {
				t.Fatal(err)
			}
			if err := bleve.CheckRoot(name); err == nil || !strings.Contains(err.Error(), "root.bolt is damaged") {
				t.Errorf("cut to %d bytes: %v", size, err)
			}
		}
	}
	if roots == 0 {
		t.Error("there are no root files")
	}
}
