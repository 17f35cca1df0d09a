package chat

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

var update = flag.Bool("update", false, "write testdata anew")

// kinds is every kind of content, that of a newer version included.
var kinds = []Kind{KindText, KindEdit, KindRetract, KindReact, KindTopic, KindMember, KindNotice, KindReference,
	KindErase, KindTombstone, KindVoid, "poll"}

// newer is two fields that no version knows yet.
var newer = func() []byte {
	var w writer
	w.set(99, 5)
	w.item(100, "from the future")
	return w.dst
}()

// filler sets every field of a value, unexported ones too, to something that is
// not zero and not the same twice.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.UnixMilli(1_700_000_000_000 + int64(f.n)).UTC()
		return
	case *Content:
		return // by its kind
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			settable := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
			if v.Type().Field(i).Name == "more" {
				settable.SetBytes(newer)
			} else {
				f.fill(settable)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			f.fill(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.String:
		v.SetString(fmt.Sprint("s", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(f.n))
	case reflect.Uint8:
		v.SetUint(uint64(f.n%5 + 1))
	default:
		panic("a field of a type that the filler doesn't know: " + v.Type().String())
	}
}

// full is an event of a kind with every field set.
func full(k Kind) Event {
	var e Event
	f := &filler{}
	f.fill(reflect.ValueOf(&e).Elem())
	e.Content = newContent(k)
	f.fill(reflect.ValueOf(e.Content).Elem())
	if u, ok := e.Content.(*Unknown); ok {
		u.Name = k
	}
	return e
}

func TestStoredHoldsEveryFieldOfEveryKind(t *testing.T) {
	for _, k := range kinds {
		for name, e := range map[string]Event{"full": full(k), "bare": {Content: newContent(k)}} {
			form := AppendEvent(nil, &e)
			got, err := ParseEvent(form)
			if err != nil {
				t.Errorf("%s %s: %v", name, k, err)
			} else if !reflect.DeepEqual(got, e) {
				t.Errorf("%s %s: got %+v\nwant %+v", name, k, got, e)
			}
			if again := AppendEvent([]byte("before"), &got); string(again) != "before"+string(form) {
				t.Errorf("%s %s: another form the second time", name, k)
			}
		}
	}
}

// What is written today must be read for good: a change of this file is a change of
// every archive.
func TestStoredFormIsGolden(t *testing.T) {
	const path = "testdata/stored.txt"
	var b strings.Builder
	for _, k := range kinds {
		e := full(k)
		fmt.Fprintf(&b, "%s %x\n", k, AppendEvent(nil, &e))
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(golden) != b.String() {
		t.Error("the stored form has changed; archives hold the old one")
	}
	for line := range strings.Lines(string(golden)) {
		k, form, _ := strings.Cut(strings.TrimSpace(line), " ")
		raw, err := hex.DecodeString(form)
		if err != nil {
			t.Fatal(err)
		}
		e, err := ParseEvent(raw)
		if want := full(Kind(k)); err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("%s: %+v, %v", k, e, err)
		}
	}
}

func TestStoredSurvivesCutsAndFlips(t *testing.T) {
	for _, k := range kinds {
		e := full(k)
		form := AppendEvent(nil, &e)
		for i := range form {
			if got, err := ParseEvent(form[:i]); err == nil && !bytes.Equal(AppendEvent(nil, &got), form[:i]) {
				t.Errorf("%s, cut at %d: parsed as something else", k, i)
			}
			for bit := range 8 {
				form[i] ^= 1 << bit
				stable(t, form)
				form[i] ^= 1 << bit
			}
		}
	}
}

// stable checks that a form is refused as invalid, or that what was read is written
// and read again the same.
func stable(t *testing.T, form []byte) {
	t.Helper()
	e, err := ParseEvent(form)
	if err != nil {
		if !errors.Is(err, ErrInvalid) {
			t.Fatalf("%x: %v", form, err)
		}
		return
	}
	again := AppendEvent(nil, &e)
	got, err := ParseEvent(again)
	if err != nil || !reflect.DeepEqual(got, e) {
		t.Fatalf("%x\nread as    %+v\nwritten as %x\nread as    %+v, %v", form, e, again, got, err)
	}
}

func TestStoredRefusals(t *testing.T) {
	tag := func(field, kind uint64) byte { return byte(field<<1 | kind) }
	for name, c := range map[string]struct {
		form  []byte
		field string
	}{
		"nothing":             {nil, "version"},
		"a later version":     {[]byte{2}, "version"},
		"field 0":             {[]byte{1, 0, 0}, "field"},
		"a number too long":   {[]byte{1, tag(fieldSeq, isNumber), 0x80, 0}, "number"},
		"a number over 64":    {append([]byte{1, tag(fieldSeq, isNumber)}, bytes.Repeat([]byte{0xff}, 10)...), "number"},
		"a cut number":        {[]byte{1, tag(fieldSeq, isNumber), 0x80}, "number"},
		"bytes over the end":  {[]byte{1, tag(fieldRoom, isBytes), 2, 'a'}, "length"},
		"a number as a text":  {[]byte{1, tag(fieldRoom, isNumber), 1}, "kind of field"},
		"a text as a number":  {[]byte{1, tag(fieldSeq, isBytes), 0}, "kind of field"},
		"a short id":          {[]byte{1, tag(fieldID, isBytes), 1, 'a'}, "id"},
		"a kind alone":        {[]byte{1, tag(fieldKind, isBytes), 1, 'x'}, "content"},
		"content of no kind":  {[]byte{1, tag(fieldContent, isBytes), 0}, "kind"},
		"a tenant of nobody":  {[]byte{1, tag(fieldSenderTenant, isBytes), 1, 'a'}, "sender"},
		"a flag of 2":         {append([]byte{1, tag(fieldKind, isBytes), 4}, "text\x1b\x02\x06\x02"...), "flag"},
		"a mention in one":    {append([]byte{1, tag(fieldKind, isBytes), 4}, "text\x1b\x03\x0d\x01a"...), "user"},
		"a role of 256":       {append([]byte{1, tag(fieldKind, isBytes), 6}, "member\x1b\x03\x04\x80\x02"...), "role"},
		"garbage in a part":   {append([]byte{1, tag(fieldKind, isBytes), 4}, "text\x1b\x01\x00"...), "number"},
		"garbage in an edit":  {append([]byte{1, tag(fieldKind, isBytes), 4}, "edit\x1b\x03\x03\x01\x02"...), "number"},
		"garbage in an addon": {[]byte{1, tag(fieldExtension, isBytes), 1, 0}, "number"},
	} {
		_, err := ParseEvent(c.form)
		var e *Error
		if !errors.As(err, &e) || e.Kind != ErrInvalid || e.Field != c.field {
			t.Errorf("%s: %v, want field %q", name, err, c.field)
		}
	}
}

// Another writer may write out what is empty; it is read as what is left out.
func TestStoredEmptyIsLeftOut(t *testing.T) {
	for _, field := range []byte{1, 2} {
		form := []byte{1, fieldExtension<<1 | isBytes, 2, field<<1 | isBytes, 0}
		stable(t, form)
		e, err := ParseEvent(form)
		if want := (Event{Extensions: []Extension{{}}}); err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("field %d: %+v, %v", field, e, err)
		}
	}
}

