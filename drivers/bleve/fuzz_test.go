package bleve_test

import (
	"bytes"
	"testing"

	"github.com/parlor-chat/parlor/drivers/bleve"
)

// fuzz reads bytes from outside, and checks that what was read is written and read the same.
func fuzz(f *testing.F, parse func([]byte) ([]byte, error)) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := parse(b)
		if err != nil {
			return
		}
		twice, err := parse(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%x is read as %x, and that as %x, %v", b, once, twice, err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte("\x01\x07\x01\x01t\x01r\x05\x09\x80\x01\x00\x02\x01a\x01b\x01\x03ann\x00\x00\x00\x00\x00\x01\x01t\x01r\x05"))
	f.Add([]byte("\x01\x07\x01\x01t\x01r\x05\x09\x80\x01\x01\x00"))
	f.Add([]byte("\x02\x07\x01t\x00\x01"))
	f.Add([]byte("\x02\x07\x01t\x01r\x00\x02\x05"))
	fuzz(f, bleve.ParseRecord)
}

func FuzzParseState(f *testing.F) {
	f.Add(bleve.SomeState())
	fuzz(f, bleve.ParseState)
}

func FuzzParseID(f *testing.F) {
	f.Add([]byte("\x80\x00\x00\x00\x00\x00\x01\x05\x07"))
	fuzz(f, bleve.ParseID)
}

func FuzzParseStored(f *testing.F) {
	f.Add([]byte("\x03\x01a\x02bb"))
	fuzz(f, bleve.ParseStored)
}
