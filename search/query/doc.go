// Package query is the language in which people search: Lucene's as they know it,
// with the operators of a chat.
//
// [Parse] reads a text strictly: what isn't right is an [Error] that points into the
// text and says what was expected. [ParseLenient] makes the best of what people type,
// and notes what it read otherwise. Both give a [Query]: a tree of nodes that know
// their places in the text, which can be written again ([Query.String]), put into words
// ([Query.Explain]) and compiled for whoever asks ([Query.Compile]). [Completer] says
// what may stand at a cursor.
//
// # The language
//
//	query    = [ or ]
//	or       = and { ("OR" | "||") and }
//	and      = unary { [ "AND" | "&&" ] unary }
//	unary    = ("NOT" | "-" | "+") unary | primary
//	primary  = "(" or ")" | text | operator ":" ( text | "(" or ")" | range )
//	text     = word | word "*" | '"' words '"' | '"' words '*"'
//	range    = ("[" | "{") bound "TO" bound ("]" | "}")
//	bound    = time | "*"
//
// NOT binds tightest, then AND, then OR; what only stands side by side is joined by AND.
// "+" says that something must be there, which is so anyway, and changes nothing.
// AND, OR, NOT and TO are written in capitals; small, they are words.
//
// A word ends at a space, a quote or a bracket. A backslash takes the sign behind it as
// it is, and is a sign itself before a letter or a digit. "-" and "+" mean something at the beginning of a word alone, and not where
// another one or a space follows. Quotes as phones set them, and full-width signs, are
// read as the plain ones. What quotes hold is the same as a word: both are a [Text], and
// a text that splits into several tokens is a phrase.
//
// docs/search.md is the page that people are shown.
package query
