package config

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Project is a directory of .hcl files, parsed, checked and with its references
// resolved. Slices keep the order of files (by name) and of blocks in a file.
type Project struct {
	Dir      string            // absolute
	Sources  map[string][]byte // every file read, by the name used in ranges, for snippets
	Backends []*Backend
	Ladders  []*Ladder
	Judges   []*Judge
	Runners  []*Runner
	Policies []*Policy // declared ones, then the presets that are used
	Groups   []*Group  // `skills` blocks
	Skills   []*Decl   // `skill` blocks
	Serve    *Serve    // nil without a block, see Serving
	Notifies []*Notify

	GPUs       []*GPU
	Hardware   []*Hardware
	Models     []*Model
	Workloads  []*Workload
	SLOs       []*SLO
	Topologies []*Topology
	Decisions  []*Decision

	Connectors []*Connector
	Principals []*Principal
	OAuth      *OAuth  // nil without a block
	Access     *Access // nil without a block, see Accessing
	Search     *Search // nil without a block, see Searching

	scope scope // for files that are read later, such as policy tests
}

// Expr is a rule as its author wrote it. Config does not compile it: the engine
// does, and maps positions inside Source back to the file through At.
type Expr struct {
	Source string
	Range  diag.Range // the whole literal, quotes included
	exact  bool       // the literal has no escapes: columns map one to one
	lines  []diag.Pos // where the lines of Source start in the file, when exact
}

// Backend is a `backend "NAME"` block.
type Backend struct {
	Name        string
	Plugin      string         // bundled name or a plugin of the lock file
	Env         []string       // names of the only variables that the subprocess sees
	Config      map[string]any // the `config` block as plain JSON-like values
	Record      string         // directory for cassettes; "" records nothing
	Remote      *Remote        // where somebody else runs it; nil for a subprocess
	Topology    *Topology      // whose endpoint it is; nil: none
	Range       diag.Range
	ConfigRange diag.Range
}

// Price of a tier. Rates are micro-dollars per million tokens (1 USD per
// million tokens is 1_000_000), exact. A local tier has GPUHour instead,
// micro-dollars per hour. Known is false when the block gave no price:
// such a tier is unpriced, never free.
type Price struct {
	Known bool
	TokenPrice
	GPUHour int64
	Above   PriceStep
}

// TokenPrice are the rates of tokens; a cache rate of 0 is not stated.
type TokenPrice struct {
	Input, Output, CacheRead, CacheWrite, CacheWrite1h int64
}

// PriceStep holds for calls whose prompt has more than Tokens tokens, whole. 0
// is no step.
type PriceStep struct {
	Tokens int64
	TokenPrice
}

// Tier is one rung of a ladder.
type Tier struct {
	Ladder  string
	Name    string
	Index   int // 0 is the cheapest
	Backend *Backend
	Model   string
	Family  string
	Price   Price
	// Hardware names what the model shares with others: tiers with one name are
	// never called at the same time. "" shares nothing.
	Hardware string
	Range    diag.Range
}

// Ref is the tier's name in HCL: "ladder.claude.haiku".
func (t *Tier) Ref() string { return "ladder." + t.Ladder + "." + t.Name }

// Ladder is an ordered list of tiers, cheapest first.
type Ladder struct {
	Name  string
	Tiers []*Tier
	Range diag.Range
}

