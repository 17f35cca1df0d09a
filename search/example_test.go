package search_test

import (
	"fmt"

	"github.com/parlor-chat/parlor/search"
)

// A tenant that wants accents folded finds "déjà" with "deja". The ranges are of the
// text as it was written.
func ExampleAnalysis_Highlights() {
	analysis := search.Analysis{FoldAccents: true}
	body := "Le café d'en face\nest 👍🏽 déjà ouvert"

	marks := analysis.Highlights(body, analysis.Words("deja cafe"))
	for _, r := range marks {
		fmt.Println(r, body[r.Start:r.End])
	}
	fmt.Println("in JavaScript:", search.UTF16(body, marks))

	s := search.Snip(body, marks[1:], 20)
	fmt.Printf("%v %q %v %v\n", s.Before, s.Text, s.Marks, s.After)
	// Output:
	// {3 8} café
	// {32 38} déjà
	// in JavaScript: [{3 7} {27 31}]
	// true "est 👍🏽 déjà ouvert" [{13 19}] false
}
