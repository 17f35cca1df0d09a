package chat

// CheckDense proves that nothing is missing between events of one room, in rising
// Seq: with all, by Seq, where a Void is crossed in one step; else events are
// texts, proven by TextSeq. What is missing is [ErrIncomplete].
func CheckDense(events []Event, all bool) error {
	for i := 1; i < len(events); i++ {
		a, b := &events[i-1], &events[i]
		whole := a.Room == b.Room && b.Seq > a.Last()
		if all {
			texts := int64(0)
			if b.IsText() {
				texts = 1
			}
			whole = whole && b.Seq == a.Last()+1 && b.TextSeq == a.TextSeq+texts
		} else {
			whole = whole && b.IsText() && b.TextSeq == a.TextSeq+1
		}
		if !whole {
			return &Error{Kind: ErrIncomplete, Op: "check", Field: "seq", Limit: int64(a.Last() + 1)}
		}
	}
	return nil
}
