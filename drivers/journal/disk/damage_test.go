package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	bare "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
)

// heard is a program's log that is read.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

// hear opens a store and hears what it says.
func hear(t testing.TB, fs vfs.FS) (*disk.Store, *heard, error) {
	t.Helper()
	h := new(heard)
	s, err := disk.Open(t.Context(), "journal", &disk.Options{FS: fs, Reserve: -1, Log: slog.New(slog.NewTextHandler(h, nil))})
	return s, h, err
}

// behindItsBack changes the files of a store that is closed as Pebble would.
func behindItsBack(t testing.TB, fs vfs.FS, change func(db *bare.DB)) {
	t.Helper()
	db, err := bare.Open("journal", &bare.Options{FS: fs, Logger: bareLog{}})
	if err != nil {
		t.Fatal(err)
	}
	change(db)
	if err := errors.Join(db.Close(), fs.Remove("journal/SEAL")); err != nil {
		t.Fatal(err)
	}
}

// first is the first key of a kind, and its value.
func first(t testing.TB, db *bare.DB, kind byte) (k, v []byte) {
	t.Helper()
	it, err := db.NewIter(&bare.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	if !it.First() {
		t.Fatalf("no key of kind %c", kind)
	}
	return bytes.Clone(it.Key()), bytes.Clone(it.Value())
}

// A record that is damaged is named, counted, set apart and shown, and the others are there;
// it is forgotten when an operator drops it, not before.
func TestADamagedRecord(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, "journal", fs)
	a, b, c := fresh("a"), fresh("b"), fresh("c")
	keep(t, s, a, b, c)
	a, b = at(a, 1), at(b, 2)
	if err := s.Note(t.Context(), []journal.Record{a, b}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	var raw []byte
	behindItsBack(t, fs, func(db *bare.DB) {
		k, v := first(t, db, 'k')
		v[len(v)-6] ^= 8 // in the text
		raw = v
		if err := db.Set(k, v, bare.Sync); err != nil {
			t.Fatal(err)
		}
	})
	for life := range 3 {
		s, h, err := hear(t, fs)
		if err != nil {
			t.Fatal(err)
		}
		check(t, s, b, c)
		if said := h.String(); !strings.Contains(said, "damaged") || life == 0 && !strings.Contains(said, a.Event.ID.String()) {
			t.Errorf("life %d: it says %q", life, said)
		}
		all, err := s.Damaged(t.Context())
		if err != nil || stats(t, s).Damaged != 1 || len(all) != 1 || all[0].ID != a.Event.ID || !bytes.Equal(all[0].Raw, raw) {
			t.Errorf("life %d: %+v, %v, and %+v", life, all, err, stats(t, s))
		}
		if life == 2 {
			if err := s.Drop(t.Context(), []chat.EventID{a.Event.ID}); err != nil {
				t.Fatal(err)
			}
		}
		closed(t, s)
	}
	s, h, err := hear(t, fs)
	if err != nil {
		t.Fatal(err)
	}
	if x := stats(t, s); x.Damaged != 0 || h.String() != "" {
		t.Errorf("dropped: %+v, and it says %q", x, h)
	}
	check(t, s, b, c)
	closed(t, s)
}

// A record under another's key is damaged, too: what it says isn't what was kept there.
func TestARecordInAnothersPlace(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, "journal", fs)
	a, b := fresh("a"), fresh("b")
	keep(t, s, a, b)
	closed(t, s)
	behindItsBack(t, fs, func(db *bare.DB) {
		k, v := first(t, db, 'k')
		k[8] += 7 // another number
		if err := db.Set(k, v, bare.Sync); err != nil {
			t.Fatal(err)
		}
	})
	s, h, err := hear(t, fs)
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, a, b)
	if !strings.Contains(h.String(), "damaged") {
		t.Errorf("it says %q", h)
	}
	closed(t, s)
}

