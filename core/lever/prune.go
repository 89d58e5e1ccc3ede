package lever

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Installed is a skill that an agent is told of: its name and description stand in
// every request, its body only where it is called.
type Installed struct {
	Name        string
	Description string
	Path        string // as people see it
}

// Granted is a tool that the project lets a skill call, with what its runs did.
type Granted struct {
	Skill, Tool string
	Attribute   string // tools or readonly
	Runs        int    // of the skill, in the window: without any, nothing can be said
	Called
}

// Estate is what there is to prune, and what is known of its use.
type Estate struct {
	Servers     []Server
	Definitions map[string]Definitions // by server, where somebody handed them over
	Skills      []Installed
	Grants      []Granted
	Use         *Use // nil without transcripts: nothing can be said of servers and skills
	Window      time.Duration
	// Rates gives a model's list price; ok is false where there is none. nil knows
	// none.
	Rates func(model string) (r price.Rates, ok bool)
}

// Unit is one thing that could go.
type Unit struct {
	Kind string `json:"kind"` // server, skill or grant
	Name string `json:"name"`
	Of   string `json:"of,omitempty"` // of a grant: the skill; of a skill: its folder
	Called
	Unused bool   `json:"unused"` // not called once in the window
	Tokens *int64 `json:"tokens"` // in every request; null is not known
	Exact  bool   `json:"tokens_exact"`
	Month  *int64 `json:"cost_month"`    // micro-dollars, at the sessions of the window; null is not known
	Why    string `json:"why,omitempty"` // tokens or cost are not known

	Tools      int      `json:"tools,omitempty"`      // of a server, where its definitions are known
	Idle       []string `json:"tools_idle,omitempty"` // of them: never called
	IdleTokens int64    `json:"tools_idle_tokens,omitempty"`
}

// Pruned is what a look at an estate came to.
type Pruned struct {
	Units    []Unit `json:"units"` // what is unused first, by cost, then by tokens
	Sessions int    `json:"sessions"`
	Requests int    `json:"requests"`
	Month    int64  `json:"unused_cost_month"` // of the unused, as far as it is known
	Tokens   int64  `json:"unused_tokens"`     // of the unused in every request, as far as it is known
	Cached   int64  `json:"cached_share"`      // of the sessions' prompts, millionths
	Lines    *Lines `json:"lines,omitempty"`
}

// Prune lists servers, skills and grants with their use and cost.
func Prune(e Estate) Pruned {
	var out Pruned
	b := bill{estate: e}
	if e.Use != nil {
		out.Lines = &e.Use.Lines
		out.Sessions = len(e.Use.Sessions)
		var all message.Usage
		for _, s := range e.Use.Sessions {
			out.Requests += s.Requests
			for _, u := range s.Usage {
				all = all.Add(u)
			}
		}
		out.Cached = share(all.CachedInput, all.Prompt())
	}
	calls := byServer(e)
	for _, s := range e.Servers {
		u := Unit{Kind: "server", Name: s.Name}
		u.Called = calls[s.Name].Called
		if defs, ok := e.Definitions[s.Name]; ok {
			b.tokens(&u, "", defs.Bytes)
			u.Tools = len(defs.Tools)
			for _, t := range slices.Sorted(maps.Keys(defs.Tools)) {
				if !calls[s.Name].tools[spoken(t)] {
					u.Idle = append(u.Idle, t)
					u.IdleTokens += Estimate(defs.Tools[t])
				}
			}
		} else {
			u.Why = "its tools are not known: hand over its tools/list answer with --tools " + s.Name + "=FILE"
		}
		out.Units = append(out.Units, b.finish(u))
	}
	for _, s := range e.Skills {
		u := Unit{Kind: "skill", Name: s.Name, Of: s.Path}
		if e.Use != nil && e.Use.Skills[s.Name] != nil {
			u.Called = *e.Use.Skills[s.Name]
		}
		b.tokens(&u, "- "+s.Name+": "+s.Description+"\n", 0)
		out.Units = append(out.Units, b.finish(u))
	}
	for _, g := range e.Grants {
		// The skill's code calls it; no model reads its definition.
		u := Unit{Kind: "grant", Name: g.Tool, Of: g.Skill, Called: g.Called, Unused: g.Runs > 0 && g.Calls == 0, Tokens: new(int64(0)), Exact: true, Month: new(int64(0))}
		if g.Runs == 0 {
			u.Why = "the skill did not run"
		}
		out.Units = append(out.Units, u)
	}
	slices.SortStableFunc(out.Units, func(a, b Unit) int {
		first := func(u Unit) int { return map[bool]int{true: 0, false: 1}[u.Unused] }
		return cmp.Or(first(a)-first(b), cmp.Compare(amount(b.Month), amount(a.Month)), cmp.Compare(amount(b.Tokens), amount(a.Tokens)), strings.Compare(a.Kind+a.Name, b.Kind+b.Name))
	})
	for _, u := range out.Units {
		if u.Unused {
			out.Month += amount(u.Month)
			out.Tokens += amount(u.Tokens)
		}
	}
	return out
}

