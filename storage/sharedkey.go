package storage

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"github.com/parlor-chat/parlor/chat"
)

// SharedKeySize is the length of a shared key in bytes.
const SharedKeySize = 32

// SharedKey is a random key that all who share a fence have under one name: the first who
// asks makes it, and it stays. It lies in the register of that name, so whoever reads the
// store has it: it is for what may be made anew, such as signatures of tokens, not for
// hiding what is stored. ErrUnavailable with field "key": the register holds something
// else.
func SharedKey(ctx context.Context, f Fence, name string) ([]byte, error) {
	for {
		was, err := f.Value(ctx, name)
		if err != nil {
			return nil, err
		}
		if was != "" {
			key, err := hex.DecodeString(was)
			if err != nil || len(key) != SharedKeySize {
				return nil, &chat.Error{Kind: chat.ErrUnavailable, Op: "shared key", Field: "key"}
			}
			return key, nil
		}
		key := make([]byte, SharedKeySize)
		rand.Read(key) // never fails: crypto/rand ends the program instead
		err = f.Swap(ctx, name, "", hex.EncodeToString(key))
		if err != nil && !errors.Is(err, chat.ErrConflict) {
			return nil, err
		}
	}
}
