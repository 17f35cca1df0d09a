package main

import (
	"os"
	"testing"
)

// Each mutant must still say where it is; what it does to the simulation is told by
// running the command.
func TestMutantsStillApply(t *testing.T) {
	names := map[string]bool{}
	for _, m := range mutants {
		if names[m.name] {
			t.Errorf("two are called %q", m.name)
		}
		names[m.name] = true
		text, err := os.ReadFile("../../" + m.file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.apply(string(text)); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
	if len(mutants) < 10 {
		t.Errorf("%d mutants", len(mutants))
	}
}
