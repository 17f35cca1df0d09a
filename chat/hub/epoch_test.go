package hub

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/storage"
)

// The register is bounded: whoever doesn't fit in is unheard of, and after a loss he is
// missing. Who is in stays in.
func TestTooManyHoldersAreUnheardOf(t *testing.T) {
	e := epoch{number: 3, memory: "m", past: []string{"l", "k"}}
	for range 2 { // again, for each round tells it again
		for i := range 400 {
			was := e
			e = parseEpoch(e.with(fmt.Sprintf("node-of-a-long-name-%04d", i)).String())
			if n := len(e.String()); n > storage.MaxRegister {
				t.Fatalf("%d holders take %d bytes", i, n)
			}
			for _, h := range was.holders {
				if !slices.Contains(e.holders, h) {
					t.Fatalf("%s is forgotten", h)
				}
			}
		}
	}
	if !slices.Contains(e.holders, unheard) || len(e.holders) < 100 || e.doubt || e.number != 3 || e.memory != "m" {
		t.Errorf("%d holders, %v", len(e.holders), e)
	}
	full := e.String()
	if again := e.with("node-of-a-long-name-0399").String(); again != full {
		t.Error("it changes whenever somebody tells again who doesn't fit in")
	}
}
