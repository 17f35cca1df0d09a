package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub/hubtest"
)

// logs is what the program logs.
type logs struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

// start runs the program on a folder, until stop, and says where.
func start(t *testing.T, dir string, l *logs) (at string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- run(ctx, listener, dir, slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}()
	return "http://" + listener.Addr().String(), sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the program ends with %v", err)
		}
	})
}

// Two people talk, the program starts anew, and they go on.
func TestStory(t *testing.T) {
	dir, l := t.TempDir(), &logs{}
	at, stop := start(t, dir, l)
	defer func() { stop() }()
	ann, bob := newBrowser(t, at, nil, "1"), newBrowser(t, at, nil, "2")
	live := bob.open("")
	live.begins()
	ann.say("bridge", "The steel is here", "a")
	live.hears("The steel is here")
	secrets := []string{ann.cookie(), bob.cookie(), live.last, "The steel"}
	stop() // with a stream open
	if name, data := live.event(); name != "" || data != "" {
		t.Errorf("a program that has ended says %q %q", name, data)
	}

	at, stop = start(t, dir, l)
	ann, bob = newBrowser(t, at, nil, "1"), newBrowser(t, at, nil, "2")
	ann.say("bridge", "All of it", "b")
	live = bob.open(live.last)
	live.hears("All of it")
	ann.say("bridge", "And the bolts", "c")
	live.hears("And the bolts")
	if got := bob.texts("bridge", ""); !slices.Equal(got, []string{"Ann: The steel is here", "Ann: All of it", "Ann: And the bolts"}) {
		t.Errorf("the page has %q", got)
	}
	for { // the index follows
		if got := bob.texts("bridge", "?q="+"steel+from:Ann"); slices.Equal(got, []string{"Ann: The steel is here"}) {
			break
		} else if len(got) > 0 || t.Context().Err() != nil {
			t.Fatalf("found %q", got)
		}
	}
	ann.team("bridge", "3", "") // an operator reads of that
	for _, page := range []string{"/", "/projects/bridge", "/page/chat.js"} {
		bob.get(page, http.StatusOK)
	}
	stop()

	// What is secret is in no log.
	secrets = append(secrets, ann.cookie(), bob.cookie(), live.last)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range secrets {
		if strings.Contains(l.String(), s) {
			t.Errorf("%q is logged", s)
		}
	}
	if !strings.Contains(l.String(), "recheck") {
		t.Errorf("this is logged: %s", l)
	}
}

func TestSaidOnce(t *testing.T) {
	onNodes(t, func(s *site) {
		ann := s.at(0, "1")
		first := ann.say("bridge", "one", "a")
		if again := s.at(1, "1").say("bridge", "one", "a"); !again.Duplicate || again.Seq != first.Seq {
			t.Errorf("said again: %+v, first %+v", again, first)
		}
		ann.post("/projects/bridge/messages", "two", http.StatusConflict, "Idempotency-Key", "a")
		s.Settle()
		if got := ann.texts("bridge", ""); !slices.Equal(got, []string{"Ann: one"}) {
			t.Errorf("the page has %q", got)
		}
	})
}

func TestPagesBefore(t *testing.T) {
	onNodes(t, func(s *site) {
		ann := s.at(0, "1")
		for range perPage + 2 {
			ann.say("bridge", "soup", "")
		}
		var newest, older page
		ann.decode(ann.get("/projects/bridge/messages", http.StatusOK), &newest)
		ann.decode(ann.get("/projects/bridge/messages?before=3", http.StatusOK), &older)
		if len(newest.Messages) != perPage || !newest.More || newest.Messages[0].Seq != 3 || len(older.Messages) != 2 || older.More {
			t.Errorf("%d messages, more %v, from %d; before: %d, more %v", len(newest.Messages), newest.More, newest.Messages[0].Seq, len(older.Messages), older.More)
		}
	})
}

