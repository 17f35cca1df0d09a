// Command testall runs all tests and tells what they amounted to: progress while
// they run, each failure in full, what was skipped and why, which real parts took
// part, and at the end go's own lines.
//
//	go run ./internal/testall [flags of go test]
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"

	"github.com/parlor-chat/parlor/internal/shareddata"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	code, err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testall:", err)
	}
	os.Exit(code)
}

// run runs go test, and returns its exit code.
func run(ctx context.Context, flags []string, out io.Writer) (int, error) {
	args := append([]string{"test", "-json"}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./...")...)
	cmd.Stderr = os.Stderr
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	r := newReport(out)
	if err := r.read(stream); err != nil {
		return 1, err
	}
	_, shared := shareddata.Find()
	err = cmd.Wait()
	r.close(shared)
	if code := cmd.ProcessState.ExitCode(); code != 0 || err == nil {
		return code, nil
	}
	return 1, err
}
