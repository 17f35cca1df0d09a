package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The kinds of errors. Every error that Parlor returns is one of these (ask
// with [errors.Is]), a context's error, or [errors.ErrUnsupported] for what a
// driver can't do.
var (
	// ErrNotFound: there is no such thing, or the asker may not know of it.
	ErrNotFound = errors.New("not found")
	// ErrConflict: something else is already there: another body under the same
	// id, another event at the position, another version, a taken address.
	ErrConflict = errors.New("conflict")
	// ErrForbidden: the asker may see the thing, but may not do this to it.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthenticated: nobody knows who is asking.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrInvalid: the field named can't have this value, ever.
	ErrInvalid = errors.New("invalid")
	// ErrTooLarge: the field named is over its limit.
	ErrTooLarge = errors.New("too large")
	// ErrRateLimited: too much at once; come again after Retry.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable: something behind this is down or full. Retrying is right.
	ErrUnavailable = errors.New("unavailable")
	// ErrExpired: it was valid once: a token, a cursor, a pending event.
	ErrExpired = errors.New("expired")
	// ErrIncomplete: an answer could be given, but not proven whole.
	ErrIncomplete = errors.New("incomplete")
	// ErrCutOff: the session didn't keep up and was cut off; resume it.
	ErrCutOff = errors.New("cut off")
	// ErrClosed: this was closed by its owner.
	ErrClosed = errors.New("closed")
)

// Error is the error of one operation: its kind, and what a person or a program
// needs to do better. It never holds a secret or a body.
type Error struct {
	Kind  error         // one of the kinds above
	Op    string        // what was asked: "send", "page"
	Field string        // what is wrong with the request: "body"; may be empty
	Limit int64         // the limit that was met, in the field's unit; 0: none
	Retry time.Duration // when to come again; 0: not known
	Err   error         // the cause; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("parlor: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	if e.Kind != nil {
		b.WriteString(e.Kind.Error())
	}
	if e.Limit != 0 {
		fmt.Fprintf(&b, " (limit %d)", e.Limit)
	}
	if e.Retry != 0 {
		fmt.Fprintf(&b, " (again in %v)", e.Retry)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the kind and the cause to [errors.Is] and [errors.As].
func (e *Error) Unwrap() []error {
	switch {
	case e.Kind == nil:
		return []error{e.Err}
	case e.Err == nil:
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// BatchError says which items of a batch failed, by index. All others are done.
// When a batch fails with any other error, nothing is known about its items, and
// the whole batch may be given again.
type BatchError struct{ Items map[int]error }

func (e *BatchError) Error() string {
	if len(e.Items) == 0 {
		return "parlor: batch: no item failed"
	}
	first := slices.Min(e.failed())
	return fmt.Sprintf("parlor: %d of a batch failed, first item %d: %v", len(e.Items), first, e.Items[first])
}

// Unwrap gives the items' errors, in order of their index.
func (e *BatchError) Unwrap() []error {
	var all []error
	for _, i := range slices.Sorted(slices.Values(e.failed())) {
		all = append(all, e.Items[i])
	}
	return all
}

func (e *BatchError) failed() []int {
	at := make([]int, 0, len(e.Items))
	for i := range e.Items {
		at = append(at, i)
	}
	return at
}

// Fail notes that item i failed, and returns the batch error: e itself, or a new
// one where e is nil.
func (e *BatchError) Fail(i int, err error) *BatchError {
	if e == nil {
		e = &BatchError{Items: map[int]error{}}
	}
	e.Items[i] = err
	return e
}

// AsError is nil for a nil e: use it to return a batch error that may not exist.
func (e *BatchError) AsError() error {
	if e == nil {
		return nil
	}
	return e
}