// A browser whose place is of no use begins anew.
func TestAPlaceOfNoUse(t *testing.T) {
	onNodes(t, func(s *site) {
		anns := s.at(0, "1").open("")
		anns.begins()
		for _, last := range []string{"x", anns.last} { // and another's
			live := s.at(0, "2").open(last)
			live.begins()
		}
	})
}

func TestRefused(t *testing.T) {
	onNodes(t, func(s *site) {
		ann, eve, stranger := s.at(0, "1"), s.at(0, "3"), s.at(0, "")
		const bridge, tower, none = "/projects/bridge/messages", "/projects/tower/messages", "/projects/none/messages"
		full := strings.Repeat("x", chat.MaxBody)
		ann.post(bridge, full, http.StatusOK)
		ann.post(bridge, full+"x", http.StatusRequestEntityTooLarge)
		ann.post(bridge, full+full+full, http.StatusRequestEntityTooLarge)
		ann.post(bridge, "", http.StatusBadRequest)
		ann.post(bridge, "\x00", http.StatusBadRequest)
		ann.post(bridge, "long", http.StatusRequestEntityTooLarge, "Idempotency-Key", strings.Repeat("k", chat.MaxClientID+1))
		ann.post(bridge, "from elsewhere", http.StatusForbidden, "Sec-Fetch-Site", "cross-site")
		for _, before := range []string{"x", "1x", "-1", "99999999999999999999"} {
			ann.get(bridge+"?before="+before, http.StatusBadRequest)
		}
		ann.get(bridge+"?q="+strings.Repeat("x", 100_000), http.StatusRequestEntityTooLarge)
		for _, path := range []string{"/live", bridge} {
			stranger.get(path, http.StatusUnauthorized)
		}
		stranger.post(bridge, "hello", http.StatusUnauthorized)
		stranger.post("/projects/tower/team", "person=3&on=yes", http.StatusNotFound, "Content-Type", "application/x-www-form-urlencoded")
		// A project of others is as one that isn't there.
		for _, path := range []string{tower, none} {
			if got := eve.get(path, http.StatusNotFound); got != "parlor: page: room: not found\n" {
				t.Errorf("%q", got)
			}
			if got := eve.post(path, "hello", http.StatusNotFound); got != "parlor: send: room: not found\n" {
				t.Errorf("%q", got)
			}
		}
		if got := ann.texts("bridge", ""); len(got) != 1 {
			t.Errorf("%d messages", len(got))
		}
	})
}

var errOnFire = errors.New("the disk /dev/sda1 is on fire")

// Each kind of error has a status; what is wrong on our side is nobody's business.
func TestStatuses(t *testing.T) {
	for kind, want := range map[error]int{
		chat.ErrUnauthenticated: 401, chat.ErrForbidden: 403, chat.ErrNotFound: 404, chat.ErrConflict: 409, chat.ErrExpired: 410, chat.ErrTooLarge: 413,
		chat.ErrInvalid: 400, chat.ErrRateLimited: 429, chat.ErrUnavailable: 503, chat.ErrIncomplete: 503, chat.ErrClosed: 503,
		errOnFire: 500,
	} {
		if got := statusOf(&chat.Error{Kind: kind}); got != want {
			t.Errorf("%v: %d, want %d", kind, got, want)
		}
	}
	onNodes(t, func(s *site) {
		ann := s.at(0, "1")
		for range 2 * chat.HeadSize {
			ann.say("bridge", "soup", "")
		}
		s.Settle()
		heal := s.Fail(hubtest.History, hubtest.Fault{Err: &chat.Error{Kind: chat.ErrUnavailable, Err: errOnFire}})
		defer heal()
		if got := ann.get("/projects/bridge/messages?before=9", http.StatusServiceUnavailable); strings.Contains(got, "sda1") {
			t.Errorf("a stranger is told %q", got)
		}
	})
}

// The three handlers are few lines, as the README says.
func TestItIsShort(t *testing.T) {
	b, err := os.ReadFile("chat.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("\n")); n >= 100 {
		t.Errorf("chat.go has %d lines", n)
	}
}
