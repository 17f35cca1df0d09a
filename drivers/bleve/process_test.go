package bleve_test

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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parlor-chat/parlor/drivers/bleve"
	"github.com/parlor-chat/parlor/search"
)

var kills = flag.Int("kills", 10, "how often TestKill kills its child")

// childVar names what a child process does, and where.
const childVar = "PARLOR_BLEVE_CHILD"

func TestMain(m *testing.M) {
	if what, dir, ok := strings.Cut(os.Getenv(childVar), " "); ok {
		if err := child(context.Background(), what, dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// child is what a child process does in a folder.
func child(ctx context.Context, what, dir string) error {
	o := &bleve.Options{Log: quiet}
	o.Cooling(50*time.Millisecond, 100*time.Millisecond)
	o.Cutting(8 << 10)
	if what != "slow" {
		o.Hurrying()
	}
	st, err := bleve.Open(ctx, dir, o)
	if err != nil {
		return err
	}
	if err := st.Ready(ctx); err != nil {
		return err
	}
	if what == "open" {
		return st.Close()
	}
	fmt.Println("open")
	var wg sync.WaitGroup
	var out sync.Mutex
	for w := range killWriters {
		wg.Go(func() {
			marks, err := st.Index().Watermark(ctx, clock(w))
			if err != nil {
				fmt.Println(err)
				return
			}
			l := life(w, killCalls)
			for n := int(marks[0]); n < len(l); n++ {
				if err := st.Index().Apply(ctx, l[n].docs, l[n].upTo); err != nil {
					fmt.Println(err)
					return
				}
				out.Lock()
				fmt.Println("ack", w, n+1)
				out.Unlock()
			}
		})
	}
	wg.Go(func() { // somebody searches, too
		for ctx.Err() == nil {
			if _, err := st.Index().Search(ctx, search.Request{Where: search.Term("x1"), Scope: everything, Limit: 20, Count: 1000}); err != nil {
				fmt.Println(err)
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	wg.Wait()
	return nil
}

const (
	killWriters = 4
	killCalls   = 3000
)

func command(t testing.TB, what, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childVar+"="+what+" "+dir)
	return cmd
}

// A process with several writers is killed with -9 again and again, and opened again: each
// time the index has all that was acknowledged, and of each writer just what its watermark
// says.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	lives := make([][]call, killWriters)
	for w := range lives {
		lives[w] = life(w, killCalls)
	}
	g := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	acked, total, differences := make([]int, killWriters), 0, 0
	for n := range *kills {
		cmd := command(t, []string{"quick", "slow"}[n%2], dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		if line, err := lines.ReadString('\n'); err != nil || line != "open\n" {
			t.Fatalf("%q, %v", line, err)
		}
		for first := true; ; first = false {
			line, err := lines.ReadString('\n')
			if errors.Is(err, io.EOF) {
				break
			}
			f := strings.Fields(line)
			if len(f) != 3 || f[0] != "ack" {
				t.Fatalf("the child says %q", line)
			}
			if first { // in the middle of its work
				time.AfterFunc(time.Duration(g.IntN(700))*time.Millisecond, func() { cmd.Process.Kill() })
			}
			w, _ := strconv.Atoi(f[1])
			acked[w], _ = strconv.Atoi(f[2])
			total++
		}
		cmd.Wait()
		st := open(t, dir, options())
		calls, err := holdsWhatItSays(t.Context(), st.Index(), lives)
		if err != nil {
			differences++
			t.Errorf("after kill %d: %v", n, err)
		}
		for w := range acked {
			if calls[w] < acked[w] {
				t.Errorf("after kill %d: writer %d was acknowledged %d calls, %d are there", n, w, acked[w], calls[w])
			}
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total == 0 {
		t.Error("nothing was acknowledged")
	}
	t.Logf("kills: %d, acknowledged: %d, index differences: %d", *kills, total, differences)
}

// A folder has one holder, who is named.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	st := open(t, dir, options())
	fill(t, st.Index(), life(0, 3))
	want := fmt.Sprint("held by pid ", os.Getpid())
	_, err := bleve.Open(t.Context(), dir, options())
	wantUnavailable(t, err, want)
	out, err := command(t, "open", dir).Output()
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("a second process: %q, %v", out, err)
	}
	st.Close()
	if out, err := command(t, "open", dir).Output(); err != nil {
		t.Errorf("once it is let go: %q, %v", out, err)
	}
	st = open(t, dir, options())
	if calls, err := holdsWhatItSays(t.Context(), st.Index(), [][]call{life(0, 3)}); err != nil || calls[0] != 3 {
		t.Errorf("afterwards: %v, %v", calls, err)
	}
}
