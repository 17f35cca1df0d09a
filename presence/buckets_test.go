package presence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/presence"
	"pgregory.net/rapid"
)

// Against a model that counts tokens: over any times, also such as fall, no more is given than
// a bucket can hold and gets, who waits as long as he was told is let in, and nobody is told to
// wait longer than for one token.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := presence.Rate{Events: rapid.IntRange(1, 50).Draw(t, "events"), Per: time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond, Burst: rapid.IntRange(1, 20).Draw(t, "burst")}
		token := r.Per / time.Duration(r.Events)
		var b presence.Buckets
		now, given := time.Unix(1000, 0), []time.Time{}
		back := false
		for range rapid.IntRange(1, 100).Draw(t, "takes") {
			step := time.Duration(rapid.Int64Range(0, 3*int64(token)).Draw(t, "step"))
			if rapid.IntRange(0, 30).Draw(t, "back") == 0 {
				step, back = -step*10, true
			}
			now = now.Add(step)
			got := b.Take(now, presence.Bucket{Key: "k", Rate: r})
			switch {
			case got.Short >= 0 && (got.Wait <= 0 || got.Wait > token):
				t.Fatalf("told to wait %v; a token takes %v", got.Wait, token)
			case got.Short >= 0:
				now = now.Add(got.Wait)
				if again := b.Take(now, presence.Bucket{Key: "k", Rate: r}); again.Short >= 0 {
					t.Fatalf("waited %v, and told to wait %v", got.Wait, again.Wait)
				}
			}
			given = append(given, now)
			if back {
				continue
			}
			for i, from := range given { // from there on no more than the burst and what came
				if n := len(given) - i; n > r.Burst+int(now.Sub(from)/token) {
					t.Fatalf("%d were given in %v", n, now.Sub(from))
				}
			}
		}
	})
}

// What is full is forgotten: memory doesn't grow with those who were here once.
func TestFullBucketsAreForgotten(t *testing.T) {
	var b presence.Buckets
	now := time.Unix(1000, 0)
	r := presence.Rate{Events: 1, Per: time.Second, Burst: 10}
	most := 0
	for i := range 100_000 {
		now = now.Add(10 * time.Millisecond)
		b.Take(now, presence.Bucket{Key: fmt.Sprint(i), Rate: r})
		most = max(most, b.Len())
	}
	if most > 3000 { // a hundred aren't full at any time
		t.Errorf("%d buckets are remembered", most)
	}
}

func BenchmarkTake(b *testing.B) {
	var buckets presence.Buckets
	r := presence.Rate{Events: 1000, Per: time.Second, Burst: 1000}
	three := []presence.Bucket{{Key: "user", Rate: r}, {Key: "room", Rate: r}, {Key: "tenant", Rate: r}}
	b.ReportAllocs()
	now := time.Unix(1000, 0)
	for b.Loop() {
		now = now.Add(time.Millisecond)
		buckets.Take(now, three...)
	}
}
