package disk_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
	"github.com/parlor-chat/parlor/drivers/memory"
)

// An operator names the folder of a dead node. A slip makes no folder, and the one that lives
// keeps its own.
func TestADeadNodesFolderIsNamed(t *testing.T) {
	fs, mem := vfs.NewMem(), memory.New(nil)
	defer mem.Close()
	left := open(t, "dead", fs)
	keep(t, left, fresh("one"))
	keep(t, left, fresh("two"))
	own := open(t, "node", fs)
	defer closed(t, own)
	j, err := journal.New(t.Context(), own, mem.Broker(), &journal.Options{Logger: quiet, Dead: disk.Dead(&disk.Options{FS: fs, Log: quiet, Reserve: -1})})
	if err == nil {
		err = begin(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := fs.MkdirAll("empty", 0o700); err != nil {
		t.Fatal(err)
	}
	for where, kind := range map[string]error{"": chat.ErrInvalid, "daed": chat.ErrNotFound, "empty": chat.ErrNotFound, "dead": chat.ErrUnavailable, "node": chat.ErrUnavailable} {
		got, err := chat.Adopt(t.Context(), j, where)
		if !errors.Is(err, kind) || got != (chat.Adopted{}) {
			t.Errorf("%q: %+v, %v, want %v", where, got, err, kind)
		}
	}
	names, err := fs.List("")
	if err != nil || strings.Contains(strings.Join(names, " "), "daed") {
		t.Errorf("there are %v, %v", names, err)
	}
	closed(t, left)
	for _, want := range []chat.Adopted{{Taken: 2}, {}} { // the second finds it closed behind the first
		if got, err := chat.Adopt(t.Context(), j, "dead"); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}
