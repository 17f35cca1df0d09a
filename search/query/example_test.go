package query_test

import (
	"errors"
	"fmt"

	"github.com/parlor-chat/parlor/search/query"
)

func ExampleParse() {
	q, err := query.Parse(`"release notes" (from:"Ann Lee" OR from:bob) -draft`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q)
	fmt.Println(q.Explain())
	// Output:
	// "release notes" (from:"Ann Lee" OR from:bob) -draft
	// the phrase “release notes”, (sent by “Ann Lee” or sent by “bob”) and not “draft”
}

func ExampleParseLenient() {
	q, err := query.ParseLenient(`“release notes from: ann`)
	if err != nil { // only because of a limit
		fmt.Println(err)
		return
	}
	fmt.Println(q)
	for _, note := range q.Notes {
		fmt.Println(note.Text)
	}
	// Output:
	// "release notes from: ann"
	// the quote is never closed: read as if it were closed at the end
}

func ExampleError_Caret() {
	_, err := query.Parse("release on:2026-02-30")
	var where *query.Error
	if errors.As(err, &where) {
		fmt.Println(where)
		fmt.Println(where.Caret())
	}
	// Output:
	// character 12: there is no day 30 in February 2026; expected one from 01 to 28
	// release on:2026-02-30
	//            ^^^^^^^^^^
}
