package main

// mutant is one line gone wrong.
type mutant struct {
	name     string
	file     string
	from, to string
}

var mutants = []mutant{
	{"a send is acknowledged though it failed", "chat/hub/send.go",
		"		return chat.Receipt{}, single(err)\n	}\n	h.follow.wake()",
		"		return chat.Receipt{ID: e.ID, State: chat.Placed, Seq: 1}, nil\n	}\n	h.follow.wake()"},
	{"a retry is placed again", "drivers/memory/broker.go",
		"if known, ok := r.ids[e.ID]; ok {", "if known, ok := r.ids[e.ID]; ok && false {"},
	{"an id stands for any body", "drivers/memory/broker.go",
		"if known.digest != digest && known.digest != [16]byte{} {", "if false {"},
	{"Seq from a counter of the node", "chat/hub/send.go",
		"	return receipts[0], nil\n}", "	h.limits.Queue++\n	receipts[0].Seq = chat.Seq(h.limits.Queue)\n	return receipts[0], nil\n}"},
	{"time follows the clock back", "drivers/memory/broker.go",
		"case at.Before(r.at):", "case false:"},
	{"a follower without a fence", "chat/hub/lead.go",
		"			if err != nil {\n				wanting = true", "			if err != nil && !errors.Is(err, chat.ErrConflict) {\n				wanting = true"},
	{"the cursor goes on before the work is done", "chat/hub/follow.go",
		"			if err := f.follow(ctx, placed); err != nil {\n				return err\n			}", "			f.follow(ctx, placed)"},
	{"a host's failure is taken for done", "chat/hub/reader.go",
		"		if err := r.fn(ctx, page.Events); err != nil {\n			return err\n		}", "		r.fn(ctx, page.Events)"},
	{"the archive's failure is taken for done", "chat/hub/archiver.go",
		"		if err := a.append(ctx, events); err != nil {\n			return err\n		}", "		a.append(ctx, events)"},
	{"the index's failure is taken for done", "chat/hub/indexer.go",
		"		if err := x.h.set.Index.Apply(ctx, docs, chat.Position{Room: p.Room, Seq: done}); err != nil {\n			return err\n		}",
		"		x.h.set.Index.Apply(ctx, docs, chat.Position{Room: p.Room, Seq: done})"},
	{"a resume that begins one too late", "chat/hub/resume.go",
		"at[e.Room] = min(seq, e.Seq-1)", "at[e.Room] = min(seq, e.Seq)"},
	{"a resume that begins one too early", "chat/hub/resume.go",
		"		at[r.room] = r.last\n", "		at[r.room] = r.last - 1\n"},
	{"a resume that forgets where live begins", "chat/hub/fan.go",
		"a.last = max(a.last, last[i])", "_ = last[i]"},
	{"a backlog that runs into what is live", "chat/hub/resume.go",
		"			if e.Last() <= upTo { // a void that reaches beyond it comes live", "			if true {"},
	{"who was banned hears on", "chat/hub/fan.go",
		"			f.depart(a, m.User)", "			_ = a"},
	{"what was retracted is found", "chat/hub/search.go",
		"		if m.Gone != nil {\n			continue\n		}", ""},
	{"delivery skips the first of many", "drivers/memory/link.go",
		"		from := r.above(at)", "		from := min(r.above(at)+1, len(r.events)-1)"},
	{"a role is written nowhere", "chat/hub/member.go",
		"	row.Role, row.Seq, row.Event = c.Role, e.Seq, e.ID", "	row.Seq, row.Event = e.Seq, e.ID"},
}
