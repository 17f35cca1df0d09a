package search_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/internal/shareddata"
	"github.com/parlor-chat/parlor/search"
)

// BenchmarkAnalyze makes tokens of real messages, or of made-up ones where those
// are not there. The metric x-fields says how many times longer it takes than
// strings.Fields does for the same texts, in the same run.
func BenchmarkAnalyze(b *testing.B) {
	for _, c := range []struct{ name, set, text string }{
		{"English", "ubuntu-irc-2008-2011", "Would be awesome if there was some way to keep up, e.g. via GitHub."},
		{"Slack", "hyperledger-slack", "I've updated fabric/core/peer.go, see https://github.com/x/y/pull/12"},
		{"Japanese", "haskell-jp-slack", "型システムについてはGitHubの資料を見直してください。"},
		{"Russian", "", "Я обновил настройки, посмотрите, пожалуйста, ещё раз: Всё ли теперь работает?"},
		{"German", "", "Ich hätte gern größere Schlüssel, müssen wir dafür die Prüfung ändern?"},
		{"Hindi", "", "क्या आप इस फ़ाइल को फिर से देख सकते हैं? नमस्ते दुनिया"},
		{"Thai", "", "ช่วยดูไฟล์นี้อีกครั้งได้ไหมครับ ขอบคุณมาก"},
		{"Arabic", "", "السَّلام عليكم، هل يمكنك مراجعة الملف مرة أخرى من فضلك؟"},
	} {
		texts := benchTexts(b, c.set, c.text)
		for _, a := range []search.Analysis{{}, {FoldAccents: true}} {
			b.Run(c.name+"/"+a.Name(), func(b *testing.B) { benchAnalyze(b, a, texts) })
		}
	}
}

func benchAnalyze(b *testing.B, a search.Analysis, texts []string) {
	var tokens []string
	spent := besideFields(b, texts, func(text string) int {
		tokens = a.Append(tokens[:0], text)
		return len(tokens)
	})
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	b.ReportMetric(float64(size)/spent.Seconds()/1e6, "MB/s")
}

var sink []string

// besideFields measures a function of texts and strings.Fields by turns, and returns
// how long all texts take.
func besideFields(b *testing.B, texts []string, f func(string) int) time.Duration {
	allocs := testing.AllocsPerRun(1, func() {
		for _, text := range texts {
			f(text)
		}
	})
	var own, bare time.Duration
	found := 0
	for b.Loop() {
		began := time.Now()
		for _, text := range texts {
			found += f(text)
		}
		between := time.Now()
		for _, text := range texts {
			sink = strings.Fields(text)
		}
		own, bare = own+between.Sub(began), bare+time.Since(between)
	}
	if found == 0 {
		b.Fatal("nothing was found")
	}
	b.ReportMetric(allocs, "own-allocs")
	b.ReportMetric(float64(own)/float64(b.N), "ns/op")
	b.ReportMetric(float64(own)/float64(bare), "x-fields")
	return own / time.Duration(b.N)
}

// benchPages are pages of 50 real messages, or of made-up ones where those are not
// there, as somebody sees them who searched.
var benchPages = []benchPage{
	{"English", "ubuntu-irc-2008-2011", "Would be awesome if there was some way to keep up, e.g. via GitHub.", "the install"},
	{"Slack", "hyperledger-slack", "I've updated fabric/core/peer.go, see https://github.com/x/y/pull/12", "peer github.com"},
	{"Japanese", "haskell-jp-slack", "型システムについてはGitHubの資料を見直してください。", "型 システム"},
	{"Hindi", "", "क्या आप इस फ़ाइल को फिर से देख सकते हैं? नमस्ते दुनिया", "फ़ाइल"},
}

type benchPage struct{ name, set, text, query string }

func (c benchPage) page(b *testing.B) []string {
	var page []string
	for _, text := range benchTexts(b, c.set, c.text) {
		d := search.Document{Tokens: search.Analyze(text)}
		if search.Match(anyWord(c.query), &d) && len(page) < 50 {
			page = append(page, text)
		}
	}
	if len(page) < 50 {
		b.Fatalf("%s: only %d texts have %q", c.name, len(page), c.query)
	}
	return page
}

