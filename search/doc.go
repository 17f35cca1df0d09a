// Package search holds the contract of an [Index], the [Analysis] that turns text
// into tokens, and what an expression means ([Match]).
//
// An index never sees what a person typed. It gets documents whose tokens are
// ready made ([Analysis.Document]), and expressions over tokens ([Words], [PhraseOf]);
// so every engine gives the same matches, counts, facets and order. What people type is
// the language of package search/query, which compiles to such expressions.
//
// Hits carry no text: whoever asked looks them up in the history, folds them, checks
// again and highlights ([Analysis.Highlights]), in ranges of bytes or, for JavaScript, of
// UTF-16 ([UTF16]). [Snip] cuts a line out of a long body, around what was found.
//
// An index is derived data. It can be made again from the history at any time,
// beside the one that answers where it has [Generations], says how far it has come
// ([Index.Watermark]), and may be late.
//
// A driver checks what it is given with [Request.Check] and [CheckApply], makes
// its cursors with [Request.NextAfter], and is proven by package searchtest.
package search
