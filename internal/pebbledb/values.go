package pebbledb

import "encoding/binary"

// Values reads a list of numbers and strings: a number is a varint, a string its length and
// its bytes. Behind one that can't be read all are 0 and "".
type Values struct {
	Left []byte
	bad  bool
}

// Int is the next, a number.
func (v *Values) Int() int64 {
	n, k := binary.Varint(v.Left)
	if k <= 0 {
		v.bad, v.Left = true, nil
		return 0
	}
	v.Left = v.Left[k:]
	return n
}

// String is the next, a string.
func (v *Values) String() string {
	n := v.Int()
	if n < 0 || n > int64(len(v.Left)) {
		v.bad, v.Left = true, nil
		return ""
	}
	s := string(v.Left[:n])
	v.Left = v.Left[n:]
	return s
}

// Done is an error that names what was read, where it wasn't such a list, or is longer.
func (v *Values) Done(what string) error {
	if v.bad || len(v.Left) > 0 {
		return Damaged(what)
	}
	return nil
}

// PutString appends a string as [Values] reads it; numbers are varints.
func PutString(dst []byte, s string) []byte {
	return append(binary.AppendVarint(dst, int64(len(s))), s...)
}
