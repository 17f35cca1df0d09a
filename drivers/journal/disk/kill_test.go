package disk_test

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/journal"
	"github.com/parlor-chat/parlor/drivers/journal/disk"
	"github.com/parlor-chat/parlor/drivers/memory"
)

var kills = flag.Int("kills", 5, "how many times a process is killed")

// A process with 64 senders is killed with -9 at a random moment, again and again on the same
// folder: every event that it acknowledged is there, once, or was dropped, and a journal over
// it places it.
func TestKill(t *testing.T) {
	if dir := os.Getenv("PARLOR_JOURNAL_KILLED"); dir != "" {
		victim(t, dir)
		return
	}
	dir := t.TempDir()
	w := newWitness()
	wrong := 0
	for i := range *kills {
		killed(t, dir, w)
		s := open(t, dir, vfs.Default)
		w.mu.Lock()
		if err := w.wrong(load(t, s), false); err != nil {
			t.Errorf("kill %d: %v", i, err)
			wrong++
		}
		w.mu.Unlock()
		if i%2 > 0 {
			adrift(t, s, w)
		}
		closed(t, s)
		if t.Failed() {
			break
		}
	}
	t.Logf("kills: %d, acknowledged: %d, wrong after %d", *kills, len(w.acked), wrong)
	if len(w.acked) < 10**kills {
		t.Error("too little happened for this to prove anything")
	}
}

// killed runs a victim, notes what it acknowledges, and kills it.
func killed(t *testing.T, dir string, w *witness) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "PARLOR_JOURNAL_KILLED="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{})
	read := make(chan struct{})
	go func() {
		defer close(read)
		begin := sync.OnceFunc(func() { close(began) })
		defer begin()
		for in := bufio.NewScanner(out); in.Scan(); {
			verb, id, _ := strings.Cut(in.Text(), " ")
			e, err := chat.ParseEventID(id)
			if err != nil {
				continue // of the test, or cut off
			}
			w.mu.Lock()
			switch verb {
			case "try":
				w.tried[e] = true
			case "ack":
				event := said(id)
				event.ID = e
				w.acked[e] = journal.Record{Event: event}
				begin()
			case "drop":
				w.dropped[e] = true
			}
			w.mu.Unlock()
		}
	}()
	<-began
	time.Sleep(rand.N(300 * time.Millisecond))
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	<-read
	cmd.Wait()
}

// adrift has a journal place what is left, over a broker that knows nothing, and empties the
// store.
func adrift(t *testing.T, s *disk.Store, w *witness) {
	t.Helper()
	mem := memory.New(nil)
	defer mem.Close()
	records := load(t, s)
	j, err := journal.New(t.Context(), s, mem.Broker(), &journal.Options{Logger: quiet})
	if err == nil {
		err = begin(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if !until(20*time.Second, func() bool { return placed(t, j) == len(records) }) {
		t.Errorf("%d were placed of %d", placed(t, j), len(records))
	}
	head, err := mem.Broker().Recent(t.Context(), room, chat.Latest(1).All())
	if err != nil || int(head.Last) != len(records) {
		t.Errorf("the room has %d events of %d, %v", head.Last, len(records), err)
	}
	for i := range records {
		w.dropped[records[i].Event.ID] = true
		if err := j.Forget(t.Context(), records[i].Event); err != nil {
			t.Fatal(err)
		}
	}
	if x := stats(t, s); x.Records > 0 {
		t.Errorf("%d records are left", x.Records)
	}
}

// placed is how many events a journal holds that are placed.
func placed(t testing.TB, j *journal.Journal) (n int) {
	t.Helper()
	for after := int64(0); ; {
		held, err := j.Held(t.Context(), after, chat.MaxBatch)
		if err != nil {
			t.Fatal(err)
		}
		if len(held) == 0 {
			return n
		}
		for i := range held {
			if held[i].State == chat.Placed {
				n++
			}
		}
		after = held[len(held)-1].Number + 1
	}
}

// victim keeps and drops until it is killed, and says so.
func victim(t *testing.T, dir string) {
	s := open(t, dir, vfs.Default)
	var mu sync.Mutex
	say := func(verb string, id chat.EventID) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(verb, id) // to the pipe, unbuffered
	}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for n := 0; ; n++ {
				r := fresh("")
				id := r.Event.ID
				r.Event.ClientID, r.Event.Content = id.String(), &chat.Text{Body: id.String()}
				say("try", id)
				if err := s.Keep(t.Context(), []journal.Record{r}); err != nil {
					t.Error(err)
					return
				}
				say("ack", id)
				if n%4 == 0 {
					say("drop", id)
					if err := s.Drop(t.Context(), []chat.EventID{id}); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}
