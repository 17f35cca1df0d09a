package search_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/parlor-chat/parlor/search"
)

func TestWords(t *testing.T) {
	phrase := func(tokens ...string) search.Phrase { return search.Phrase{Tokens: tokens} }
	open := func(tokens ...string) search.Phrase { return search.Phrase{Tokens: tokens, LastIsPrefix: true} }
	for _, c := range []struct {
		name, text   string
		words        search.Expr
		phrase, open search.Expr
	}{
		{"nothing", " -- ", search.Or{}, search.Or{}, search.Or{}},
		{"one word", "Peer", search.Term("peer"), search.Term("peer"), search.Prefix("peer")},
		{
			"two words", "remote  Desk",
			search.And{search.Term("remote"), search.Term("desk")}, phrase("remote", "desk"), open("remote", "desk"),
		},
		{"a word that splits", "github.com", phrase("github", "com"), phrase("github", "com"), open("github", "com")},
		{
			"words with nothing between", "a -- b",
			search.And{search.Term("a"), search.Term("b")}, phrase("a", "b"), open("a", "b"),
		},
		{"a pair", "自由", search.Term("自由"), search.Term("自由"), search.Term("自由")},
		{"a run", "情報共有", phrase("情報", "報共", "共有"), phrase("情報", "報共", "共有"), phrase("情報", "報共", "共有")},
		{"a single character", "型", search.Prefix("型"), search.Prefix("型"), search.Prefix("型")},
		{
			"a run, then a word", "東京 tower",
			search.And{search.Term("東京"), search.Term("tower")}, phrase("東京", "京", "tower"), open("東京", "京", "tower"),
		},
		{"a word, then a character", "GitHubの", open("github", "の"), open("github", "の"), open("github", "の")},
		{"a character, then a word", "第3", phrase("第", "3"), phrase("第", "3"), open("第", "3")},
		{
			"a long word", strings.Repeat("x", 129),
			phrase(strings.Repeat("x", 128), "x"), phrase(strings.Repeat("x", 128), "x"), open(strings.Repeat("x", 128), "x"),
		},
	} {
		if got := search.Words(c.text); !reflect.DeepEqual(got, c.words) {
			t.Errorf("%s: Words(%q) = %#v, want %#v", c.name, c.text, got, c.words)
		}
		if got := search.PhraseOf(c.text, false); !reflect.DeepEqual(got, c.phrase) {
			t.Errorf("%s: PhraseOf(%q) = %#v, want %#v", c.name, c.text, got, c.phrase)
		}
		if got := search.PrefixOf(c.text); !reflect.DeepEqual(got, c.open) {
			t.Errorf("%s: PrefixOf(%q) = %#v, want %#v", c.name, c.text, got, c.open)
		}
	}
}

// TestFound asks as people do.
func TestFound(t *testing.T) {
	for _, c := range []struct {
		text, query string
		want        bool
	}{
		{"see https://github.com/a/b.git", "github.com", true},
		{"see https://github.io", "github.com", false},
		{"型システムの話", "システム", true},
		{"型システムの話", "話", true},
		{"型システムの話", "型", true},
		{"型システムの話", "ステ", true},
		{"型システムの話", "型の", false},
		{"情報、共有", "情報共有", false},
		{"GitHubの資料", "github", true},
		{"GitHubの資料", "GitHubの", true},
		{"GitHubの資料", "GitHubの資", true},
		{"GitHubの資料", "の資料", true},
		{"最新のGitHubの資料", "のgithub", true},
		{"안녕하세요", "하세", true},
		{"สวัสดีครับ", "ดีครับ", true},
		{"Привет, мир", "МИР привет", true},
		{"नमस्ते दुनिया", "दुनिया", true},
		{"السلام عليكم", "عليكم", true},
	} {
		d := search.Document{Tokens: search.Analyze(c.text)}
		if got := search.Match(search.Words(c.query), &d); got != c.want {
			t.Errorf("%q finds %q: %v, want %v", c.query, c.text, got, c.want)
		}
	}
}