func amount(v *int64) int64 {
	if v == nil {
		return 0
	}
	return *v
}

// served is what was called of one server.
type served struct {
	Called
	tools map[string]bool
}

// byServer sorts the calls of tools by the servers of the estate. Names are
// compared as agents spell them; of two servers that could be meant, the longer
// name is.
func byServer(e Estate) map[string]served {
	out := map[string]served{}
	if e.Use == nil {
		return out
	}
	for tool, c := range e.Use.Tools {
		rest, ok := strings.CutPrefix(tool, "mcp__")
		if !ok {
			continue
		}
		name, best := "", -1
		for _, s := range e.Servers {
			if strings.HasPrefix(rest, spoken(s.Name)+"__") && len(s.Name) > best {
				name, best = s.Name, len(s.Name)
			}
		}
		if best < 0 {
			continue
		}
		s := out[name]
		if s.tools == nil {
			s.tools = map[string]bool{}
		}
		s.Calls += c.Calls
		if c.Last.After(s.Last) {
			s.Last = c.Last
		}
		s.tools[strings.TrimPrefix(rest, spoken(name)+"__")] = true
		out[name] = s
	}
	return out
}

// spoken is a name as it stands in the name of a tool.
func spoken(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, s)
}

// bill prices what stands in every request.
type bill struct{ estate Estate }

func (b bill) tokens(u *Unit, text string, bytes int) {
	if text != "" {
		bytes = len(text)
	}
	u.Tokens = new(Estimate(bytes))
}

// finish says whether a unit is used, and what it costs a month: its tokens in
// every request of the window, at the mix of fresh, written and cached tokens that
// the sessions had.
func (b bill) finish(u Unit) Unit {
	use := b.estate.Use
	if use == nil || len(use.Sessions) == 0 {
		u.Why = cmp.Or(u.Why, "no session was read: point --transcripts at a folder of them")
		return u
	}
	u.Unused = u.Calls == 0
	if u.Tokens == nil {
		return u
	}
	var costs []price.Cost
	for _, id := range slices.Sorted(maps.Keys(use.Sessions)) {
		s := use.Sessions[id]
		for _, model := range slices.Sorted(maps.Keys(s.byModel)) {
			rates, ok := price.Rates{}, false
			if b.estate.Rates != nil {
				rates, ok = b.estate.Rates(model)
			}
			if !ok {
				u.Why = cmp.Or(u.Why, "there is no price of "+cmp.Or(model, "a model without a name"))
				return u
			}
			costs = append(costs, price.Of(rates, blend(*u.Tokens*int64(s.byModel[model]), s.Usage[model]), 0))
		}
	}
	sum := price.Sum(costs...)
	if !sum.Known || sum.Upper {
		u.Why = cmp.Or(u.Why, "a cache price is not stated")
		return u
	}
	window := int64(b.estate.Window / time.Hour)
	if window <= 0 {
		return u
	}
	u.Month = new(sum.Micro * 30 * 24 / window)
	return u
}

// blend splits tokens as a usage did.
func blend(tokens int64, u message.Usage) message.Usage {
	all := u.Prompt()
	if all <= 0 {
		return message.Usage{Input: tokens}
	}
	read, write := share(u.CachedInput, all), share(u.CacheWrite, all)
	out := message.Usage{CachedInput: tokens * read / million, CacheWrite: tokens * write / million}
	out.Input = tokens - out.CachedInput - out.CacheWrite
	return out
}