// What became of a record is damaged: it is told, and the record is as it was sent.
func TestADamagedNote(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, "journal", fs)
	a, b := fresh("a"), fresh("b")
	keep(t, s, a, b)
	if err := s.Note(t.Context(), []journal.Record{at(a, 1), at(b, 2)}); err != nil {
		t.Fatal(err)
	}
	b = load(t, s)[1]
	closed(t, s)
	behindItsBack(t, fs, func(db *bare.DB) {
		k, v := first(t, db, 'n')
		v[3] ^= 1
		if err := db.Set(k, v, bare.Sync); err != nil {
			t.Fatal(err)
		}
	})
	s, h, err := hear(t, fs)
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, a, b)
	if said := h.String(); !strings.Contains(said, a.Event.ID.String()) || strings.Contains(said, b.Event.ID.String()) {
		t.Errorf("it says %q", said)
	}
	closed(t, s)
}

// Both of two records under one id are there, for the power was cut before the first was
// dropped: the last counts.
func TestTheLastCountsBehindACrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, "journal", fs)
	a, b := fresh("a"), fresh("b")
	keep(t, s, a, b)
	again := fresh("another text")
	again.Event.ID = a.Event.ID
	keep(t, s, again)
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	n := 0
	behind(t, left, 'k', func([]byte) { n++ })
	if n != 3 {
		t.Errorf("%d records are in the files: this proves nothing", n)
	}
	s = open(t, "journal", left)
	check(t, s, b, again)
	closed(t, s)
	n = 0
	behind(t, left, 'k', func([]byte) { n++ })
	if n != 2 {
		t.Errorf("%d records are left in the files", n)
	}
}

