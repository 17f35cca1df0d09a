package search_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/parlor-chat/parlor/search"
)

func TestAnalyze(t *testing.T) {
	long := strings.Repeat("x", search.MaxToken)
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"nothing to find", " -- … 🎉 \x00", ""},
		{"English", "Hello, World", "hello world"},
		{"parts of names", "my_file-name.tar.gz don't", "my file name tar gz don t"},
		{"an address", "https://GitHub.com/a?b=c1", "https github com a b c1"},
		{"digits are letters here", "x86_64 3rd", "x86 64 3rd"},
		{"only decimal digits are digits", "x² ½ Ⅻ", "x"},
		{"letters of all kinds", "ªa ǅ", "ªa ǆ"},
		{"accents are kept", "Café CAFE\u0301", "café cafe\u0301"},
		{"a mark needs a letter", "\u0301a 1\u20e3b 1\u0301", "a 1 b 1"},
		{"not just the first letter", "1a\u0301 a1\u0301b", "1a\u0301 a1 b"},
		{"several marks", "q\u0307\u0323x", "q\u0307\u0323x"},
		{"lower-cased one by one", "ΣΑΣ İ ẞ", "σασ i ß"},
		{"a final sigma is another letter", "Σας ΣΑΣ", "σας σασ"},
		{"dotless i is another letter", "ıI", "ıi"},
		{"ß", "Straße STRASSE", "straße strasse"},
		{"lower-case may be shorter or longer", "\u212a Ⱥ İx", "k ⱥ ix"},
		{"no UTF-8", "a\xffb\xc3", "a b"},
		{"a lone surrogate", "a\xed\xa0\x80b 型\xed\xb0\x80字", "a b 型 字"},
		{"cut off in the middle", "型\xe5\x9e", "型"},
		{"emoji part, with all that joins them", "ok👍🏽ok👩\u200d💻ok 1\ufe0f\u20e32", "ok ok ok 1 2"},
		{"what joins letters parts words", "क\u200dष a\u200db", "क ष a b"},
		{"the sign of lost characters", "a\ufffdb", "a b"},
		{"Cyrillic", "Привет, МИР", "привет мир"},
		{"Arabic", "السَّلام عليكم", "السَّلام عليكم"},
		{"Hindi", "नमस्ते दुनिया २०२६", "नमस्ते दुनिया २०२६"},
		{"Hebrew", "שָׁלוֹם", "שָׁלוֹם"},
		{"Han", "情報共有", "情報 報共 共有 有"},
		{"one Han", "型", "型"},
		{"two runs", "情報、型", "情報 報 型"},
		{"Han and kana are one run", "見直す々", "見直 直す す々 々"},
		{"Katakana with its length mark", "サーバー", "サー ーバ バー ー"},
		{"half-width Katakana", "ｻｰﾊﾞ", "ｻｰ ｰﾊ ﾊﾞ ﾞ"},
		{"Hangul", "안녕 하세요", "안녕 녕 하세 세요 요"},
		{"Thai, marks are characters", "ที่นี่", "ที ี่ ่น นี ี่ ่"},
		{"Lao", "ສະ", "ສະ ະ"},
		{"Khmer", "ខ្មែ", "ខ្ ្ម មែ ែ"},
		{"Myanmar", "မြန်", "မြ ြန န် ်"},
		{"a border", "GitHubの", "github の"},
		{"borders on both sides", "第3章go言語", "第 3 章 go 言語 語"},
		{"a mark doesn't make a border", "e\u3099か", "e\u3099 か"},
		{"full-width letters are no kana", "ＧＨＣは", "ｇｈｃ は"},
		{"128 characters", long, long},
		{"129 characters", long + "y", long + " y"},
		{"128 characters of two bytes", strings.Repeat("é", 129), strings.Repeat("é", 128) + " é"},
	} {
		if got := strings.Join(search.Analyze(c.text), " "); got != c.want {
			t.Errorf("%s: Analyze(%q) = %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

// TestEveryCharacter compares what the analysis makes of each character of
// Unicode, alone and behind a Latin and a Han letter, with the plain words of the
// definition.
func TestEveryCharacter(t *testing.T) {
	unspacedScripts := []*unicode.RangeTable{
		unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
	}
	for r := range unicode.MaxRune + 1 {
		if !utf8.ValidRune(r) {
			continue
		}
		s, low := string(r), string(unicode.ToLower(r))
		word := unicode.IsLetter(r) || unicode.Is(unicode.Nd, r)
		unspaced := unicode.In(r, unspacedScripts...) || strings.ContainsRune("〆〱〲〳〴〵〼ーｰﾞﾟ", r)
		var alone, latin, han []string
		switch {
		case word && unspaced:
			alone, latin, han = []string{low}, []string{"a", low}, []string{"字" + low, low}
		case word:
			alone, latin, han = []string{low}, []string{"a" + low}, []string{"字", low}
		case unicode.IsMark(r):
			latin, han = []string{"a" + low}, []string{"字" + low, low}
		default:
			latin, han = []string{"a"}, []string{"字"}
		}
		for _, c := range []struct {
			text string
			want []string
		}{{s, alone}, {"A" + s, latin}, {"字" + s, han}} {
			if got := search.Analyze(c.text); !slices.Equal(got, c.want) {
				t.Fatalf("%U: Analyze(%q) = %q, want %q", r, c.text, got, c.want)
			}
		}
	}
}

func TestTokensSayWhereTheyStand(t *testing.T) {
	for _, text := range []string{
		"", "Ünïcode WORDS, and-more", "GitHubの型システム!", "ที่นี่ ok", "a\xffb", strings.Repeat("Ä", 300),
	} {
		for tok := range search.Tokens(text) {
			if strings.ToLower(text[tok.Start:tok.End]) != tok.Text {
				t.Errorf("%q: token %q is said to be at %q", text, tok.Text, text[tok.Start:tok.End])
			}
		}
	}
	for tok := range search.Tokens("one two") {
		if tok.Text != "one" {
			t.Errorf("went on to %q after the loop was left", tok.Text)
		}
		break
	}
	for range search.Tokens("日本語") {
		break
	}
}

// Tokens share their memory, so their number costs nothing.
func TestNoAllocationPerToken(t *testing.T) {
	for _, c := range []struct {
		text string
		most float64
	}{
		{"all of this is as it stands, 12 words and 0 capitals. ", 0},
		{"型システムについては、資料を。", 0},
		{"Some Of THIS isn't. ", 1},
		{"Всё ЭТО тоже. ", 1},
		{strings.Repeat("Ä", 300) + " ", 1},
	} {
		text := strings.Repeat(c.text, 100)
		tokens := search.Analyze(text)
		if n := testing.AllocsPerRun(10, func() { tokens = search.Analysis{}.Append(tokens[:0], text) }); n > c.most {
			t.Errorf("%d tokens of %q made %v allocations, want %v", len(tokens), c.text, n, c.most)
		}
	}
}

// One letter, as much of it as a text may have.
func TestTokensOfOneLetter(t *testing.T) {
	fold := search.Analysis{FoldAccents: true}
	for _, c := range []struct {
		a      search.Analysis
		letter string
		token  string
		n      int
		last   string
	}{
		{search.Analysis{}, "x", strings.Repeat("x", 128), 512, strings.Repeat("x", 128)},
		{search.Analysis{}, "X", strings.Repeat("x", 128), 512, strings.Repeat("x", 128)},
		{search.Analysis{}, "É", strings.Repeat("é", 128), 256, strings.Repeat("é", 128)},
		{fold, "É", strings.Repeat("e", 128), 256, strings.Repeat("e", 128)},
		{fold, "ß", strings.Repeat("s", 128), 512, strings.Repeat("s", 128)},
		{fold, "ـ", "", 0, ""},
		{search.Analysis{}, "あ", "ああ", 21845, "あ"},
		{fold, "한", "한한", 21845, "한"},
		{search.Analysis{}, "\u0301", "", 0, ""},
		{search.Analysis{}, "\xed\xa0\x80", "", 0, ""},
	} {
		text := strings.Repeat(c.letter, (64<<10)/len(c.letter))
		tokens := c.a.Analyze(text)
		if len(tokens) != c.n || c.n > 0 && (tokens[0] != c.token || tokens[c.n-1] != c.last) {
			t.Errorf("64 KiB of %q are %d tokens, want %d", c.letter, len(tokens), c.n)
		}
		if n := testing.AllocsPerRun(1, func() { tokens = c.a.Append(tokens[:0], text) }); n > 2 {
			t.Errorf("64 KiB of %q make %v allocations", c.letter, n)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("Hello, World", false)
	f.Add("GitHubの型 ที่ \xff\u0301", false)
	f.Add("Straße e\u0301 ـــ İı "+strings.Repeat("ß", 70), true)
	f.Fuzz(func(t *testing.T, text string, fold bool) {
		a := search.Analysis{FoldAccents: fold}
		last := -1
		var tokens []string
		for tok := range a.Tokens(text) {
			if tok.Start <= last || tok.End <= tok.Start || tok.End > len(text) {
				t.Fatalf("token %+v of %q behind byte %d", tok, text, last)
			}
			if n := utf8.RuneCountInString(tok.Text); n < 1 || n > search.MaxToken || !utf8.ValidString(tok.Text) {
				t.Fatalf("token %q has %d characters", tok.Text, n)
			}
			part := text[tok.Start:tok.End]
			if !utf8.ValidString(part) {
				t.Fatalf("token %+v cuts a character of %q", tok, text)
			}
			// A token that begins with a mark is cut from its letter.
			if r, _ := utf8.DecodeRuneInString(part); !unicode.IsMark(r) && a.Analyze(part)[0] != tok.Text {
				t.Fatalf("token %q is said to be %q", tok.Text, part)
			}
			last = tok.Start
			tokens = append(tokens, tok.Text)
		}
		if got := a.Analyze(text); !slices.Equal(got, tokens) {
			t.Fatalf("Analyze(%q) = %q, the tokens are %q", text, got, tokens)
		}
		// Whatever somebody copies out of a text finds it.
		e := a.PhraseOf(text, false)
		d := search.Document{Tokens: tokens}
		if len(d.Tokens) > 0 && !search.Match(e, &d) {
			t.Fatalf("%q is not found by its own text", text)
		}
	})
}
