package main

import (
	"bufio"
	"compress/gzip"
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// record is one line of a log.
type record struct {
	Room   string    `json:"room"`
	Author string    `json:"author"`
	At     time.Time `json:"at"`
	Text   string    `json:"text"`
	Kind   string    `json:"kind"`

	from place
	set  string
}

// place is where a record stands.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// refusal is an error of one line; the lines around it are fine.
type refusal struct {
	place
	err error
}

func (r *refusal) Error() string { return r.place.String() + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// maxLine is the longest line that is read.
const maxLine = 1 << 20

// years at the end of a set's name.
var years = regexp.MustCompile(`(-(19|20)\d\d)+$`)

// setOf is the set that a file belongs to.
func setOf(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".gz")
	name = strings.TrimSuffix(name, filepath.Ext(name))
	return years.ReplaceAllString(name, "")
}

// logFile reads one file, line by line.
type logFile struct {
	name, set string
	lines     *bufio.Reader
	close     []io.Closer
	line      int
	next      record // valid after advance returned true
}

// openLog opens a file; seen is told how many bytes of it were read.
func openLog(name string, seen func(int)) (*logFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	l := &logFile{name: name, set: setOf(name), close: []io.Closer{f}}
	var src io.Reader = &counted{f, seen}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(src)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		l.close = append(l.close, z)
		src = z
	}
	l.lines = bufio.NewReaderSize(src, maxLine)
	return l, nil
}

func (l *logFile) Close() {
	for _, c := range l.close {
		c.Close()
	}
}

// counted tells how many bytes were read.
type counted struct {
	io.Reader
	seen func(int)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.seen(n)
	return n, err
}

// advance reads the next record. It returns false at the end of the file, and a
// *refusal for a line that can't be read; after that it can go on, unless the file
// itself is broken: then the end follows.
func (l *logFile) advance() (bool, error) {
	for {
		line, err := l.lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return false, nil
		}
		l.line++
		at := place{l.name, l.line}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = l.lines.ReadSlice('\n')
			}
			return true, &refusal{at, fmt.Errorf("the line is longer than %d bytes", maxLine)}
		case err != nil && !errors.Is(err, io.EOF):
			l.lines.Reset(strings.NewReader("")) // nothing more can be read
			return true, &refusal{at, err}
		}
		if len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		l.next, err = parse(line)
		if err != nil {
			return true, &refusal{at, err}
		}
		l.next.from, l.next.set = at, l.set
		return true, nil
	}
}

func parse(line []byte) (record, error) {
	var r record
	if !utf8.Valid(line) { // encoding/json would mend it silently
		return r, errors.New("not UTF-8")
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	switch {
	case r.Room == "":
		return r, errors.New("room is missing")
	case r.At.IsZero():
		return r, errors.New("at is missing")
	case !kinds[r.Kind]:
		return r, fmt.Errorf("kind %q is not known", r.Kind)
	}
	return r, nil
}

var kinds = map[string]bool{"message": true, "action": true, "bot": true, "file": true,
	"join": true, "part": true, "nick": true, "topic": true, "system": true}

// merge yields the records of all files by time, those of the same time in the
// order of files and lines. A *refusal comes where it was met; any other error is
// the last.
func merge(files []string, seen func(int)) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		var open byTime
		defer func() {
			for _, l := range open {
				l.Close()
			}
		}()
		// step brings a file to its next record, and tells of lines in between.
		step := func(l *logFile) (more, stopped bool) {
			for {
				more, err := l.advance()
				if err == nil {
					return more, false
				}
				if !yield(record{}, err) {
					return false, true
				}
			}
		}
		for _, name := range files {
			l, err := openLog(name, seen)
			if err != nil {
				yield(record{}, err)
				return
			}
			more, stopped := step(l)
			if stopped || !more {
				l.Close()
			}
			if stopped {
				return
			}
			if more {
				open = append(open, l)
			}
		}
		heap.Init(&open)
		for len(open) > 0 {
			l := open[0]
			if !yield(l.next, nil) {
				return
			}
			more, stopped := step(l)
			if stopped {
				return
			}
			if more {
				heap.Fix(&open, 0)
			} else {
				heap.Pop(&open)
				l.Close()
			}
		}
	}
}

// byTime is a heap of files by their next record.
type byTime []*logFile

func (h byTime) Len() int { return len(h) }
func (h byTime) Less(i, j int) bool {
	a, b := h[i].next, h[j].next
	if !a.At.Equal(b.At) {
		return a.At.Before(b.At)
	}
	return a.from.file < b.from.file
}
func (h byTime) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byTime) Push(x any)   { *h = append(*h, x.(*logFile)) }
func (h *byTime) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
