package query

// ParseLenient makes the best of what somebody typed, perhaps not to the end, and notes
// what it read otherwise than [Parse]: a query without a mistake is read as Parse reads
// it, with no note. It fails because of a limit alone. What it has read, [Query.String]
// writes without a mistake.
//
//   - What lacks a partner is closed at the end of the text, or left out: an open quote,
//     an open bracket, a closing one.
//   - An operator with nothing to join or no value is left out. Behind a space, a word
//     is taken for its value.
//   - An operator that there isn't, and a value that an operator doesn't know, are text;
//     so are the signs of Lucene's that mean nothing here, and a beginning that is too
//     short.
//   - Bytes that are no UTF-8 are a sign in which there is nothing to find.
//   - Where nothing is left, the whole is read as text.
func ParseLenient(text string) (*Query, error) { return parse(text, true) }
