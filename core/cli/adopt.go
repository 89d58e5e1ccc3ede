package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-dev/plimsoll/core/adopt"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
)

func (c *command) initCommand() *cobra.Command {
	var o engine.AdoptOptions
	var all bool
	cmd := &cobra.Command{
		Use: "init", Short: "Start a project: with simulated models and one skill, or from the skills and logs you have", Args: cobra.NoArgs,
		Long: "Without flags: a project with simulated models and one skill, ready for a first night.\n\n" +
			"With --from and --logs: looks at skill folders as they are, finds in your agents' logs which\n" +
			"skill ran on which model and what it cost, and writes a few lines of HCL and a policy file\n" +
			"at today's tiers. Nothing is sent anywhere, no key is needed, nothing runs differently\n" +
			"afterwards, and what is there already is not overwritten.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(o.From)+len(o.Logs) > 0 {
				return c.adopt(cmd, o, all)
			}
			if o.DryRun || o.Simulated || o.Mapping != "" || o.Model != "" || all {
				return usage("--dry-run, --simulated, --mapping, --model and --all belong to --from and --logs")
			}
			return c.initDemo()
		},
	}
	cmd.Flags().StringArrayVar(&o.From, "from", nil, "folder of skill folders; may be repeated")
	cmd.Flags().StringArrayVar(&o.Logs, "logs", nil, "folder of an agent's transcripts or a client's logs, or one file; may be repeated")
	cmd.Flags().StringVar(&o.Mapping, "mapping", "", "`FILE` that says where things stand in plain JSONL (docs/adopt.md)")
	cmd.Flags().StringVar(&o.Model, "model", "", "`NAME` of the model of skills that stand in no log")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "show everything, write nothing")
	cmd.Flags().BoolVar(&o.Simulated, "simulated", false, "put simulated models in the places of the real ones, to go through everything without a key")
	cmd.Flags().BoolVar(&all, "all", false, "show every skill, not only the dearest")
	return cmd
}

func (c *command) initDemo() error {
	written, err := engine.Init(c.dir)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"written": written})
	}
	for _, f := range written {
		c.say("wrote %s", c.short(filepath.Join(c.dir, f)))
	}
	c.next("plimsoll validate, then plimsoll nightly: the models are simulated until you name real ones.")
	return nil
}

// usualSkills are the folders where agents look for a project's skills.
var usualSkills = []string{".claude/skills", ".codex/skills", ".agents/skills", "skills"}

