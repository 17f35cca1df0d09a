package search_test

import (
	"strings"

	"pgregory.net/rapid"
)

// pieces are what drawn texts are made of: characters that have something about
// them, from all kinds of scripts.
var pieces = strings.Split("a b e i s t A E I é É à ü Å ß ẞ æ ø ı İ ŉ ﬁ 1 2 ² ٣ २ _ - . ' / "+
	"σ ς Σ ά Ά ῷ а е и ё й Й ї т Ⱥ K ǅ א ש בּ ا أ آ ل ت ـ ؤ س م "+
	"क ख न म क़ ि ् ा ं த ொ ট ো ก ท น ที่ ำ ແ ລ ក ្ မ "+
	"型 情 報 々 〆 の か が サ ー ゙ ｻ ﾞ 한 글 ᄒ ᅡ ᆫ ＡＡ 𠮷 𝐀 🎉 👍🏽 👩‍💻 🇩🇪 1️⃣ ℹ️ "+
	"\u0301 \u0308 \u0327 \u0345 \u05bc \u064e \u0651 \u093c \u3099 \u20e3 \ufe0f \u200d \u200c \u0600 "+
	"\xff \xc3 \xed\xa0\x80 \xe3\x81 \ufffd \n \r\n \t \u3000 , 。 `", " ")

// drawText draws a text of a few of them, some behind one another, some apart.
func drawText(t *rapid.T, label string, most int) string {
	piece := rapid.OneOf(rapid.SampledFrom(pieces), rapid.SampledFrom(pieces), rapid.Just(" "))
	return strings.Join(rapid.SliceOfN(piece, 0, most).Draw(t, label), "")
}
