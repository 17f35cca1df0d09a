package main

import (
	"log/slog"
	"net/http"
	"slices"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

const address = "http://product.test"

// site is the product on several nodes that share what it knows.
type site struct {
	*hubtest.Kit
	t *testing.T
	p *product
}

func onNodes(t *testing.T, fn func(s *site)) {
	p := newProduct()
	hubtest.RunWith(t, 2, hubtest.Options{Hub: hub.Options{Access: p, Users: p}}, func(t *testing.T, k *hubtest.Kit) {
		fn(&site{k, t, p})
	})
}

// at is a browser of somebody, or of a stranger, that reaches a node, as that is now.
func (s *site) at(node int, person string) *browser {
	s.t.Helper()
	return newBrowser(s.t, address, inProcess{handler(s.p, s.Node(node), slog.New(slog.DiscardHandler))}, person)
}

// Bob's node dies, and he goes on at the other one without a gap; what was said while the broker
// was away is among it, and nothing is there twice.
func TestALiveStreamGoesOnAtAnotherNode(t *testing.T) {
	onNodes(t, func(s *site) {
		ann := s.at(1, "1")
		bob := s.at(0, "2").open("")
		bob.begins()
		ann.say("bridge", "one", "a")
		bob.hears("one")

		s.Kill(0)
		if name, data := bob.event(); name != "" || data != "" {
			t.Fatalf("a dead node says %q %q", name, data)
		}
		ann.say("bridge", "two", "b")
		heal := s.Fail(hubtest.Broker, hubtest.Down)
		if r := ann.say("bridge", "three", "c"); r.State != chat.Pending {
			t.Errorf("without a broker it is %v", r.State)
		}
		ann.say("bridge", "three", "c") // nobody told her
		heal()
		s.Settle()

		bob = s.at(1, "2").open(bob.last)
		bob.hears("two", "three")
		ann.say("bridge", "four", "d")
		bob.hears("four")
		if got := ann.texts("bridge", ""); !slices.Equal(got, []string{"Ann: one", "Ann: two", "Ann: three", "Ann: four"}) {
			t.Errorf("the page has %q", got)
		}
	})
}

// Whoever is taken off a project hears no more of it, on whichever node he is, and can't resume
// into it; his other projects go on.
func TestWhoLosesAProjectIsCutOff(t *testing.T) {
	onNodes(t, func(s *site) {
		ann, bob := s.at(1, "1"), s.at(0, "2")
		live := bob.open("")
		live.begins()
		ann.say("bridge", "one", "a")
		live.hears("one")
		before := live.last

		ann.team("bridge", "2", "")
		s.Settle()
		ann.say("bridge", "not for bob", "b")
		ann.say("tower", "for bob", "c")
		live.hears("for bob")
		again := bob.open(before)
		again.hears("for bob")
		bob.get("/projects/bridge", http.StatusNotFound)
		bob.get("/projects/bridge/messages", http.StatusNotFound)
		bob.post("/projects/bridge/messages", "let me in", http.StatusNotFound)
		if got := bob.texts("bridge", "?q=one"); len(got) > 0 {
			t.Errorf("he finds %q", got)
		}

		ann.team("bridge", "2", "yes")
		s.Settle()
		ann.say("bridge", "for bob again", "d")
		live.hears("for bob again")
	})
}

// A stream ends, so that whoever has logged out hears no more.
func TestWhoLogsOutIsCutOff(t *testing.T) {
	onNodes(t, func(s *site) {
		bob := s.at(0, "2")
		live := bob.open("")
		live.begins()
		bob.post("/logout", "", http.StatusOK)
		if name, data := live.event(); name != "" || data != "" {
			t.Errorf("heard %q %q", name, data)
		}
		bob.get("/live", http.StatusUnauthorized)
	})
}