func (c *command) adopt(cmd *cobra.Command, o engine.AdoptOptions, all bool) error {
	o.Dir = c.at(c.dir)
	for _, list := range [][]string{o.From, o.Logs} {
		for i, p := range list {
			list[i] = c.at(homely(p))
		}
	}
	if o.Mapping != "" {
		o.Mapping = c.at(homely(o.Mapping))
	}
	if len(o.From) == 0 {
		for _, name := range usualSkills {
			if at := filepath.Join(o.Dir, filepath.FromSlash(name)); isDir(at) {
				o.From = append(o.From, at)
			}
		}
		if len(o.From) == 0 {
			return usage("there is none of %s in %s: say with --from where your skills are", strings.Join(usualSkills, ", "), o.Dir)
		}
	}
	if len(o.Logs) == 0 && o.Model == "" {
		return usage("nobody knows which models your skills run on: name your agents' logs with --logs (Claude Code keeps them in ~/.claude/projects, Codex in ~/.codex/sessions), or the model with --model")
	}
	found, err := engine.Adopt(cmd.Context(), o)
	if err != nil {
		return err
	}
	if c.json {
		return c.adoptJSON(found)
	}
	c.showSpend(found, all)
	c.showApart(found, all)
	return c.showWritten(found, o.DryRun)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// shownSkills is how many skills a screen shows.
const shownSkills = 20

// showSpend is the table of money.
func (c *command) showSpend(a *engine.Adopted, all bool) {
	c.say("%s in the folders; %s in the logs.", plural(len(a.Skills), "skill", "skills"), plural(int(a.Spend.Calls), "call", "calls"))
	c.sayRead(a.Lines, a.Logs)
	if a.Spend.Calls > 0 {
		c.say("\n%s%s.", bill(a.Spend.Micro, a.Spend.Unsure, a.Spend.Unpriced), window(a.Spend.First, a.Spend.Last))
		said := fmt.Sprintf("List prices of %s.", a.AsOf)
		if a.Spend.Stated > 0 {
			said = fmt.Sprintf("%s of it is what the logs say themselves, the rest list prices of %s.", price.Format(a.Spend.Stated), a.AsOf)
		}
		c.say("%s", said)
	}
	rows := [][]string{{"SKILL", "MODEL", "CALLS", "TOKENS", "SPEND", "TO BE MEASURED"}}
	spent := a.Spend.BySkill()
	found := map[string]adopt.Found{}
	for _, s := range a.Skills {
		found[s.Name] = s
	}
	shown := 0
	for _, s := range spent {
		f, ok := found[s.Skill]
		if !ok {
			continue
		}
		delete(found, s.Skill)
		if shown++; shown > shownSkills && !all {
			continue
		}
		rows = append(rows, []string{s.Skill, modelOf(s.Model), fmt.Sprint(s.Calls), tokensOf(s.Usage.Prompt() + s.Usage.Output), bill(s.Micro, s.Unsure, s.Unpriced), lacking(f)})
	}
	if all {
		for _, name := range slices.Sorted(maps.Keys(found)) {
			rows = append(rows, []string{name, "", "0", "", "", lacking(found[name])})
		}
	}
	for _, r := range rest(a.Spend, a) {
		rows = append(rows, []string{c.dim(r.what), "", fmt.Sprint(r.calls), tokensOf(r.tokens), bill(r.micro, r.unsure, r.unpriced), ""})
	}
	if len(rows) > 1 {
		c.say("")
		columns(c.Out, rows)
	}
	if shown > shownSkills && !all {
		c.say("... and %d more skills with calls; --all shows them, and those without.", shown-shownSkills)
	}
	if n := len(found); n > 0 && !all {
		c.say("%s without a call in the logs.", plural(n, "skill", "skills"))
	}
	c.showUnpriced(a.Spend)
	for _, s := range spent {
		if s.Changed() {
			var parts []string
			for _, u := range s.Uses {
				parts = append(parts, fmt.Sprintf("%s (%s)", modelOf(u.Model), plural(int(u.Calls), "call", "calls")))
			}
			c.say("%s ran on several models: %s; last on %s, which is taken for today's.", s.Skill, strings.Join(parts, ", "), modelOf(s.Model))
		}
	}
}

// other is spend that belongs to none of the skills in the folders.
type other struct {
	what                                   string
	calls, tokens, micro, unsure, unpriced int64
}

// rest sums up what the table of skills does not show, so that its column adds up
// to the whole.
func rest(s adopt.Spend, a *engine.Adopted) []other {
	in := map[string]bool{}
	for _, f := range a.Skills {
		in[f.Name] = true
	}
	by := map[string]*other{}
	for _, r := range s.Rows {
		what := "(a skill of no folder)"
		switch {
		case in[r.Skill]:
			continue
		case r.Skill == "" && r.Why == transcript.WhySeveral:
			what = "(several skills at once)"
		case r.Skill == "":
			what = "(no skill)"
		case slices.ContainsFunc(a.Apart, func(x engine.Apart) bool { return x.Name == r.Skill }):
			what = "(a skill that is kept out)"
		}
		x := by[what]
		if x == nil {
			x = &other{what: what}
			by[what] = x
		}
		x.calls, x.tokens, x.micro, x.unsure, x.unpriced = x.calls+r.Calls, x.tokens+r.Usage.Prompt()+r.Usage.Output, x.micro+r.Micro, x.unsure+r.Unsure, x.unpriced+r.Unpriced
	}
	var out []other
	for _, k := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[k])
	}
	return out
}

