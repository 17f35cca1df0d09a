// Command lookalikes makes chat/lookalikes.txt out of Unicode's confusables.txt
// (UTS #39), read from standard input:
//
//	go run ./internal/lookalikes <confusables.txt >chat/lookalikes.txt
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run keeps a row of the source as the character, a tab, and what it looks like;
// and of its head what tells version and terms.
func run(in io.Reader, out io.Writer) error {
	w := bufio.NewWriter(out)
	s := bufio.NewScanner(in)
	for s.Scan() {
		line := strings.TrimPrefix(s.Text(), "\ufeff")
		if text, ok := strings.CutPrefix(line, "#"); ok {
			for _, kept := range []string{"©", "terms of use", "Version"} {
				if strings.Contains(text, kept) {
					fmt.Fprintln(w, "#"+text)
				}
			}
			continue
		}
		fields := strings.Split(line, ";")
		if len(fields) < 3 {
			continue
		}
		from, err := characters(fields[0])
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		to, err := characters(fields[1])
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		fmt.Fprintf(w, "%s\t%s\n", from, to)
	}
	if err := s.Err(); err != nil {
		return err
	}
	return w.Flush()
}

// characters reads "0041 030A".
func characters(hex string) (string, error) {
	var b strings.Builder
	for _, h := range strings.Fields(hex) {
		n, err := strconv.ParseUint(h, 16, 32)
		if err != nil {
			return "", err
		}
		b.WriteRune(rune(n))
	}
	return b.String(), nil
}
