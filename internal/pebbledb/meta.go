package pebbledb

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parlor-chat/parlor/chat"
)

// metaKey is the one key that is the folder's own: what lies there.
var metaKey = []byte{'m'}

// meta says what a folder is.
type meta struct {
	format int64
	id     string // random, made with the folder
}

func (m *meta) append(dst []byte) []byte {
	return PutString(binary.AppendVarint(dst, m.format), m.id)
}

// parseMeta reads it, of no newer format than is known here.
func parseMeta(b []byte, known int64) (m meta, err error) {
	v := Values{Left: b}
	if m.format = v.Int(); m.format > known { // what follows may be anything
		return m, &chat.Error{Kind: chat.ErrInvalid, Op: "open", Field: "format", Limit: known,
			Err: fmt.Errorf("the store is of format %d, written by a newer version", m.format)}
	}
	m.id = v.String()
	return m, v.Done("the store's name")
}

// name reads which folder this is, or names a new one.
func (f *Folder) name() error {
	b, err := Get(f.db, metaKey)
	switch {
	case err != nil:
		return err
	case b != nil:
		f.meta, err = parseMeta(b, f.opt.Format)
		return err
	case !f.writable:
		return errors.New("the store was never finished")
	}
	f.meta = meta{format: f.opt.Format, id: chat.NewID().String()}
	return f.db.Set(metaKey, f.meta.append(nil), pebble.Sync)
}

// ID names the database: another one has another name.
func (f *Folder) ID() string { return f.meta.id }
