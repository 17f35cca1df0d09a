package pebbledb

import (
	"encoding/binary"
	"testing"
)

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
