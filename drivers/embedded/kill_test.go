package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/chat/hub"
	"github.com/parlor-chat/parlor/drivers/embedded"
	"github.com/parlor-chat/parlor/storage"
)

var kills = flag.Int("kills", 25, "how often TestKill kills a process")

const (
	killDir = "PARLOR_KILL_DIR" // tells the test's program to be the one that is killed
	killRun = "PARLOR_KILL_RUN" // which one

	killRooms    = 6
	killSenders  = 64
	killsInOne   = 25 // folder; then a new one is begun
	killSearches = 4
)

func killRoom(i int) chat.RoomID {
	return chat.RoomID{Tenant: "acme", Key: fmt.Sprint("room", i%killRooms)}
}

// child is the program that is killed: it talks until then, and prints what was
// acknowledged, each in a line.
func child() bool {
	dir := os.Getenv(killDir)
	if dir == "" {
		return false
	}
	if err := talk(context.Background(), dir, os.Getenv(killRun)); err != nil {
		fmt.Println("error", err)
	}
	return true
}

func talk(ctx context.Context, dir, run string) error {
	s, err := embedded.Open(ctx, dir, options())
	if err != nil {
		return err
	}
	h, err := hub.New(ctx, s.Set(), &hub.Options{Node: "home", Logger: quiet})
	if err != nil {
		return err
	}
	for i := range killRooms {
		err := h.Admin().Create(ctx, storage.Room{ID: killRoom(i), Kind: storage.Public, Title: killRoom(i).Key, Listed: true})
		if err != nil && !errors.Is(err, chat.ErrConflict) {
			return err
		}
	}
	var printing sync.Mutex
	var talking sync.WaitGroup
	for n := range killSenders {
		talking.Go(func() {
			ann := h.As(chat.UserID{Tenant: "acme", Key: fmt.Sprint("u", n)})
			room := ann.Room(killRoom(n).Key)
			var last chat.EventID
			for i := 0; ; i++ {
				id := fmt.Sprint(run, "-", n, "-", i)
				var r chat.Receipt
				var err error
				if i%5 == 4 {
					r, err = room.Edit(ctx, last, chat.Text{Body: "better " + id}, hub.Once(id))
				} else if r, err = room.Send(ctx, chat.Text{Body: "words of " + id}, hub.Once(id)); err == nil {
					last = r.ID
				}
				printing.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println("ack", killRoom(n).Key, r.Seq, r.ID, n, id)
				}
				printing.Unlock()
			}
		})
	}
	for range killSearches {
		talking.Go(func() {
			for {
				h.As(chat.UserID{Tenant: "acme", Key: "reader"}).Search(ctx, hub.Query{Text: "words", Limit: 20, Count: 1000})
			}
		})
	}
	talking.Wait()
	return nil
}

// acked is what the program said it was told.
type acked struct {
	room     chat.RoomID
	seq      chat.Seq
	id       chat.EventID
	user, by string // who, under which id of his
}

// killed runs the program until it is killed, and says what was acknowledged.
func killed(t *testing.T, dir, run string) (all []acked) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir, killRun+"="+run)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	lines := bufio.NewReader(out)
	for begun := false; ; {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		ok(t, err)
		if !begun {
			begun = true
			time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { cmd.Process.Kill() })
		}
		var a acked
		var key, id string
		var n int
		if _, err := fmt.Sscanf(line, "ack %s %d %s %d %s", &key, &a.seq, &id, &n, &a.by); err != nil {
			t.Errorf("the program says %s", strings.TrimSpace(line))
			continue
		}
		a.room, a.user = chat.RoomID{Tenant: "acme", Key: key}, fmt.Sprint("u", n)
		a.id, err = chat.ParseEventID(id)
		ok(t, err)
		all = append(all, a)
	}
	cmd.Wait()
	return all
}

// TestKill kills a program that 64 people use, again and again, and looks whether all that
// was acknowledged is where it was, once, and found.
func TestKill(t *testing.T) {
	var acks, lost, doubled, differences int
	dir := ""
	for i := range *kills {
		if i%killsInOne == 0 {
			if dir != "" {
				ok(t, os.RemoveAll(dir))
			}
			dir = filepath.Join(t.TempDir(), fmt.Sprint("data", i))
		}
		all := killed(t, dir, fmt.Sprint("r", i))
		acks += len(all)
		x := open(t, dir)
		for _, a := range all {
			page, err := x.store.Set().History.Lookup(t.Context(), []storage.Ref{{Room: a.room, Seq: a.seq}})
			if err != nil || len(page.Events) != 1 || page.Events[0].ID != a.id {
				lost++
				t.Errorf("%+v: %+v, %v", a, page.Events, err)
			}
		}
		for range min(len(all), 20) { // who isn't sure asks again
			a := all[rand.IntN(len(all))]
			room := x.as(a.user).Room(a.room.Key)
			r, err := room.Send(t.Context(), chat.Text{Body: "words of " + a.by}, hub.Once(a.by))
			if errors.Is(err, chat.ErrConflict) { // it was an edit
				continue
			}
			if err != nil || !r.Duplicate || r.Seq != a.seq || r.ID != a.id {
				doubled++
				t.Errorf("%+v again: %+v, %v", a, r, err)
			}
		}
		doubled += x.doubled()
		differences += x.differences()
		if i%10 == 9 || i == *kills-1 {
			if _, err := x.store.Verify(t.Context(), nil); err != nil {
				t.Error(err)
			}
		}
		x.close()
		if (i+1)%100 == 0 {
			fmt.Fprintf(os.Stderr, "kills: %d of %d\n", i+1, *kills)
		}
	}
	fmt.Printf("kills: %d, acknowledged: %d, lost: %d, doubled: %d, index differences: %d\n", *kills, acks, lost, doubled, differences)
	if acks == 0 {
		t.Error("nothing was acknowledged: this proves nothing")
	}
	if lost+doubled+differences > 0 {
		t.Fail()
	}
}

// doubled is how many ids are in a room twice.
func (x *house) doubled() (n int) {
	x.t.Helper()
	for i := range killRooms {
		seen := map[chat.EventID]bool{}
		for e, err := range x.store.Set().History.Scan(x.t.Context(), storage.Span{Tenant: "acme", Room: killRoom(i).Key}, "") {
			ok(x.t, err)
			if seen[e.Event.ID] {
				n++
			}
			seen[e.Event.ID] = true
		}
	}
	return n
}

// differences is whether the index, once it has followed, differs from the log.
func (x *house) differences() int {
	x.t.Helper()
	ok(x.t, x.store.Ready(x.t.Context()))
	ok(x.t, x.Admin().CatchUp(x.t.Context()))
	if _, err := x.Admin().VerifyIndex(x.t.Context(), "acme", nil); err != nil {
		x.t.Error(err)
		return 1
	}
	return 0
}