func TestStoredSenderOfAnotherTenant(t *testing.T) {
	room := RoomID{"acme", "kitchen"}
	for _, sender := range []UserID{{}, {"acme", "ann"}, {"other", "ann"}, {"", "ann"}, {"other", ""}} {
		e := Event{Room: room, Sender: sender}
		got, err := ParseEvent(AppendEvent(nil, &e))
		if err != nil || got.Sender != sender {
			t.Errorf("%q: %q, %v", sender, got.Sender, err)
		}
	}
}

// A part's length takes one byte up to 127 bytes, more from there on.
func TestStoredPartsOfAnyLength(t *testing.T) {
	for _, n := range []int{0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16380, 16381, 16382, 16383, 16384, 70000} {
		e := Event{Content: &Edit{New: Text{Body: strings.Repeat("x", n)}}, Extensions: []Extension{{Name: "n", Raw: []byte("after")}}}
		got, err := ParseEvent(AppendEvent(nil, &e))
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestDigestIsOfWhatTheSenderWants(t *testing.T) {
	e := full(KindText)
	want := e.Digest()
	placed := e
	placed.Seq, placed.TextSeq, placed.At = 0, 0, time.Time{}
	if placed.Digest() != want {
		t.Error("where it was placed is part of the digest")
	}
	for name, change := range map[string]func(*Event){
		"sender":    func(e *Event) { e.Sender.Key += "x" },
		"target":    func(e *Event) { e.Target[3]++ },
		"body":      func(e *Event) { c := *e.Content.(*Text); c.Body += "x"; e.Content = &c },
		"extension": func(e *Event) { e.Extensions = e.Extensions[:1] },
		"origin":    func(e *Event) { o := *e.Origin; o.At = o.At.Add(time.Millisecond); e.Origin = &o },
	} {
		other := full(KindText)
		change(&other)
		if other.Digest() == want {
			t.Errorf("%s is no part of the digest", name)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, k := range kinds {
		e := full(k)
		f.Add(AppendEvent(nil, &e))
	}
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Fuzz(stable)
}
