package searchtest_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
)

// twoSteps applies documents and watermarks one behind the other, as others may see for a
// moment; not in the beginning.
func twoSteps(docsFirst bool) func(context.Context, search.Index, []search.Document, []chat.Position) error {
	return func(ctx context.Context, ix search.Index, docs []search.Document, upTo []chat.Position) error {
		if len(docs) != 1 || docs[0].Position.Seq < 90 {
			return ix.Apply(ctx, docs, upTo...)
		}
		steps := []func() error{func() error { return ix.Apply(ctx, docs) }, func() error { return ix.Apply(ctx, nil, upTo...) }}
		if !docsFirst {
			slices.Reverse(steps)
		}
		err := steps[0]()
		time.Sleep(time.Millisecond)
		return errors.Join(err, steps[1]())
	}
}
