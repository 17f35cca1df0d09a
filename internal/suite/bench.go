package suite

import (
	"testing"
	"time"
)

// Report tells how many times longer a driver took for n operations than something
// bare did for as many in the same run.
func Report(b *testing.B, n int, spent, bare time.Duration) {
	b.ReportMetric(float64(n)/spent.Seconds(), "op/s")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(n), "bare-ns/op")
	b.ReportMetric(float64(spent)/float64(max(bare, 1)), "x-bare")
}
