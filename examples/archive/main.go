// Command archive puts real chat logs into Parlor, reads pages of them, and
// searches them. Logs are lines of JSON, plain or gzip, sorted by time:
//
//	{"room":"#ubuntu","author":"ann","at":"2007-05-01T12:00:00Z","text":"hello","kind":"message"}
//
// Several files are merged by time. Files of one set share its name, apart from a
// range of years: a-2004-2007.jsonl.gz and a-2008.jsonl.gz are the set a.
//
//	archive import FILE…
//	archive page -room '#ubuntu' -around 2007-05-01 FILE…
//	archive search -q '"remote desktop" from:ann' FILE…
//	archive search -i FILE…
//	archive check -queries queries.jsonl FILE…
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

// commands are what archive can do.
var commands = map[string]func(context.Context, *command) error{
	"import": runImport,
	"page":   runPage,
	"search": runSearch,
	"check":  runCheck,
}

const usage = `usage: archive VERB [flags] FILE…
  import   reads logs and says what became of them
  page     shows a part of a room
  search   finds messages
  check    compares searches with known answers
archive VERB -h lists the flags of a verb

Files are lines of JSON, plain or gzip, sorted by time:
  {"room":"#lobby","author":"ann","at":"2007-05-01T12:00:00Z","text":"hello","kind":"message"}
kind is message, action, bot, file, topic, or another, which becomes a notice. Files a-2004-2007
and a-2008 are one set, a; sets keep their people and rooms apart.
`

// command is one call of a verb.
type command struct {
	args     []string
	flags    *flag.FlagSet
	in       io.Reader
	out, err io.Writer
}

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprint(errOut, usage)
		return flag.ErrHelp
	}
	c := &command{args: args[1:], in: in, out: out, err: errOut}
	c.flags = flag.NewFlagSet("archive "+args[0], flag.ContinueOnError)
	c.flags.SetOutput(errOut)
	return commands[args[0]](ctx, c)
}

// parse reads the flags that a verb has defined, and returns the files.
func (c *command) parse() ([]string, error) {
	if err := c.flags.Parse(c.args); err != nil {
		return nil, flag.ErrHelp // the flag set has said why
	}
	for _, file := range c.flags.Args() {
		if strings.HasPrefix(file, "-") && file != "-" {
			fmt.Fprintf(c.err, "flags come before files: %s\n", file)
			return nil, flag.ErrHelp
		}
	}
	if c.flags.NArg() == 0 {
		fmt.Fprintln(c.err, "no files are named")
		c.flags.Usage()
		return nil, flag.ErrHelp
	}
	return c.flags.Args(), nil
}
