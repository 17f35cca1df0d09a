package pebbledb

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func readAll(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzValues reads anything as what a folder is, and as a list: it is refused, or means what
// it is written as again.
func FuzzValues(f *testing.F) {
	f.Add((&meta{1, "id"}).append(nil))
	f.Add([]byte{2, 4, 'i', 'd'})
	f.Add([]byte{2, 200, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := parseMeta(b, 1); err == nil {
			if y, err := parseMeta(x.append(nil), 1); err != nil || x != y {
				t.Errorf("%+v, %+v, %v", x, y, err)
			}
		}
		v := Values{Left: b}
		n, s := v.Int(), v.String()
		if v.Done("it") == nil {
			again := Values{Left: PutString(binary.AppendVarint(nil, n), s)}
			if m, r := again.Int(), again.String(); m != n || r != s || again.Done("it") != nil {
				t.Errorf("%d %q came back as %d %q", n, s, m, r)
			}
		} else if len(v.Left) > 0 && v.bad {
			t.Errorf("%q is left behind what can't be read", v.Left)
		}
	})
}

// FuzzChunks reads anything as a log: nothing is found that isn't there, and it ends.
func FuzzChunks(f *testing.F) {
	disk := vfs.NewMem()
	w, err := Open("store", options(disk, quiet))
	if err != nil {
		f.Fatal(err)
	}
	for range 3 {
		b := w.DB().NewBatch()
		if err := errors.Join(b.Set([]byte("key"), []byte("value"), nil), w.Mark(b), w.DB().Apply(b, pebble.Sync)); err != nil {
			f.Fatal(err)
		}
		w.Synced(b)
		b.Close()
	}
	log := readAll(f, disk, "store/000002.log")
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(log, 40)
	f.Add(log[:len(log)-3], len(log)-20)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		if at < 0 || at > len(b) {
			return
		}
		l := blocks{f: vfs.NewMemFile(b), number: 2}
		end, err := l.end(int64(at))
		if err != nil || end < int64(at) || end > int64(len(b)+blockSize) {
			t.Errorf("from %d of %d it ends at %d, %v", at, len(b), end, err)
		}
		first, synced, err := l.behind(end)
		if err != nil || first == 0 && synced > 0 {
			t.Errorf("behind: %d, %d, %v", first, synced, err)
		}
		l.begun(end)
		marked(b)
	})
}
