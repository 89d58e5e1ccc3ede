package report

// Plan is the next night, as far as the evidence foretells it: nothing of it was
// bought. Chances and items are forecasts and decide nothing.
type Plan struct {
	Rows   []Planned `json:"rows"`  // in the order in which the night would go about them
	Items  int       `json:"items"` // that the budget pays for, expected
	Cost   int64     `json:"cost"`  // micro-dollars, expected
	Priced bool      `json:"priced"`
	Moves  int64     `json:"moves"` // expected, in millionths
	// Saving a month of the expected moves, each by its chance; null when it is
	// known of none.
	SavingMonth *int64 `json:"saving_month"`
}

// Planned is one comparison of a plan.
type Planned struct {
	Skill     string `json:"skill"`
	Step      string `json:"step"`
	Current   string `json:"current"`
	Candidate string `json:"candidate"`
	Items     int    `json:"items"`  // to buy tonight
	Needed    int    `json:"needed"` // until it is decided, expected
	Cost      int64  `json:"cost"`   // of tonight's items, micro-dollars
	Priced    bool   `json:"priced"`
	Chance    int64  `json:"chance"` // of a proof in this epoch, in millionths
	// Runs until what the verification will have cost in all is saved again; null
	// when a price is not known or nothing is saved.
	PaybackRuns *int64 `json:"payback_runs"`
	SaveMonth   *int64 `json:"saving_month"`
	Why         string `json:"why,omitempty"` // nothing is bought for it
}
