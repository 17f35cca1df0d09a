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
//
// Without a folder the files are read into memory for each call. In a folder, what was
// imported lasts:
//
//	archive import -data FOLDER FILE…       again, after a crash or with more files: what is there stays
//	archive search -data FOLDER -q lunch    and so do page and check
//	archive stats -data FOLDER
//	archive verify -data FOLDER
//	archive backup -data FOLDER COPY
//	archive restore -data FOLDER COPY
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

	"stats":   runStats,
	"verify":  runVerify,
	"backup":  runBackup,
	"restore": runRestore,
}

const usage = `usage: archive VERB [flags] FILE…
       archive VERB -data FOLDER [flags] [FILE…]
  import   reads logs and says what became of them
  page     shows a part of a room
  search   finds messages
  check    compares searches with known answers
and of a folder
  stats    says what is in it
  verify   reads everything and names what is wrong
  backup   copies it to another folder
  restore  makes a folder of a copy
archive VERB -h lists the flags of a verb

Files are lines of JSON, plain or gzip, sorted by time:
  {"room":"#lobby","author":"ann","at":"2007-05-01T12:00:00Z","text":"hello","kind":"message"}
kind is message, action, bot, file, topic, join, part, nick or system; the last four become notices. Files a-2004-2007
and a-2008 are one set, a; sets keep their people and rooms apart. A record is known again by its file's name and line.
`

// about is what -h says of a verb before its flags.
var about = map[string]string{
	"import": `[-data FOLDER] FILE…
reads logs and says what became of them. With a folder, what is there already stays as it is. Records that are refused are
named, and the exit code says so.
`,
	"page": `-room ROOM [flags] FILE…  or  -data FOLDER -room ROOM [flags]
shows a part of a room.
`,
	"search": `-q QUERY [flags] FILE…  or  -data FOLDER -q QUERY [flags]
finds messages; with -i it asks what for.
`,
	"check": `-queries QUERIES FILE…  or  -data FOLDER -queries QUERIES
compares searches with known answers. QUERIES is lines of JSON, one a query:
  {"id":"1","query":{"all":["hello"],"room":"#lobby"},"count":2,"oldest":"2007-05-01T12:00:00Z","newest":"2008-05-01T12:00:00Z"}
query has any of: all (words that must be there), phrase, prefix, substring, author, room, from (a time), to (before it).
count is how many messages match; oldest and newest are the times of the first and the last. kind and by_file may say more
to whoever reads the file; other fields are refused.
`,
	"stats": `-data FOLDER
says how many rooms and events are in a folder, how big its log is, and which followers are behind.
`,
	"verify": `-data FOLDER
reads every event, compares the index with the log, and names what is wrong; the exit code says whether something is.
`,
	"backup": `-data FOLDER COPY
copies a folder to a new one outside of it, which must not be there. On the same disk it is mostly links: bring the copy to
another. The index isn't in it.
`,
	"restore": `-data FOLDER [-ledger FOLDER] COPY
makes a new folder, which must not be there, of a copy, which stays as it is.
`,
}

// between refuses a number out of its bounds.
func between(flag string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("-%s is %d: it is from %d to %d", flag, n, least, most)
	}
	return nil
}

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
	c.flags.Usage = func() {
		fmt.Fprintf(errOut, "usage: archive %s %s\n", args[0], about[args[0]])
		c.flags.PrintDefaults()
	}
	err := commands[args[0]](ctx, c)
	if err != nil && strings.Contains(err.Error(), "put a backup back") {
		err = fmt.Errorf("%w (archive restore makes a folder of one)", err)
	}
	return err
}

// where is what a verb is to work on: files that are read into memory, or a folder.
type where struct {
	folder string
	makes  bool // the folder, where there is none
	files  []string
}

// parse reads the flags that a verb has defined, and says what it is to work on.
func (c *command) parse() (where, error) {
	var w where
	c.flags.StringVar(&w.folder, "data", "", "the `folder` of an archive that lasts; without it files are read into memory")
	if err := c.flags.Parse(c.args); err != nil {
		return where{}, flag.ErrHelp // the flag set has said why
	}
	w.files = c.flags.Args()
	for _, file := range w.files {
		if strings.HasPrefix(file, "-") && file != "-" {
			return where{}, c.wrong("flags come before files: " + file)
		}
	}
	if w.folder == "" && len(w.files) == 0 {
		return where{}, c.wrong("no files are named, and no folder with -data")
	}
	return w, nil
}

// reading is parse for verbs that read either files or a folder.
func (c *command) reading() (where, error) {
	w, err := c.parse()
	if err == nil && w.folder != "" && len(w.files) > 0 {
		return where{}, c.wrong("files are brought into a folder by import -data " + w.folder)
	}
	return w, err
}

// wrong says what is wrong with a call, and how it is made.
func (c *command) wrong(what string) error {
	fmt.Fprintln(c.err, what)
	c.flags.Usage()
	return flag.ErrHelp
}
