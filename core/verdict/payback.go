package verdict

// Prospect is what a verification costs and when it has paid for itself, told
// before it is bought.
type Prospect struct {
	Spent  int64 // micro-dollars so far
	ToCome int64 // micro-dollars that the expected items still cost
	// Runs after which the saving has paid for both; 0 where it never does.
	Runs   int64
	Days   int64 // of the known traffic; 0 where that is not known, or never
	Nights int   // until the evidence is there, at the night's budget; 0 is not known
	OK     bool  // the costs are known and the candidate is the cheaper one
}

// Ahead tells what a verification of so many more items comes to, at each
// micro-dollars an item (both arms). What a move gives up once, as a warm cache,
// is a part of what has to be paid back.
func (m Money) Ahead(items int, each int64) Prospect {
	p := Prospect{Spent: max(m.Spent, 0), ToCome: times(int64(max(items, 0)), max(each, 0))}
	if m.ItemsPerNight > 0 {
		p.Nights = (max(items, 0) + m.ItemsPerNight - 1) / m.ItemsPerNight
	}
	saved := m.CurrentPerRun - m.CandidatePerRun
	if !m.Known || saved <= 0 {
		return p
	}
	p.OK = true
	m.Spent = p.Spent + p.ToCome
	_, runs := m.worth()
	p.Runs = *runs
	if m.RunsPerMonth > 0 {
		p.Days = (times(p.Runs, 30) + m.RunsPerMonth - 1) / m.RunsPerMonth
	}
	return p
}
