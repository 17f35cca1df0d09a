package presence

import (
	"sync"
	"time"
)

// Buckets are token buckets in memory: what a driver keeps that has no other place for them.
// The zero value is ready, and all its buckets are full.
//
// Each bucket is one time: when it will be full again. A token that is taken puts that off by
// the time that a token takes; a bucket is empty when it would be put off beyond what the
// burst takes (the generic cell rate algorithm, ITU-T I.371). So a full bucket is nothing, and
// is forgotten.
type Buckets struct {
	mu    sync.Mutex
	full  map[string]time.Time
	sweep int // takings until full buckets are looked for
}

// sweepLeast is the least number of takings between two sweeps.
const sweepLeast = 1024

// Take does what [Limiter] says, at a time. The buckets have been checked.
func (b *Buckets) Take(now time.Time, buckets ...Bucket) Taken {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := Taken{Short: -1}
	for i, x := range buckets {
		full, most := b.full[x.Key], now.Add(x.Rate.whole())
		if full.After(most) { // the clock was set back, or the rate is another
			full = most
			b.full[x.Key] = full
		}
		if wait := x.Rate.put(full, now).Sub(most); wait > taken.Wait {
			taken = Taken{i, wait}
		}
	}
	if taken.Short >= 0 {
		return taken
	}
	if b.full == nil {
		b.full = map[string]time.Time{}
	}
	for _, x := range buckets {
		b.full[x.Key] = x.Rate.put(b.full[x.Key], now)
	}
	if b.sweep--; b.sweep < 0 {
		for key, full := range b.full {
			if !full.After(now) {
				delete(b.full, key)
			}
		}
		b.sweep = max(sweepLeast, len(b.full))
	}
	return taken
}

// Len is how many buckets are remembered: those that aren't full, and some that are.
func (b *Buckets) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.full)
}

// put is when a bucket will be full that one token more is taken from.
func (r Rate) put(full, now time.Time) time.Time {
	if full.Before(now) {
		full = now
	}
	return full.Add(r.token())
}

// token is the time that one token takes, whole what a burst does.
func (r Rate) token() time.Duration { return max(r.Per/time.Duration(r.Events), 1) }
func (r Rate) whole() time.Duration { return r.token() * time.Duration(r.Burst) }