func (c *command) showUnpriced(s adopt.Spend) {
	for _, m := range s.ByModel() {
		switch {
		case m.Unpriced == 0:
		case m.Listed == "":
			c.say("Not priced: %s of %s, %s tokens. The list has no price of it: plimsoll prices import FILE.", plural(int(m.Unpriced), "call", "calls"), modelOf(m.Model), tokensOf(m.Usage.Prompt()+m.Usage.Output))
		default:
			c.say("Not priced: %s of %s, whose tokens the log does not say.", plural(int(m.Unpriced), "call", "calls"), modelOf(m.Model))
		}
		if m.Listed != "" && m.Listed != m.Model {
			c.say("%s is priced as %s.", m.Model, m.Listed)
		}
	}
}

// sayRead tells of every line, and of why it was not used.
func (c *command) sayRead(l transcript.Lines, f engine.LogFiles) {
	if f.Read == 0 {
		return
	}
	c.say("%s in %s: %d calls, %d that repeat one, %d without a call.", plural(int(l.Read), "record", "records"), plural(f.Read, "file", "files"), l.Used+l.Undated, l.Repeated, l.NoCall)
	if n := l.Broken + l.Torn + l.TooLong; n > 0 {
		c.say("Left out: %d that are no JSON, %d that are half a last line, %d that are too long.", l.Broken, l.Torn, l.TooLong)
	}
	for _, kind := range slices.Sorted(maps.Keys(l.Unknown)) {
		c.say("Left out: %s of kind %q, which this version does not know.", plural(int(l.Unknown[kind]), "record", "records"), kind)
	}
	if l.Own > 0 {
		c.say("Left out: %s inside a task of a runner: its runs are kept already.", plural(int(l.Own), "call", "calls"))
	}
	if l.Undated > 0 {
		c.say("%s without a time: counted in money, not in time.", plural(int(l.Undated), "call", "calls"))
	}
	if l.Backward > 0 {
		c.say("%s stand behind later ones: clocks that disagree, or files that were joined.", plural(int(l.Backward), "call", "calls"))
	}
	if l.Future > 0 {
		c.say("%s are dated after today: their clock is wrong, or this one.", plural(int(l.Future), "call", "calls"))
	}
	if l.Strange > 0 {
		c.say("In %s no line is of a known shape. Plain JSONL needs --mapping (docs/adopt.md).", plural(int(l.Strange), "file", "files"))
	}
}

// bill is an amount with what is not known of it.
func bill(micro, unsure, unpriced int64) string {
	s := price.Format(micro)
	if unsure > 0 {
		s = "at most " + s
	}
	switch {
	case unpriced > 0 && micro == 0:
		return "not priced"
	case unpriced > 0:
		return s + " and what is not priced"
	}
	return s
}

func window(first, last time.Time) string {
	if first.IsZero() {
		return ""
	}
	return fmt.Sprintf(" from %s to %s", first.Format(time.DateOnly), last.Format(time.DateOnly))
}

func modelOf(name string) string {
	if name == "" {
		return "(no name)"
	}
	return name
}

// tokensOf writes a number of tokens short: 950, 12.3k, 4.5M.
func tokensOf(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1fG", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.1fk", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}

func lacking(f adopt.Found) string {
	lacks := f.Lacks()
	switch len(lacks) {
	case 0:
		return "ready"
	case 1:
		return lacks[0]
	}
	return fmt.Sprintf("%s (and %d more)", lacks[0], len(lacks)-1)
}

// showApart tells what is kept out.
func (c *command) showApart(a *engine.Adopted, all bool) {
	show := func(n int, line func(int) string, what string) {
		for i := range min(n, pick(all, n, 5)) {
			c.say("%s", line(i))
		}
		if n > 5 && !all {
			c.say("... and %d more %s; --all shows them.", n-5, what)
		}
	}
	show(len(a.Apart), func(i int) string { return fmt.Sprintf("Kept out: %s: %s.", a.Apart[i].Path, a.Apart[i].Why) }, "folders that are kept out")
	show(len(a.Plan.Left), func(i int) string {
		x := a.Plan.Left[i]
		return fmt.Sprintf("Kept out: %s on %s: %s.", x.Skill, modelOf(x.Model), x.Why)
	}, "skills that are kept out")
	show(len(a.Unknown), func(i int) string {
		return fmt.Sprintf("In the logs and in no folder: %s.", a.Unknown[i])
	}, "skills that are in no folder")
}

