package storage_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/memory"
	"github.com/parlor-chat/parlor/storage"
)

// overtaken is a fence at which another always makes the key first.
type overtaken struct{ storage.Fence }

func (f overtaken) Swap(ctx context.Context, name, from, to string) error {
	if _, err := storage.SharedKey(ctx, f.Fence, name); err != nil {
		return err
	}
	return f.Fence.Swap(ctx, name, from, to)
}

func TestSharedKey(t *testing.T) {
	fence := memory.New(nil).Set().Fence
	key, err := storage.SharedKey(t.Context(), overtaken{fence}, "one")
	if err != nil || len(key) != storage.SharedKeySize || bytes.Equal(key, make([]byte, len(key))) {
		t.Fatalf("key %x (%v)", key, err)
	}
	if again, err := storage.SharedKey(t.Context(), fence, "one"); err != nil || !bytes.Equal(again, key) {
		t.Errorf("first it is %x, then %x (%v)", key, again, err)
	}
	other, err := storage.SharedKey(t.Context(), fence, "other")
	if err != nil || bytes.Equal(other, key) {
		t.Errorf("under another name: %x (%v)", other, err)
	}
	for _, damaged := range []string{"secret", "cd", strings.Repeat("cd", storage.SharedKeySize+1)} {
		fence := memory.New(nil).Set().Fence
		if err := fence.Swap(t.Context(), "one", "", damaged); err != nil {
			t.Fatal(err)
		}
		_, err := storage.SharedKey(t.Context(), fence, "one")
		var e *chat.Error
		if !errors.As(err, &e) || e.Kind != chat.ErrUnavailable || e.Field != "key" || strings.Contains(err.Error(), damaged) {
			t.Errorf("%q: error %v", damaged, err)
		}
	}
	if _, err := storage.SharedKey(t.Context(), fence, "two words"); !errors.Is(err, chat.ErrInvalid) {
		t.Errorf("a name that is no key: %v", err)
	}
}
