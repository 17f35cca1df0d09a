package search_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		{"Arabic", "", "السَّلام عليكم، هل يمكنك مراجعة الملف مرة أخرى من فضلك؟"},
	} {
		texts := benchTexts(b, c.set, c.text)
		b.Run(c.name, func(b *testing.B) { benchAnalyze(b, search.Analysis{}, texts) })
		b.Run(c.name+"/folded", func(b *testing.B) { benchAnalyze(b, search.Analysis{FoldAccents: true}, texts) })
	}
}

func benchAnalyze(b *testing.B, a search.Analysis, texts []string) {
	var size int64
	for _, text := range texts {
		size += int64(len(text))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	var fields time.Duration
	var tokens []string
	n := 0
	for b.Loop() {
		for _, text := range texts {
			tokens = a.Append(tokens[:0], text)
		}
		b.StopTimer()
		began := time.Now()
		for _, text := range texts {
			n += len(strings.Fields(text))
		}
		fields += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(fields), "x-fields")
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