// behind goes through the keys of a kind of a store that is closed, in a copy.
func behind(t testing.TB, fs *vfs.MemFS, kind byte, each func(k []byte)) {
	t.Helper()
	copied := vfs.NewMem()
	if _, err := vfs.Clone(fs, copied, "journal", "journal"); err != nil {
		t.Fatal(err)
	}
	db, err := bare.Open("journal", &bare.Options{FS: copied, Logger: bareLog{}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	it, err := db.NewIter(&bare.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		each(it.Key())
	}
}

// A flipped bit in any file of the folder while it is closed: it isn't opened, for a reason
// that is named; or what is missing is told, and everything else is there as it was.
func TestAFlippedBit(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, "journal", fs)
	want := map[chat.EventID]journal.Record{}
	for i := range 20 {
		var batch []journal.Record
		for j := range 100 {
			batch = append(batch, fresh(fmt.Sprint(i, j, strings.Repeat(string(rune('a'+j%20)), 50+j))))
		}
		keep(t, s, batch...)
		for k := range batch {
			if k%2 > 0 {
				batch[k] = at(batch[k], chat.Seq(k))
			}
			want[batch[k].Event.ID] = batch[k]
		}
		if err := s.Note(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		closed(t, s) // tables are made
		s = open(t, "journal", fs)
	}
	closed(t, s)
	names, _ := fs.List("journal")
	refused, gaps, whole := 0, 0, 0
	for _, name := range names {
		b := []byte(read(t, fs, "journal/"+name))
		times := 40
		for k := range times {
			at := len(b)*k/times + k%7
			if at >= len(b) {
				continue
			}
			bad := vfs.NewMem()
			if _, err := vfs.Clone(fs, bad, "journal", "journal"); err != nil {
				t.Fatal(err)
			}
			other := bytes.Clone(b)
			other[at] ^= 1 << (k % 8)
			write(t, bad, "journal/"+name, other)
			switch told, err := flipped(t, bad, want); {
			case err != nil:
				t.Errorf("%s, byte %d of %d: %v", name, at, len(b), err)
			case told == "refused":
				refused++
			case told == "gaps":
				gaps++
			default:
				whole++
			}
		}
	}
	t.Logf("%d files: refused %d, parts missing and told %d, whole %d", len(names), refused, gaps, whole)
	if refused == 0 || gaps == 0 {
		t.Error("this proves nothing")
	}
}

// flipped says what a store with a flipped bit does, or what is wrong with that.
func flipped(t testing.TB, fs vfs.FS, want map[chat.EventID]journal.Record) (told string, wrong error) {
	s, h, err := hear(t, fs)
	if err != nil {
		if !errors.Is(err, chat.ErrUnavailable) && !errors.Is(err, chat.ErrInvalid) || !strings.Contains(h.String(), "level=ERROR") {
			wrong = fmt.Errorf("refused: %w, and it says %q", err, h)
		}
		return "refused", wrong
	}
	defer s.Close()
	found := map[chat.EventID]bool{}
	for r, err := range s.Load(t.Context()) {
		if err != nil {
			return "", err
		}
		w, ok := want[r.Event.ID]
		if !ok || found[r.Event.ID] {
			return "", fmt.Errorf("%v is there twice, or nobody kept it", r.Event.ID)
		}
		found[r.Event.ID] = true
		if sent := w; same(r, w) != nil {
			sent.Event.Seq, sent.Event.TextSeq, sent.Memory = 0, 0, ""
			sent.Event.At = r.Event.At
			if err := same(r, sent); err != nil || !r.Event.At.IsZero() {
				return "", err
			}
			told = "gaps" // what became of it is missing
		}
	}
	if missing := len(want) - len(found); missing > 0 {
		if told = "gaps"; missing > 600 {
			return "", fmt.Errorf("%d records are missing because of one bit", missing)
		}
	}
	if x := stats(t, s); told != "" && (x.Gaps == 0 && x.Damaged == 0 || !strings.Contains(h.String(), "level=ERROR")) {
		return "", fmt.Errorf("something is missing without a word: %+v, %d of %d, it says %q", x, len(found), len(want), h)
	}
	if err := s.Keep(t.Context(), []journal.Record{fresh("goes on")}); err != nil { // it is open for reading
		told = "refused"
		if !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(h.String(), "level=ERROR") {
			wrong = fmt.Errorf("refused: %w, and it says %q", err, h)
		}
	}
	return told, wrong
}

func write(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A flipped bit in the log behind a kill: the folder isn't opened, and the log is named; but
// where it is in what was written last, that looks like what a crash tore, and is told so.
func TestAFlippedBitInTheLog(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, "journal", fs)
	var want []journal.Record
	for i := range 200 {
		want = append(want, fresh(fmt.Sprint(i)))
		keep(t, s, want[i])
	}
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	closed(t, s)
	names, _ := left.List("journal")
	refused, torn, most := 0, 0, 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		b := []byte(read(t, left, "journal/"+name))
		end := len(bytes.TrimRight(b, "\x00"))
		for k := range 101 {
			at := min(end*k/100+k%7, end-10)
			bad := vfs.NewMem()
			if _, err := vfs.Clone(left, bad, "journal", "journal"); err != nil {
				t.Fatal(err)
			}
			other := bytes.Clone(b)
			other[at] ^= 1 << (k % 8)
			write(t, bad, "journal/"+name, other)
			s, h, err := hear(t, bad)
			if err != nil {
				if refused++; !errors.Is(err, chat.ErrUnavailable) || !strings.Contains(err.Error(), name+" in the store is damaged") {
					t.Errorf("byte %d: %v", at, err)
				}
				continue
			}
			got := load(t, s)
			for i := range got {
				if err := same(got[i], want[i]); err != nil {
					t.Errorf("byte %d: record %d: %v", at, i, err)
				}
			}
			if n := len(want) - len(got); n > 0 {
				torn, most = torn+1, max(most, n)
				if stats(t, s).Torn != 1 || !strings.Contains(h.String(), name) {
					t.Errorf("byte %d: %d records are missing, %+v, and it says %q", at, n, stats(t, s), h)
				}
			}
			closed(t, s)
		}
	}
	t.Logf("refused %d, taken for torn %d, at most %d records", refused, torn, most)
	if refused == 0 || torn == 0 {
		t.Error("this proves nothing")
	}
	if most > 1 {
		t.Errorf("%d records were missing, though the disk had them", most)
	}
}
