package config

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// loader turns parsed files into a project: first everything that has a name,
// then what refers to it, so that the order of blocks and files is free.
type loader struct {
	*decoder
	project *Project
	options Options
	files   []file
	blocks  []declared
}

// declared is a block at the top of a file whose labels are right.
type declared struct {
	doc   *BlockDoc
	block *hclsyntax.Block
	label label
	body  *body
	again bool // its name was taken: checked, but no part of the project
}

func newTable() *table {
	t := &table{used: map[string]bool{}}
	for _, p := range Presets() {
		name := p.Name[len("preset."):]
		t.presets.add(name, diag.Range{}, p)
	}
	return t
}

// Presets are the built-in policies, fresh copies, most careful first. They
// have no ladder: whoever uses one names it.
func Presets() []*Policy {
	preset := func(name string, margin float64, items int, cooldown time.Duration) *Policy {
		return &Policy{
			Name: "preset." + name, Margin: margin, Alpha: defaultAlpha, MaxItems: items,
			Budget: -1, Cooldown: cooldown, GateMargin: defaultGateMargin,
			Shadow: ShadowComputed, DriftWithin: defaultDriftWithin,
		}
	}
	return []*Policy{
		preset("careful", .02, 600, 336*time.Hour),
		preset("standard", .05, 400, 168*time.Hour),
		preset("bold", .10, 200, 72*time.Hour),
	}
}

func (l *loader) run() {
	for _, f := range l.files {
		l.table.incomplete = l.table.incomplete || f.broken
	}
	l.collect()
	l.values()
	l.open()
	for _, x := range l.blocks {
		l.declare(x)
	}
	// Tiers before everything else: a reference to one looks into its ladder.
	for _, typ := range []string{"backend", "ladder", "judge", "runner", "tier_policy", "skills", "skill", "connector", "principal", "oauth", "serve", "notify", "access", "search", "gpu", "hardware", "model", "workload", "slo", "topology", "decision"} {
		for _, x := range l.blocks {
			if x.doc.Type == typ {
				l.fill(x)
			}
		}
	}
	l.checkPrincipals()
	l.checkClashes()
	for _, name := range l.table.presets.order {
		if p := l.table.presets.by[name]; l.table.used[p.Name] {
			l.project.Policies = append(l.project.Policies, p)
		}
	}
}

// collect gathers the blocks of all files and checks their names.
func (l *loader) collect() {
	root := &BlockDoc{Blocks: Schema().Project}
	taken := map[string]map[string]diag.Range{}
	for _, f := range l.files {
		b := &body{d: l.decoder, doc: root, syn: f.body, title: "A project file"}
		for _, a := range b.attributes() {
			b.unknownAttribute(a)
		}
		for _, n := range f.body.Blocks {
			doc := root.Block(n.Type)
			if doc == nil {
				b.unknownBlock(n)
				continue
			}
			if n.Body == nil {
				continue
			}
			name, ok := l.labelOf(doc, n)
			if !ok {
				continue
			}
			x := declared{doc: doc, block: n, label: name}
			if len(doc.Labels) > 0 {
				if taken[n.Type] == nil {
					taken[n.Type] = map[string]diag.Range{}
				}
				x.again = !l.once(taken[n.Type], name, n.Type)
			}
			l.blocks = append(l.blocks, x)
		}
	}
}

// values evaluates variables, then locals.
func (l *loader) values() {
	vars := map[string]cty.Value{}
	for _, x := range l.blocks {
		if x.doc.Type == "variable" && !x.again {
			b := l.decoder.open(x.doc, x.block.Body, titleOf(x.block), headerOf(x.block))
			vars[x.label.text] = l.variable(b, x.label, l.options)
			l.table.vars = append(l.table.vars, x.label.text)
		}
	}
	if !l.table.incomplete {
		l.undeclared(l.options)
	}
	l.eval.Variables["var"] = cty.ObjectVal(vars)
	all := map[string]*local{}
	seen := map[string]diag.Range{}
	for _, x := range l.blocks {
		if x.doc.Type != "locals" {
			continue
		}
		b := l.decoder.open(x.doc, x.block.Body, titleOf(x.block), headerOf(x.block))
		for _, a := range b.attributes() {
			if l.once(seen, label{a.Name, convert(a.NameRange)}, "local") {
				all[a.Name] = &local{attr: a}
				l.table.locals = append(l.table.locals, a.Name)
			}
		}
	}
	l.eval.Variables["local"] = l.resolveLocals(l.table.locals, all)
}

// open checks the shape of every other block.
func (l *loader) open() {
	for i, x := range l.blocks {
		if x.doc.Type != "variable" && x.doc.Type != "locals" {
			l.blocks[i].body = l.decoder.open(x.doc, x.block.Body, titleOf(x.block), headerOf(x.block))
		}
	}
}

