package main

import (
	"bytes"
	"testing"
)

// What the README shows. Live deliveries start after Bob connected: 1 is Ann who
// made the room, 2 is Bob who joined.
const told = `Ann and Bob talk in the kitchen.
Bob sent twice; the second time it was known already: true

What Bob's laptop saw live:
  3. ann says: The soup is redy
  4. ann corrects it: The soup is ready
  5. bob reacts: 🍜
  6. bob says: On my way, is there bread?

What Bob's phone saw live:
  3. ann says: The soup is redy
  4. ann corrects it: The soup is ready
  5. bob reacts: 🍜
  6. bob says: On my way, is there bread?

How Ann sees Bob:
  laptop: away cooking
  phone: available

What Bob's phone had missed:
  7. ann says: There is, and butter.

The room's history:
  ann: The soup is ready (edited)  🍜 1
  bob: On my way, is there bread?
  ann: There is, and butter.

Bob searches for messages with “soup” and sent by “ann”, and finds 1:
  ann: The «soup» is ready
`

func TestStory(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != told {
		t.Errorf("the story is told differently:\n%s", got)
	}
}
