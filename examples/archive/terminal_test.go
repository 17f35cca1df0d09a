//go:build unix

package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rivo/uniseg"
)

// TestMain is the command itself where a test started it on a terminal.
func TestMain(m *testing.M) {
	if os.Getenv("ARCHIVE_ITSELF") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// terminal is the command in a terminal.
type terminal struct {
	*os.File
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	said string // since it was last waited for
}

// start starts the command in a terminal of so many columns.
func start(t *testing.T, columns uint16, env string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "ARCHIVE_ITSELF=1", "TERM=xterm", "NO_COLOR=", env)
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{File: f, t: t, cmd: cmd}
	go func() {
		for buf := make([]byte, 4096); ; {
			n, err := f.Read(buf)
			term.mu.Lock()
			term.said += string(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		f.Close()
	})
	return term
}

// types types, and waits until something is shown. It returns all up to there.
func (term *terminal) types(keys, until string) string {
	term.t.Helper()
	if _, err := term.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		term.mu.Lock()
		said := term.said
		before, after, found := strings.Cut(said, until)
		if found {
			term.said = after
		}
		term.mu.Unlock()
		if found {
			return before + until
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("%q is not shown, but %q", until, said)
		}
	}
}

// ends waits until the command has ended without an error.
func (term *terminal) ends() {
	term.t.Helper()
	if err := term.cmd.Wait(); err != nil {
		term.t.Error(err)
	}
}

const (
	up    = "\x1b[A"
	ctrlC = "\x03"
	ctrlD = "\x04"
	erase = "\x7f"
)

func TestAPersonAtATerminal(t *testing.T) {
	term := start(t, 80, "", "search", "-i", "-facets", "1", file(t, "kitchen.jsonl", kitchen))
	term.types("", prompt)
	term.types("soup fr\t", "from:")
	term.types("ann\t", `from:"Ann Lee" `)
	got := term.types("\r", prompt)
	has(t, got, "\x1b[1;33msoup\x1b[0m", "\x1b[1mAnn Lee\x1b[0m", "\x1b[36m█", "2 of 2 in ")

	has(t, term.types(":open 1\r", prompt), "▶  12:28  <\x1b[1mAnn Lee\x1b[0m> The \x1b[1;33msoup\x1b[0m is ready")
	term.types(up+up, `soup from:"Ann Lee"`)          // what was asked, behind what was opened
	has(t, term.types("-br*\r", prompt), "1 of 1 in") // and changed

	// Wide characters are erased whole, and the cursor stands behind what is left.
	term.types("型情", "型情")
	term.types(erase, "\x1b[11G") // columns are counted from 1
	has(t, term.types("報\r", prompt), "read as  “型報”")

	has(t, term.types("\t", "month:"), "from:", "sent by …")
	term.types("", prompt)
	term.types(ctrlD, "\n")
	term.ends()
}

func TestTheScreenIsResized(t *testing.T) {
	term := start(t, 200, "NO_COLOR=1", "search", "-i", file(t, "kitchen.jsonl", kitchen))
	term.types("", prompt)
	widest := func(of string) (columns int) {
		for line := range strings.Lines(of) {
			if !strings.Contains(line, prompt) { // which is drawn again and again
				columns = max(columns, uniseg.StringWidth(strings.TrimRight(line, "\r\n")))
			}
		}
		return columns
	}
	used := func() int {
		return widest(term.types("pumpkins bread\r", "1 of 1") + term.types(":open 1\r", "Soup."))
	}
	if wide := used(); wide < 100 || wide > 200 {
		t.Errorf("%d of 200 columns are used", wide)
	}
	if err := pty.Setsize(term.File, &pty.Winsize{Rows: 50, Cols: 50}); err != nil {
		t.Fatal(err)
	}
	if narrow := used(); narrow < 30 || narrow > 50 {
		t.Errorf("%d of 50 columns are used", narrow)
	}
	term.types(ctrlC, "\n")
	term.ends()
}

var escapes = regexp.MustCompile("\x1b[^K]")

func TestNoColours(t *testing.T) {
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		term := start(t, 80, env, "search", "-q", "soup bread", file(t, "kitchen.jsonl", kitchen))
		got := term.types("", "3 of 3 in ")
		has(t, got, "«soup»")
		if escapes.MatchString(got) {
			t.Errorf("%s: %q", env, got)
		}
		term.ends()
	}
}