// Tier finds a rung by name, or nil.
func (l *Ladder) Tier(name string) *Tier {
	for _, t := range l.Tiers {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Policy is a `tier_policy` block or a preset, with every default filled in.
type Policy struct {
	Name        string  // "standard"; presets are "preset.careful" and so on
	Ladder      *Ladder // nil in presets: the skill names it
	Margin      float64 // the loss of quality that does not matter, 0..1
	Alpha       float64
	MaxItems    int
	Budget      int64 // micro-dollars per night; 0 means no money may be spent, -1 no limit
	Cooldown    time.Duration
	New         *Tier  // nil: the cheapest tier of the ladder is never assumed; see engine
	Method      string // "" means by source of items; else star2, pool2, grid8, star1, pool1
	Fleet       bool
	GateMargin  float64
	JudgeMargin float64       // 0 means half of Margin
	Shadow      float64       // share of runs, 0..1; ShadowComputed follows from DriftWithin
	DriftWithin time.Duration // after a move down, a fall of 15 points is to be noticed in this time
	FuseAfter   int           // consecutive failures; 0 means computed
	Judge       *Judge
	Downgrade   *Expr // nil means true
	Holds       []Hold
	Range       diag.Range
}

// Hold is a named rule that keeps a skill where it is.
type Hold struct {
	Name   string
	When   *Expr
	Reason string
	Range  diag.Range
}

// Binding is what a `skills` or `skill` block says about skills that it does
// not own: where they live and how they are governed. Nil means "not said here".
type Binding struct {
	Policy *Policy
	Ladder *Ladder
	Runner *Runner
	Judge  *Judge
	Data   *Data
	Pin    *Tier
	Grant  *Grant      // in a `skill` block only
	Limits *CodeLimits // in a `skill` block only
	Cache  string      // "off": no cache breakpoints; "" is "auto"
	Tags   []string
}

// Data is the class of a skill's inputs and the backends that may see them.
type Data struct {
	Class string
	Allow []*Backend
	Range diag.Range
}

// Group is a `skills "NAME"` block: one binding for every folder that From
// matches.
type Group struct {
	Name   string
	From   []string // globs, relative to the project
	Except []string // globs of folders that are left out
	Range  diag.Range
	Binding
}

// Decl is a `skill "NAME"` block: a skill of its own when it has a source, else
// an overlay over a skill that a group found.
type Decl struct {
	Name   string
	Source string // folder, relative to the project; "" overlays
	Range  diag.Range
	Binding
	Contract
}

// Contract is what can be said in skill.hcl, and overlaid by a `skill` block of
// the project: input, output, gates, dimensions, items, code. Tags are those of
// skill.hcl; a skill block's own stand in its Binding.
type Contract struct {
	Code       string // file name in the folder; "" has no code
	Input      string // JSON schema file
	Output     string // JSON schema file
	Quality    string // "" or "gates"
	Tags       []string
	Steps      []*Step
	Eaches     []*Each
	Gates      []*Gate
	Dimensions []*Dimension
	Renders    []*Render
	Items      *Items
	Ranges     map[string]diag.Range // by attribute name: "code", "input", "output", "quality"
}

// Step is a model call with a tier of its own. Steps run in the order in which
// they are declared; without any there is one, named main.
type Step struct {
	Name   string
	Prompt string // file with the step's system prompt; "" takes SKILL.md's body
	Output string // member of the output document that the completion becomes; "" makes it the document
	Pin    *Tier  // in a project only
	Range  diag.Range
}

// Each applies gates to every element of a list.
type Each struct {
	List  *Expr // the block's label
	ID    *Expr // nil numbers the elements
	Gates []*Gate
	Range diag.Range
}

// Gate is a check that code recomputes from the output. Exactly one kind is set.
type Gate struct {
	Name        string
	Value       *Expr // what is checked; nil checks the whole output
	MaxChars    *int
	MinChars    *int
	MaxItems    *int
	MinItems    *int
	Links       *int
	OneOf       []string
	Pattern     string
	UniqueBy    *Expr
	Schema      string // file
	Rule        *Expr
	Code        string   // name handed to op `check`
	Command     []string // in a project only
	Fix         string   // "", truncate, normalise, drop
	Never       bool
	Kind        string // the name of the attribute that was set: "max_chars", ...
	FromProject bool   // declared in the project, not by the skill's author
	Range       diag.Range
	KindRange   diag.Range // the attribute that makes the kind
}

// Dimension is a quality scored 0..1 by a judge.
type Dimension struct {
	Name   string
	Kind   string // reasoning or format
	Weight float64
	Margin float64 // 0 means the policy's
	Rubric string
	Range  diag.Range
}

// Render is one output format.
type Render struct {
	Name     string
	Template string // file; "" means op `render` of the code
	Range    diag.Range
}

// Items tells where representative inputs lie.
type Items struct {
	Prove   []string // globs in the skill's folder: evidence only
	Tune    []string // globs: people may look
	Source  string   // authored (default), imported or traffic
	Traffic int      // how many logged runs are sampled as prove items; 0 samples none
	Repeats int      // runs of each item, averaged inside it; at least 1
	Range   diag.Range
}
