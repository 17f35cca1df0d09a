package presence

import (
	"context"
	"errors"
	"time"

	"github.com/parlor-chat/parlor/chat"
)

// Rate is how often something may be done: Events in each Per on average, and up to Burst of
// them at once. The zero Rate is no limit.
type Rate struct {
	Events int           // from 1 to [MaxRate]
	Per    time.Duration // from a millisecond to a day
	Burst  int           // from 1 to [MaxRate]
}

// MaxRate is the most events of a [Rate], and the largest burst.
const MaxRate = 1_000_000

// Check says whether a rate is one; the zero Rate isn't. field names it in errors.
func (r Rate) Check(op, field string) error {
	switch {
	case r.Events < 1:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: field + ".events"}
	case r.Events > MaxRate:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: field + ".events", Limit: MaxRate}
	case r.Per < time.Millisecond:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: field + ".per"}
	case r.Per > 24*time.Hour:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: field + ".per", Limit: int64(24 * time.Hour)}
	case r.Burst < 1:
		return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: field + ".burst"}
	case r.Burst > MaxRate:
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: field + ".burst", Limit: MaxRate}
	}
	return nil
}

// Bucket is a token bucket: it begins full, with Rate.Burst tokens, and is filled up again at
// the rate. Whoever names the same key with another rate has the same tokens measured by that.
type Bucket struct {
	Key  string // 1 to [MaxBucketKey] bytes
	Rate Rate
}

// Bounds of what is taken at once.
const (
	MaxBucketKey = 1024
	MaxBuckets   = 8
)

// Limiter is an optional capability of a [Registry]: buckets that all nodes share. They last
// as presence does: what is lost with a server that stops is full again.
type Limiter interface {
	// Take takes one token out of each of up to [MaxBuckets] buckets. If one of them is
	// empty, it takes none at all, and says which of them it is that is full enough last,
	// and after which time. Time is the registry's; where it is set back, nobody waits
	// longer than an empty bucket takes for one token.
	Take(ctx context.Context, buckets ...Bucket) (Taken, error)
}

// Taken is what came of a Take.
type Taken struct {
	Short int           // the bucket that was empty, by its place; -1: all had a token, and one less since
	Wait  time.Duration // after which it has one; above 0 where one was empty
}

// Take takes tokens out of r's buckets, or is [errors.ErrUnsupported] where r has none.
func Take(ctx context.Context, r Registry, buckets ...Bucket) (Taken, error) {
	if l, ok := r.(Limiter); ok {
		return l.Take(ctx, buckets...)
	}
	return Taken{}, errors.ErrUnsupported
}

// CheckTake says whether buckets may be taken from.
func CheckTake(op string, buckets []Bucket) error {
	if len(buckets) > MaxBuckets {
		return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "buckets", Limit: MaxBuckets}
	}
	for i := range buckets {
		switch n := len(buckets[i].Key); {
		case n == 0:
			return &chat.Error{Kind: chat.ErrInvalid, Op: op, Field: "key"}
		case n > MaxBucketKey:
			return &chat.Error{Kind: chat.ErrTooLarge, Op: op, Field: "key", Limit: MaxBucketKey}
		}
		if err := buckets[i].Rate.Check(op, "rate"); err != nil {
			return err
		}
	}
	return nil
}
