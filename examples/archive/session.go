package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const language = `  release notes       both words
  "release notes"     the phrase
  rel*                a word that begins so
  notes OR plan       one of them
  -draft              not this word
  from:"Ann Lee"      by whom
  in:#general         where
  after:2007-05       from then on; before:, on: and during:, too
  has:link            with a link

  Tab says what may follow, and completes names. The arrow keys bring
  back what was typed, Ctrl-R looks for it.

`

// verbs are what can be typed beside queries.
var verbs = []struct{ name, says string }{
	{":more", "the next page"},
	{":open", "what was said around a hit: :open 3"},
	{":help", "what can be typed"},
	{":quit", "the end, as Ctrl-D and Ctrl-C"},
}

// session does what is typed, until the end of it, or of ctx.
func (s *searcher) session(ctx context.Context, typed typist) error {
	for ctx.Err() == nil {
		line, err := typed.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch err := s.do(ctx, strings.TrimSpace(line)); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			fmt.Fprintln(s, clean(s.caret(err).Error()))
		}
	}
	return nil
}

// do does what one line says; io.EOF: this was the last.
func (s *searcher) do(ctx context.Context, line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch {
	case line == "":
		return nil
	case verb[0] != ':':
		return s.search(ctx, line)
	case verb == ":more":
		return s.more(ctx)
	case verb == ":open":
		n, err := strconv.Atoi(strings.TrimSpace(arg))
		if err != nil {
			return errors.New("say which hit to open, by its number: :open 3")
		}
		return s.open(ctx, n)
	case verb == ":help":
		s.help()
		return nil
	case verb == ":quit":
		return io.EOF
	}
	return fmt.Errorf("%s is unknown; :help tells what can be typed, and quotes make words of it", verb)
}

func (s *searcher) help() {
	fmt.Fprint(s, language)
	for _, v := range verbs {
		fmt.Fprintf(s, "  %-18s  %s\n", v.name, v.says)
	}
}