// BenchmarkHighlights marks pages, and the worst that may be. The metric x-fields
// says how many times longer it takes than strings.Fields does for the same page.
func BenchmarkHighlights(b *testing.B) {
	for _, c := range benchPages {
		page := c.page(b)
		for _, a := range []search.Analysis{{}, {FoldAccents: true}} {
			b.Run(c.name+"/"+a.Name(), func(b *testing.B) { benchHighlights(b, a, page, a.Expr(anyWord(c.query))) })
		}
	}
	worst := search.Or{} // as many nodes as may be, each of which stands everywhere
	for range 332 {
		worst = append(worst, search.Phrase{Tokens: []string{"ああ", "ああ"}})
	}
	page := []string{strings.Repeat("あ", chat.MaxBody/3)}
	b.Run("one letter, 64 KiB, 997 nodes", func(b *testing.B) { benchHighlights(b, search.Analysis{}, page, worst) })
	whole := search.Phrase{Tokens: slices.Repeat([]string{"ああ"}, 998)}
	b.Run("one letter, 64 KiB, a phrase of 998", func(b *testing.B) { benchHighlights(b, search.Analysis{}, page, whole) })
	words := []string{strings.Repeat("a ", chat.MaxBody/2)}
	long := search.PhraseOf(strings.Repeat("a ", 990), false)
	b.Run("one word, 64 KiB, a phrase of 990", func(b *testing.B) { benchHighlights(b, search.Analysis{}, words, long) })
}

// BenchmarkMatch finds a phrase at the end of a body in which all but its last word
// stands everywhere, and, to compare, the last word alone. The metric x-fields is as
// above.
func BenchmarkMatch(b *testing.B) {
	text := strings.Repeat("a ", chat.MaxBody/2-1) + "b"
	d := search.Document{Tokens: search.Analyze(text)}
	for _, c := range []struct {
		name  string
		where search.Expr
	}{
		{"a word", search.Term("b")},
		{"a prefix", search.Prefix("b")},
		{"a phrase of 2", search.PhraseOf("a b", false)},
		{"a phrase of 990", search.PhraseOf(strings.Repeat("a ", 989)+"b", false)},
		{"a phrase of 990, open", search.PhraseOf(strings.Repeat("a ", 989)+"b", true)},
	} {
		b.Run(c.name, func(b *testing.B) {
			besideFields(b, []string{text}, func(string) int {
				if !search.Match(c.where, &d) {
					b.Fatal("doesn't match")
				}
				return 1
			})
		})
	}
}

// BenchmarkSnip makes snippets of 100 clusters of the same pages.
func BenchmarkSnip(b *testing.B) {
	for _, c := range benchPages {
		page := c.page(b)
		where := anyWord(c.query)
		b.Run(c.name, func(b *testing.B) {
			besideFields(b, page, func(text string) int {
				return len(search.Snip(text, search.Analysis{}.Highlights(text, where), 100).Text)
			})
		})
	}
}

// anyWord holds where one of the words of a query stands.
func anyWord(query string) search.Expr {
	var any search.Or
	for word := range strings.FieldsSeq(query) {
		any = append(any, search.Words(word))
	}
	return any
}

func benchHighlights(b *testing.B, a search.Analysis, page []string, where search.Expr) {
	besideFields(b, page, func(text string) int { return len(a.Highlights(text, where)) })
}

// benchTexts are a thousand texts of a data set, or of one made-up text.
func benchTexts(b *testing.B, set, text string) []string {
	const most = 1000
	var texts []string
	if dir, ok := shareddata.Find(); ok && set != "" {
		texts = realTexts(b, filepath.Join(dir, set+".jsonl.gz"), most)
	}
	for len(texts) < most {
		texts = append(texts, text)
	}
	return texts
}

// realTexts are the first texts of a data set.
func realTexts(t testing.TB, file string, most int) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for dec := json.NewDecoder(zip); len(texts) < most; {
		var r struct{ Text, Kind string }
		if err := dec.Decode(&r); err == io.EOF {
			return texts
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Kind == "message" && r.Text != "" {
			texts = append(texts, r.Text)
		}
	}
	return texts
}
