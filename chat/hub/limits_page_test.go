package hub

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parlor-chat/parlor/chat"
	"github.com/parlor-chat/parlor/search"
	"github.com/parlor-chat/parlor/storage"
)

var update = flag.Bool("update", false, "write docs/limits.md anew")

const limitsPage = "../../docs/limits.md"

// hubLimits are those of what the hub is asked for, and of what it keeps for a session.
var hubLimits = []chat.Limit{
	{What: "messages or events of a page; a host may set less (`Limits.Page`)", Most: storage.MaxPage, Unit: "messages", Where: "range.limit"},
	{What: "hits of one search", Most: search.MaxLimit, Unit: "hits", Where: "limit"},
	{What: "matches that a search counts exactly, if it is asked to", Most: search.MaxCount, Unit: "messages", Where: "count"},
	{What: "facets of one search", Most: search.MaxFacets, Unit: "facets", Where: "facets"},
	{What: "values of one facet", Most: search.MaxBucket, Unit: "values", Where: "facet size"},
	{What: "people, rooms or members of one list", Most: chat.MaxBatch, Unit: "items", Where: "limit"},
	{What: "people of a direct room", Most: MaxDirect, Unit: "people", Where: "others"},
	{What: "people whom a session watches", Most: MaxWatched, Unit: "people", Where: "users"},
	{What: "references of a personal log that are looked at for mentions (`News.MoreMentions`)", Most: newsWindow, Unit: "references"},
	{What: "read marks that wait on a node for the directory", Most: maxMarks, Unit: "marks", Where: "marks"},
	{What: "people of whom a `Typists` knows that they type", Most: MaxTypists, Unit: "people"},
	{What: "deliveries that wait in a session, which then is cut off", Most: defaultQueue, Unit: "deliveries", Where: "device.queue"},
	{What: "what a host may set for that (`Limits.Queue`)", Most: maxQueue, Unit: "deliveries", Where: "limits.queue"},
	{What: "events that a session missed and can resume behind; then it is `chat.ErrExpired`", Most: MaxMissed, Unit: "events"},
	{What: "age of a token to resume with; then it is `chat.ErrExpired`", Most: int(MaxResumeAge / (24 * time.Hour)), Unit: "days"},
}

// docs/limits.md is made from the tables that the code checks by.
func TestLimitsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Limits\n\nMade from the tables in `chat/limits.go`, and the constants of the packages, by `go test ./chat/hub -run LimitsPage -update`.\n")
	for _, part := range []struct {
		title  string
		limits []chat.Limit
	}{{"How much", chat.Limits}, {"How much of a hub", hubLimits}} {
		fmt.Fprintf(&b, "\n## %s\n\n| what | at most | unit | field that an error names |\n| --- | ---: | --- | --- |\n", part.title)
		for _, l := range part.limits {
			fmt.Fprintf(&b, "| %s | %d | %s | %s |\n", l.What, l.Most, l.Unit, code(l.Where))
		}
	}
	b.WriteString("\n## Keys, names and addresses\n\n| what | may hold | compared | bytes |\n| --- | --- | --- | ---: |\n")
	for _, w := range chat.Words {
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", w.What, w.Holds, w.Compared, w.Most)
	}
	b.WriteString("\nOver a limit is `chat.ErrTooLarge` with the limit, anything else `chat.ErrInvalid`; both name the field.\n" +
		"The limits of a query are in [search.md](search.md#limits).\n")
	if *update {
		if err := os.WriteFile(limitsPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(limitsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s is not what the tables say; run with -update", limitsPage)
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