func pick(b bool, x, y int) int {
	if b {
		return x
	}
	return y
}

func (c *command) showWritten(a *engine.Adopted, dry bool) error {
	if len(a.Plan.Rungs) == 0 {
		return fmt.Errorf("no project can be written: no call in the logs is of a model whose host is known for sure, so there is no tier. Say with --model what your skills run on")
	}
	if n := len(a.Plan.Fresh); n > 0 {
		top := a.Plan.Rungs[0]
		c.say("%s on %s in the project, the top of the ladder, unless --model says otherwise.", plural(n, "skill stands in no log and begins", "skills stand in no log and begin"), top.Models[len(top.Models)-1])
	}
	for _, r := range a.Plan.Rungs {
		if r.Below != "" {
			c.say("%s is in no log: it was put below %s, so that there is something cheaper to measure. Nothing stands on it.", r.Below, r.Models[1])
		}
	}
	if a.Plan.Simulated {
		c.say("SIMULATED MODELS stand in the places of the real ones: what they prove says nothing of those. The same command without --simulated, in another folder, names the real ones.")
	}
	c.say("")
	for _, name := range a.Written {
		c.say("%s %s", pickText(dry, "would write", "wrote"), c.short(filepath.Join(c.dir, name)))
	}
	if dry && len(a.Written) > 0 {
		c.say("")
		for line := range strings.Lines(a.Text["plimsoll.hcl"]) {
			c.say("%s", shortened(strings.TrimRight(line, "\n")))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Added)) {
		c.say("%s is there and stays as it is. These skills and logs would give it:\n%s", name, strings.TrimRight(a.Added[name], "\n"))
	}
	switch {
	case len(a.Added) > 0:
		c.next("take over by hand what you want of it, then plimsoll validate.")
	case len(a.Written) == 0:
		c.say("The project says all of this already. Nothing was changed.")
		c.next("plimsoll shows where every skill stands.")
	case dry:
		c.next("the same without --dry-run writes it. Nothing runs differently afterwards.")
	default:
		c.next("plimsoll validate, then items for the skill that costs most, since without them nothing can be proved: plimsoll items import %s FILE, or plimsoll items add %s.", dearest(a), dearest(a))
	}
	return nil
}

// dearest is the skill of the project that the logs spent most on.
func dearest(a *engine.Adopted) string {
	in := map[string]bool{}
	for _, x := range a.Plan.Assigned {
		in[x.Skill] = true
	}
	name, most := "SKILL", int64(-1)
	for _, s := range a.Spend.BySkill() {
		if in[s.Skill] && s.Micro > most {
			name, most = s.Skill, s.Micro
		}
	}
	return name
}

// shortened cuts a line that nobody would read to its end on a screen, such as a
// list of hundreds of folders. The file has all of it.
func shortened(line string) string {
	const most = 240
	if r := []rune(line); len(r) > most {
		return string(r[:most]) + " ..."
	}
	return line
}

func pickText(b bool, x, y string) string {
	if b {
		return x
	}
	return y
}

func (c *command) adoptJSON(a *engine.Adopted) error {
	skills := []map[string]any{}
	spent := map[string]adopt.SkillSpend{}
	for _, s := range a.Spend.BySkill() {
		spent[s.Skill] = s
	}
	for _, f := range a.Skills {
		m := map[string]any{"name": f.Name, "path": f.Path, "lacks": f.Lacks()}
		if s, ok := spent[f.Name]; ok {
			m["model"], m["spend"] = s.Model, s
		}
		skills = append(skills, m)
	}
	assigned := []map[string]any{}
	for _, x := range a.Plan.Assigned {
		assigned = append(assigned, map[string]any{"skill": x.Skill, "step": x.Step, "tier": x.Tier.String()})
	}
	return c.document(map[string]any{
		"skills": skills, "spend": a.Spend, "lines": a.Lines, "files": a.Logs, "prices_as_of": a.AsOf, "kept_out": a.Apart, "left": a.Plan.Left,
		"not_in_folders": a.Unknown, "not_in_logs": a.Plan.Fresh, "assigned": assigned, "written": a.Written, "text": a.Text, "would_add": a.Added, "project_exists": a.Exists,
	})
}