// declare makes the thing that a block describes known by its name.
func (l *loader) declare(x declared) {
	if x.again {
		return
	}
	name, rng, p := x.label.text, headerOf(x.block), l.project
	switch x.doc.Type {
	case "backend":
		b := &Backend{Name: name, Range: rng}
		l.table.backends.add(name, rng, b)
		p.Backends = append(p.Backends, b)
	case "ladder":
		ladder := &Ladder{Name: name, Range: rng}
		l.table.ladders.add(name, rng, ladder)
		p.Ladders = append(p.Ladders, ladder)
	case "judge":
		j := &Judge{Name: name, Range: rng}
		l.table.judges.add(name, rng, j)
		p.Judges = append(p.Judges, j)
	case "runner":
		r := &Runner{Name: name, Range: rng}
		l.table.runners.add(name, rng, r)
		p.Runners = append(p.Runners, r)
	case "tier_policy":
		q := &Policy{Name: name, Range: rng}
		l.table.policies.add(name, rng, q)
		p.Policies = append(p.Policies, q)
	case "connector":
		c := &Connector{Name: name, Range: rng}
		l.table.connectors.add(name, rng, c)
		p.Connectors = append(p.Connectors, c)
	case "hardware", "model", "workload", "slo", "topology":
		l.declareServed(x)
	case "serve":
		if p.Serve == nil {
			p.Serve = &Serve{Range: rng}
			return
		}
		l.second("serve", rng, p.Serve.Range)
	case "oauth":
		if p.OAuth == nil {
			p.OAuth = &OAuth{Range: rng}
			return
		}
		l.second("oauth", rng, p.OAuth.Range)
	case "access":
		if p.Access == nil {
			p.Access = &Access{Range: rng}
			return
		}
		l.second("access", rng, p.Access.Range)
	case "search":
		if p.Search == nil {
			p.Search = &Search{Range: rng}
			return
		}
		l.second("search", rng, p.Search.Range)
	}
}

// second reports another block of a type that a project has one of.
func (l *loader) second(typ string, rng, first diag.Range) {
	l.add(duplicateBlock.at(rng, "A project has one %s block, and the first stands at %s. Put everything in one of them.", typ, first))
}

// fill reads a block into its declaration. A block whose name was taken is read
// too, into nothing, so that its other mistakes are known at once.
func (l *loader) fill(x declared) {
	name := x.label.text
	switch x.doc.Type {
	case "backend":
		l.fillBackend(x.body, pick(x.again, &Backend{}, l.table.backends.by[name]))
	case "ladder":
		l.fillLadder(x.body, pick(x.again, &Ladder{Name: name}, l.table.ladders.by[name]))
	case "judge":
		l.fillJudge(x.body, pick(x.again, &Judge{}, l.table.judges.by[name]))
	case "runner":
		l.fillRunner(x.body, pick(x.again, &Runner{}, l.table.runners.by[name]))
	case "tier_policy":
		l.fillPolicy(x.body, pick(x.again, &Policy{}, l.table.policies.by[name]))
	case "serve":
		l.fillServe(x.body, pick(headerOf(x.block) != l.project.Serve.Range, &Serve{}, l.project.Serve))
	case "connector":
		l.fillConnector(x.body, pick(x.again, &Connector{Name: name}, l.table.connectors.by[name]))
	case "principal":
		c := &Principal{Name: name}
		l.fillPrincipal(x.body, c)
		if !x.again {
			l.project.Principals = append(l.project.Principals, c)
		}
	case "oauth":
		l.fillOAuth(x.body, pick(headerOf(x.block) != l.project.OAuth.Range, &OAuth{}, l.project.OAuth))
	case "access":
		l.fillAccess(x.body, pick(headerOf(x.block) != l.project.Access.Range, &Access{}, l.project.Access))
	case "search":
		l.fillSearch(x.body, pick(headerOf(x.block) != l.project.Search.Range, &Search{}, l.project.Search))
	case "notify":
		n := &Notify{Name: name}
		l.fillNotify(x.body, n)
		if !x.again {
			l.project.Notifies = append(l.project.Notifies, n)
		}
	case "gpu", "hardware", "model", "workload", "slo", "topology", "decision":
		l.fillServed(x)
	case "skills":
		g := &Group{Name: name, Range: headerOf(x.block), From: x.body.nonEmpty("from"), Except: x.body.strs("except"), Binding: x.body.binding()}
		if !x.again {
			l.project.Groups = append(l.project.Groups, g)
		}
	case "skill":
		s := &Decl{Name: name, Range: headerOf(x.block), Source: x.body.str("source"), Binding: x.body.binding(), Contract: x.body.contract(true)}
		s.Contract.Tags = nil // the tags of a skill block are the project's
		s.Pin = x.body.tier("pin")
		s.Grant = x.body.grant()
		s.Limits = x.body.limits()
		l.folder(x.body, s.Source)
		if !x.again {
			l.project.Skills = append(l.project.Skills, s)
		}
	}
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// folder checks that a skill's source is a folder.
func (l *loader) folder(b *body, source string) {
	if source == "" {
		return
	}
	path := filepath.FromSlash(source)
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.project.Dir, path)
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return
	}
	rng := convert(b.attr("source").Expr.Range())
	if err == nil {
		l.add(missingFolder.at(rng, "%s is a file. A skill is a folder with a SKILL.md; name the folder.", source).WithSuggestion(fmt.Sprintf("source = %q", filepath.ToSlash(filepath.Dir(filepath.FromSlash(source))))))
		return
	}
	var siblings []string
	entries, _ := os.ReadDir(filepath.Dir(path)) // no entries, no suggestion
	for _, e := range entries {
		siblings = append(siblings, e.Name())
	}
	base := filepath.Base(path)
	x := missingFolder.at(rng, "There is no folder %s. Paths are relative to the project directory.%s", source, diag.DidYouMean(base, siblings))
	if c := diag.Closest(base, siblings); c != "" {
		dir, _ := filepath.Split(filepath.FromSlash(source))
		x = x.WithSuggestion(fmt.Sprintf("source = %q", filepath.ToSlash(dir)+c))
	}
	l.add(x)
}
