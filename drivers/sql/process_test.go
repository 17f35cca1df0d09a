package sql_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/drivers/sql"
	"github.com/parlor-chat/parlor/storage"
)

// job names what a child does, to the file that is its one argument.
const job = "PARLOR_SQL_TEST_JOB"

var jobs = map[string]func(ctx context.Context, path string) error{
	"swap":        func(ctx context.Context, path string) error { return swapUp(ctx, path, false) },
	"swap shared": func(ctx context.Context, path string) error { return swapUp(ctx, path, true) },
	"write":       writeOn,
	"use":         func(ctx context.Context, path string) error { return useUp(ctx, path, false) },
	"use shared":  func(ctx context.Context, path string) error { return useUp(ctx, path, true) },
	"open":        justOpen,
}

func TestMain(m *testing.M) {
	if do, ok := jobs[os.Getenv(job)]; ok {
		if err := do(context.Background(), os.Args[len(os.Args)-1]); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// child is another process with a job; what it prints goes to out.
func child(t testing.TB, name, path string, out io.Writer) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", path)
	if _, err := os.Stat(cmd.Path); err != nil {
		cmd = exec.Command(os.Args[0], path)
	}
	cmd.Env = append(os.Environ(), job+"="+name)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd
}

const rounds = 1000

// openAs opens a file as its own, or through a pool that it shares.
func openAs(ctx context.Context, path string, shared bool) (*sql.Store, error) {
	if !shared {
		return sql.Open(ctx, path, nil)
	}
	db, err := openPool(path)
	if err != nil {
		return nil, err
	}
	return sql.With(ctx, db, nil)
}

// swapUp counts a register up, and prints each number that it reached itself.
func swapUp(ctx context.Context, path string, shared bool) error {
	s, err := openAs(ctx, path, shared)
	if err != nil {
		return err
	}
	defer s.Close()
	f := s.Fence()
	for {
		was, err := f.Value(ctx, "count")
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(was)
		if n == rounds {
			return nil
		}
		switch err := f.Swap(ctx, "count", was, strconv.Itoa(n+1)); {
		case err == nil:
			fmt.Println(n + 1)
		case !errors.Is(err, chat.ErrConflict):
			return err
		}
	}
}

// Of two processes one wins each swap: one that has the file for itself as it believes,
// one with a pool that begins its transactions without a lock.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.db")
	won := won(t, path, "swap", "swap shared")
	for n := 1; n <= rounds; n++ {
		if got := won[strconv.Itoa(n)]; got != 1 {
			t.Fatalf("%d was reached %d times", n, got)
		}
	}
}

// won is how often each line was printed by children that run at once.
func won(t *testing.T, path string, names ...string) map[string]int {
	t.Helper()
	var all sync.WaitGroup
	outs := make([]strings.Builder, len(names))
	for i, name := range names {
		cmd := child(t, name, path, &outs[i])
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v: %s", name, err, outs[i].String())
			}
		})
	}
	all.Wait()
	won := map[string]int{}
	for i := range outs {
		lines := strings.Fields(outs[i].String())
		t.Logf("process %d won %d", i, len(lines))
		for _, n := range lines {
			won[n]++
		}
	}
	return won
}

// writers are who write at once in a child that is killed.
const writers = 4

var killed = chat.RoomID{Tenant: "acme", Key: "killed"}

func writer(i int) chat.UserID { return chat.UserID{Tenant: "acme", Key: fmt.Sprint("writer", i)} }

// kinds are what a writer writes.
const kinds = 5

// written is how far a writer came: what its value, its mark, its register, its invitation
// and its entries say.
func written(ctx context.Context, s *sql.Store, i int) (n [kinds]int, version int64, err error) {
	b, version, err1 := s.Directory().Get(ctx, writer(i), "s", "k")
	if errors.Is(err1, chat.ErrNotFound) {
		err1 = nil
	}
	marks, err2 := s.Directory().Marks(ctx, writer(i), "", 1)
	register, err3 := s.Fence().Value(ctx, writer(i).Key)
	n[0], _ = strconv.Atoi(string(b))
	if len(marks) == 1 {
		n[1] = int(marks[0].Seq)
	}
	n[2], _ = strconv.Atoi(register)
	var err4, err5 error
	n[3], err4 = usedBy(ctx, s.Directory(), writer(i))
	n[4], err5 = enteredBy(ctx, s.Directory(), writer(i))
	return n, version, errors.Join(err1, err2, err3, err4, err5)
}

// writeOn writes until it is killed, and prints what was acknowledged.
func writeOn(ctx context.Context, path string) error {
	s, err := sql.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			n, version, err := written(ctx, s, i)
			if err == nil && n[3] == 0 {
				err = invite(ctx, s.Directory(), writer(i))
			}
			for err == nil {
				n[0]++
				if version, err = s.Directory().Put(ctx, writer(i), "s", "k", []byte(strconv.Itoa(n[0])), version); err != nil {
					break
				}
				fmt.Println(i, 0, n[0])
				n[1]++
				if err = s.Directory().Mark(ctx, storage.Mark{User: writer(i), Position: chat.Position{Room: killed, Seq: chat.Seq(n[1])}}); err != nil {
					break
				}
				fmt.Println(i, 1, n[1])
				was := ""
				if n[2] > 0 {
					was = strconv.Itoa(n[2])
				}
				n[2]++
				if err = s.Fence().Swap(ctx, writer(i).Key, was, strconv.Itoa(n[2])); err != nil {
					break
				}
				fmt.Println(i, 2, n[2])
				n[3]++
				if err = useOne(ctx, s.Directory(), writer(i), n[3]); err != nil {
					break
				}
				fmt.Println(i, 3, n[3])
				n[4]++
				if _, err = s.Directory().Enter(ctx, erasure(writer(i), n[4])); err != nil {
					break
				}
				fmt.Println(i, 4, n[4])
			}
			fmt.Println("error:", err)
		})
	}
	all.Wait()
	return errors.New("not killed")
}

// What a process acknowledged before it was killed is there.
func TestKill(t *testing.T) {
	const kills = 20
	path := filepath.Join(t.TempDir(), "directory.db")
	var acknowledged [writers][kinds]int
	total := 0
	for range kills {
		r, w := io.Pipe()
		cmd := child(t, "write", path, w)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var reader sync.WaitGroup
		reader.Go(func() {
			lines := bufio.NewScanner(r)
			for lines.Scan() {
				var i, what, n int
				if _, err := fmt.Sscan(lines.Text(), &i, &what, &n); err != nil {
					t.Errorf("the child says %q", lines.Text())
					continue
				}
				acknowledged[i][what] = n
				total++
			}
		})
		time.Sleep(50*time.Millisecond + rand.N(150*time.Millisecond))
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		cmd.Wait()
		w.Close()
		reader.Wait()

		s, err := sql.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range writers {
			got, _, err := written(t.Context(), s, i)
			if err != nil {
				t.Error(err)
			}
			for what, n := range acknowledged[i] {
				if got[what] < n || got[what] > n+1 {
					t.Errorf("writer %d, %d: %d is stored, %d was acknowledged", i, what, got[what], n)
				}
				acknowledged[i][what] = got[what]
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if total == 0 {
		t.Fatal("nothing was acknowledged")
	}
	t.Logf("kills: %d, acknowledged: %d", kills, total)
}

func justOpen(ctx context.Context, path string) error {
	s, err := sql.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	return s.Close()
}
