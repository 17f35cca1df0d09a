package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/parlor-chat/parlor/chat"
)

// browser is somebody's: it has his cookies.
type browser struct {
	t    *testing.T
	at   string // the address of the product
	http *http.Client
}

// newBrowser is one in which somebody has logged in. A nil transport is the network.
func newBrowser(t *testing.T, at string, transport http.RoundTripper, person string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t, at, &http.Client{Transport: transport, Jar: jar}}
	if person != "" {
		b.post("/login", "person="+person, http.StatusOK, "Content-Type", "application/x-www-form-urlencoded")
	}
	return b
}

// cookie is the secret of who has logged in.
func (b *browser) cookie() string {
	at, _ := url.Parse(b.at)
	return b.http.Jar.Cookies(at)[0].Value
}

func (b *browser) do(method, path, body string, headers ...string) *http.Response {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.at+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// is checks the status of an answer, and gives its body.
func (b *browser) is(answer *http.Response, status int) string {
	b.t.Helper()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != status {
		b.t.Errorf("%s %s: %d %.200s (%v), want %d", answer.Request.Method, answer.Request.URL.Path, answer.StatusCode, body, err, status)
	}
	return string(body)
}

func (b *browser) post(path, body string, status int, headers ...string) string {
	b.t.Helper()
	return b.is(b.do("POST", path, body, headers...), status)
}

func (b *browser) get(path string, status int) string {
	b.t.Helper()
	return b.is(b.do("GET", path, ""), status)
}

// say says something, under a key.
func (b *browser) say(project, text, key string) (r chat.Receipt) {
	b.t.Helper()
	b.decode(b.post("/projects/"+project+"/messages", text, http.StatusOK, "Idempotency-Key", key), &r)
	return r
}

// texts are those of a page.
func (b *browser) texts(project, query string) (all []string) {
	b.t.Helper()
	var p page
	b.decode(b.get("/projects/"+project+"/messages"+query, http.StatusOK), &p)
	for _, m := range p.Messages {
		all = append(all, m.From+": "+m.Text)
	}
	return all
}

func (b *browser) decode(text string, into any) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		b.t.Fatalf("%q: %v", text, err)
	}
}

// team puts somebody on a project, or takes him off it.
func (b *browser) team(project, person, on string) {
	b.t.Helper()
	b.post("/projects/"+project+"/team", "person="+person+"&on="+on, http.StatusOK, "Content-Type", "application/x-www-form-urlencoded")
}

// tab is a live stream in a browser.
type tab struct {
	*browser
	in   *bufio.Scanner
	last string // the id of the last event
}

// open begins a live stream, where another one was.
func (b *browser) open(last string) *tab {
	b.t.Helper()
	var headers []string
	if last != "" {
		headers = []string{"Last-Event-ID", last}
	}
	answer := b.do("GET", "/live", "", headers...)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("live: %d %v", answer.StatusCode, answer.Header)
	}
	l := &tab{b, bufio.NewScanner(answer.Body), last}
	l.in.Buffer(nil, 1<<20)
	return l
}

// event is the next event, as a browser reads it: its name, and its data. At the end of the
// stream both are empty.
func (l *tab) event() (name, data string) {
	l.t.Helper()
	for l.in.Scan() {
		field, value, _ := strings.Cut(l.in.Text(), ": ")
		switch field {
		case "id":
			l.last = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			if name != "" || data != "" {
				return name, data
			}
		}
	}
	return "", ""
}

// hears expects these texts next, and nothing else but what isn't a text.
func (l *tab) hears(texts ...string) {
	l.t.Helper()
	for _, want := range texts {
		var got entry
		for got.Kind != chat.KindText {
			name, data := l.event()
			if name != "" || data == "" {
				l.t.Fatalf("heard %q %q, want %q", name, data, want)
			}
			l.decode(data, &got)
		}
		if got.Text != want {
			l.t.Fatalf("heard %+v, want %q", got, want)
		}
	}
}

// begins expects that the stream begins anew.
func (l *tab) begins() {
	l.t.Helper()
	if name, _ := l.event(); name != "begin" || l.last == "" {
		l.t.Fatalf("heard %q at %q, want the beginning", name, l.last)
	}
}

// inProcess is a network with one server on it, which is a handler: it needs no sockets, which
// a test's bubble can't wait for.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	in, out := io.Pipe()
	w := &wire{header: http.Header{}, out: out, begun: make(chan struct{})}
	go func() {
		h.ServeHTTP(w, r.WithContext(ctx))
		w.WriteHeader(http.StatusOK)
		out.Close()
	}()
	<-w.begun
	return &http.Response{StatusCode: w.status, Header: w.header.Clone(), Request: r, Body: body{in, cancel}}, nil
}

// wire is the server's end of an answer.
type wire struct {
	header http.Header
	out    *io.PipeWriter
	once   sync.Once
	status int
	begun  chan struct{}
}

func (w *wire) Header() http.Header { return w.header }

func (w *wire) WriteHeader(status int) {
	w.once.Do(func() {
		w.status = status
		close(w.begun)
	})
}

func (w *wire) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.out.Write(b)
}

func (w *wire) Flush() {}

// body is the browser's end of an answer.
type body struct {
	*io.PipeReader
	cancel func()
}

func (b body) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
