package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/peterh/liner"
	"golang.org/x/term"
)

// typist gives what somebody types, line by line.
type typist interface {
	next(ctx context.Context) (string, error) // io.EOF: he is done
	io.Closer
}

// typist is a person where there is a terminal to read from and to write to, else
// whatever wrote the lines.
func (s *searcher) typist(ctx context.Context, in io.Reader) (typist, error) {
	if in != os.Stdin || s.terminal != os.Stdout || !term.IsTerminal(int(os.Stdin.Fd())) || !liner.TerminalSupported() {
		return newScript(ctx, in), nil
	}
	c, err := s.completer(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(s, "%d rooms. :help says what can be typed, Tab what may follow.\n", len(s.a.rooms))
	p := person{liner.NewLiner()}
	p.SetCtrlCAborts(true)
	p.SetBeep(false)
	p.SetWordCompleter(func(line string, characters int) (string, []string, string) {
		return c.complete(ctx, line, characters)
	})
	return p, nil
}

const prompt = "search> "

// person types on a terminal, with a history and completion. Liner knows, as package
// term doesn't, that some characters take two columns.
type person struct{ *liner.State }

func (p person) next(context.Context) (string, error) {
	line, err := p.Prompt(prompt)
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return "", io.EOF
	case errors.Is(err, io.EOF):
		fmt.Println() // behind the prompt
	case err == nil && line != "":
		p.AppendHistory(line)
	}
	return line, err
}

// script is lines that were written before.
type script struct{ lines <-chan scripted }

type scripted struct {
	line string
	err  error
}

func newScript(ctx context.Context, in io.Reader) script {
	lines := make(chan scripted)
	go func() { // a read can't be ended; the wait for it can
		defer close(lines)
		for all := bufio.NewScanner(in); ; {
			more := all.Scan()
			said := scripted{all.Text(), all.Err()}
			if !more && said.err == nil {
				said.err = io.EOF
			}
			select {
			case lines <- said:
			case <-ctx.Done():
				return
			}
			if !more {
				return
			}
		}
	}()
	return script{lines}
}

func (s script) next(ctx context.Context) (string, error) {
	select {
	case l, ok := <-s.lines:
		if !ok {
			return "", io.EOF
		}
		return l.line, l.err
	case <-ctx.Done():
		return "", io.EOF
	}
}

func (script) Close() error { return nil }
