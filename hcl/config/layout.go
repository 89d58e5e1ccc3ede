package config

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/secret"
)

// fillTopology reads how a model is laid on GPUs. What a plan would refuse for
// another reason than these, core/topology/declared says.
func (l *loader) fillTopology(b *body, out *Topology) {
	out.Range, out.Ranges = b.header, b.ranges()
	out.Engine, out.Version = b.str("engine"), b.str("version")
	if b.has("version") && out.Version != "" && !versionForm.MatchString(out.Version) {
		l.add(badTopology.at(b.rng("version"), "version is a release such as \"0.24\" or \"0.24.1\", not %q: flags and known failures depend on it.", out.Version))
	}
	out.Pool = l.pool(b)
	b.each("prefill", func(n *body, _ label) { p := l.pool(n); out.Prefill = &p })
	b.each("decode", func(n *body, _ label) { p := l.pool(n); out.Decode = &p })
	b.each("kv_transfer", func(n *body, _ label) {
		out.Transfer = &Transfer{Connector: n.str("connector"), GBPS: n.number("gb_per_s", 0), Lease: n.above("lease"), Range: n.header}
	})
	out.Runtime, out.Image, out.Attention = b.str("runtime"), b.str("image"), b.str("attention")
	out.Attach, out.Host = b.str("attach"), b.str("host")
	out.Unchunked = b.has("chunked_prefill") && !b.boolean("chunked_prefill")
	out.Ready = b.above("ready")
	out.Port, out.KVPort = b.integerOr("port", 0), b.integerOr("kv_port", 0)
	out.Env, out.Args = l.texts(b, "env"), l.texts(b, "args")
	b.each("proxy", func(n *body, _ label) {
		out.Proxy = &Proxy{Script: n.str("script"), Image: n.str("image"), Range: n.header}
		l.image(n, "image", out.Proxy.Image)
	})
	b.each("kubernetes", func(n *body, _ label) {
		out.Kubernetes = &Kubernetes{
			Kind: n.str("kind"), Namespace: n.str("namespace"), Queue: n.str("queue"),
			Claim: n.str("claim"), Mount: n.str("mount"), Memory: n.str("memory"), Range: n.header,
		}
	})
	out.Model, out.Hardware = b.servedModel("model"), b.hardware("hardware")
	l.image(b, "image", out.Image)
	l.checkSplit(b, out)
	l.checkLaunch(b, out)
}

var (
	versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+(\.[0-9]+)?([a-z0-9.+-]*)$`)
	digestForm  = regexp.MustCompile(`^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$`)
)

// pool reads parallel sizes.
func (l *loader) pool(b *body) Pool {
	p := Pool{
		GPUs: b.indexes("gpus"), Replicas: b.integerOr("replicas", 0), DataParallel: b.integerOr("data_parallel", 0),
		TensorParallel: b.integerOr("tensor_parallel", 0), ExpertParallel: b.integerOr("expert_parallel", 0),
		Range: b.header, Ranges: b.ranges(),
	}
	servers := max(p.Replicas, 1) * max(p.DataParallel, 1)
	if n := len(p.GPUs); n > 0 && (p.TensorParallel > 0 && servers*p.TensorParallel != n || n%servers != 0) {
		l.add(badTopology.at(b.rng("gpus"), "gpus names %d, and %d replicas x data_parallel %d x tensor_parallel %d take %d. Name as many as the sizes take, or leave one of the two out.", n, max(p.Replicas, 1), max(p.DataParallel, 1), max(p.TensorParallel, 1), servers*max(p.TensorParallel, 1)))
	}
	return p
}

// sizes are the attributes of a pool that are said.
func (p Pool) sizes() []string {
	var out []string
	for _, name := range []string{"gpus", "replicas", "data_parallel", "tensor_parallel", "expert_parallel"} {
		if _, ok := p.Ranges[name]; ok {
			out = append(out, name)
		}
	}
	return out
}

// checkSplit holds prefill, decode and the transfer between them together.
func (l *loader) checkSplit(b *body, t *Topology) {
	split := t.Prefill != nil || t.Decode != nil
	switch {
	case t.Prefill == nil && t.Decode != nil:
		l.add(badTopology.at(t.Decode.Range, "decode goes with prefill: who would read the prompts? Add the other block, or remove this one.").WithSuggestion("prefill {\n  gpus = [0]\n}"))
	case t.Decode == nil && t.Prefill != nil:
		l.add(badTopology.at(t.Prefill.Range, "prefill goes with decode: who would write the answers? Add the other block, or remove this one.").WithSuggestion("decode {\n  gpus = [1]\n}"))
	case split && t.Transfer == nil:
		l.add(badTopology.at(b.header, "%s has prefill and decode apart, and nothing says how a prompt's cache comes from one to the other.", b.title).WithSuggestion("kv_transfer {\n  connector = \"NixlConnector\"\n}"))
	case !split && t.Transfer != nil:
		l.add(noEffect.warn(t.Transfer.Range, "Nothing is transferred without prefill and decode blocks. Remove the block, or add those."))
	}
	if split {
		for _, name := range t.Pool.sizes() {
			l.add(badTopology.at(b.rng(name), "Where prefill and decode are apart, each has its own sizes. Move %s into them.", name))
		}
	}
	if t.Prefill == nil || t.Decode == nil {
		return
	}
	for _, g := range t.Decode.GPUs {
		if slices.Contains(t.Prefill.GPUs, g) {
			l.add(badTopology.at(t.Decode.Ranges.At("gpus", t.Decode.Range), "GPU %d is in prefill too. Each takes the whole memory of its GPUs, so that they cannot share one.", g))
			break
		}
	}
}

// checkLaunch finds what contradicts itself in how a topology is started.
func (l *loader) checkLaunch(b *body, t *Topology) {
	contained := t.Runtime == "podman" || t.Runtime == "docker" || t.Runtime == "kubernetes"
	if why := badServer(t.Attach); why != "" {
		x := badURL.at(b.rng("attach"), "%s", why)
		if strings.ContainsAny(t.Attach, "@?#") {
			x = x.Masked() // it may hold credentials
		}
		l.add(x)
		t.Attach = ""
	}
	switch {
	case b.has("attach"):
		for _, name := range []string{"runtime", "image", "ready", "host", "port", "kv_port"} {
			if b.has(name) {
				l.add(noEffect.warn(b.rng(name), "attach uses a server that runs already, so that nothing is started and %s says nothing. Remove one of the two.", name))
			}
		}
	case contained && !b.has("image"):
		l.add(missingAttribute.at(b.rng("runtime"), "The runtime %s needs image: the engine's image, by digest.", t.Runtime).WithSuggestion(b.doc.Attribute("image").line()))
	case !contained && b.has("image"):
		l.add(noEffect.warn(b.rng("image"), "An image is started by a container runtime, and this topology runs as processes.").WithSuggestion(`runtime = "podman"`))
	}
	if t.Kubernetes != nil && t.Runtime != "kubernetes" {
		l.add(noEffect.warn(t.Kubernetes.Range, "Only manifests need this block, and the runtime is another.").WithSuggestion(`runtime = "kubernetes"`))
	}
	if p := t.Proxy; p != nil && p.Script != "" && p.Image != "" {
		l.add(badTopology.at(p.Range, "The proxy is a script or an image, not both."))
	}
	if t.Port > 0 && t.Port == t.KVPort {
		l.add(badTopology.at(b.rng("kv_port"), "port and kv_port are both %d, and two cannot listen on one.", t.Port))
	}
}

// image refuses one that can change under its name.
func (l *loader) image(b *body, name, image string) {
	if image != "" && !digestForm.MatchString(image) {
		l.add(badTopology.at(b.rng(name), "%q has no digest, so that it is not known what would run. `podman image inspect --format '{{index .RepoDigests 0}}' NAME` shows the name with it.", image).WithSuggestion(b.doc.Attribute(name).line()))
	}
}

// badServer says why a URL is no server's, or "".
func badServer(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return "attach is not the URL of a server. Write it whole, such as \"http://127.0.0.1:8000\"."
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "attach holds more than the place of the server. Credentials and queries are not sent; take them out."
	}
	return ""
}

// above reads a duration that is more than nothing; 0 when absent.
func (b *body) above(name string) time.Duration {
	before := len(b.d.diags)
	d := b.duration(name, 0)
	if d > 0 || len(b.d.diags) > before {
		return d
	}
	if _, _, said := b.get(name); said {
		b.d.add(outOfRange.at(b.rng(name), "%s must be above 0. To ask nothing, remove the line.", name))
	}
	return 0
}

// indexes reads a list of GPUs.
func (b *body) indexes(name string) []int {
	v, a, ok := b.get(name)
	if !ok {
		return nil
	}
	t := v.Type()
	if !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		b.mismatch(name, a.Expr, v)
		return nil
	}
	rng := convert(a.Expr.Range())
	var out []int
	for _, e := range elements(v) {
		if e.IsNull() || e.Type() != cty.Number {
			b.d.add(wrongType.at(rng, "Every element of %s must be a whole number; this is %s.", name, describe(e)).WithSuggestion(b.doc.Attribute(name).line()))
			return nil
		}
		n, exact := e.AsBigFloat().Int64()
		if exact != 0 || n < 0 || n > 65535 {
			b.d.add(outOfRange.at(rng, "%s is the index of no GPU: they are counted from 0.", shortNumber(e.AsBigFloat())))
			return nil
		}
		if slices.Contains(out, int(n)) {
			b.d.add(duplicateName.at(rng, "GPU %d stands in %s twice.", n, name))
			return nil
		}
		out = append(out, int(n))
	}
	if len(out) == 0 {
		b.d.add(emptyValue.at(rng, "%s is an empty list. Name at least one, such as %s, or remove the line.", name, b.doc.Attribute(name).line()))
	}
	return out
}

// texts reads a block of names with values that become text: a number as it is
// written, true as "" (a switch).
func (l *loader) texts(b *body, typ string) map[string]string {
	var out map[string]string
	b.each(typ, func(n *body, _ label) {
		out = map[string]string{}
		for _, a := range n.attributes() {
			v, ok := l.value(a.Expr)
			if !ok {
				continue
			}
			at := convert(a.Expr.Range())
			text, ok := textOf(v, typ == "args")
			switch {
			case !ok:
				l.add(wrongType.at(at, "%s must be a string or a number%s; this is %s.", a.Name, map[bool]string{true: ", or true for a switch"}[typ == "args"], describe(v)))
			case typ == "env" && !validEnv(a.Name):
				l.add(badName.at(convert(a.NameRange), "%q is no name of an environment variable.", a.Name))
			case secret.In(text):
				l.add(secretInFile.at(at, "%s looks like a secret, and what stands here is in the repository for ever. Set it where the engine is started.", a.Name).Masked())
			case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
				l.add(badTopology.at(at, "%s holds a control character, which cannot be handed to a process.", a.Name))
			default:
				out[a.Name] = text
			}
		}
	})
	return out
}

func textOf(v cty.Value, switches bool) (string, bool) {
	switch {
	case v.IsNull():
		return "", false
	case v.Type() == cty.String:
		return v.AsString(), true
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1), true
	case v.Type() == cty.Bool && switches && v.True():
		return "", true
	}
	return "", false
}

// rate reads a number or "inf".
func (b *body) rate(name string) float64 {
	a := b.attr(name)
	if a == nil {
		return 0
	}
	if s, ok := literalString(a.Expr); ok {
		if s == "inf" {
			return math.Inf(1)
		}
		b.d.add(wrongType.at(convert(a.Expr.Range()), "%s is requests a second, or \"inf\" for all at once; %q is neither.", name, s).WithSuggestion(fmt.Sprintf("%s = \"inf\"", name)))
		return 0
	}
	return b.number(name, 0)
}

func (b *body) ranges() Ranges {
	out := Ranges{}
	for _, a := range b.attributes() {
		out[a.Name] = convert(a.Expr.Range())
	}
	for _, n := range b.syn.Blocks {
		if _, again := out[n.Type]; !again {
			out[n.Type] = headerOf(n)
		}
	}
	return out
}

func (b *body) hardware(name string) *Hardware {
	if r, ok := b.ref(name, "hardware.NAME"); ok {
		return find(b.d, r, name, "hardware", &b.d.table.hardware)
	}
	return nil
}

func (b *body) servedModel(name string) *Model {
	if r, ok := b.ref(name, "model.NAME"); ok {
		return find(b.d, r, name, "model", &b.d.table.models)
	}
	return nil
}

func (b *body) slo(name string) *SLO {
	if r, ok := b.ref(name, "slo.NAME"); ok {
		return find(b.d, r, name, "slo", &b.d.table.slos)
	}
	return nil
}

func (b *body) topology(name string) *Topology {
	if r, ok := b.ref(name, "topology.NAME"); ok {
		return find(b.d, r, name, "topology", &b.d.table.topologies)
	}
	return nil
}

// several reads a list of references, each once.
func several[T any](b *body, name, root string, n *names[T]) []*T {
	a := b.attr(name)
	if a == nil {
		return nil
	}
	rng := convert(a.Expr.Range())
	t, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		x := wrongType.at(rng, "%s must be a list of references, such as %s.", name, b.doc.Attribute(name).line())
		if _, problems := literalString(a.Expr); !problems {
			x = x.WithSuggestion(name + " = [" + oneLine(b.d.text(rng)) + "]")
		}
		b.d.add(x)
		return nil
	}
	if len(t.Exprs) == 0 {
		b.d.add(emptyValue.at(rng, "%s is an empty list. Name at least one, such as %s, or remove the line.", name, b.doc.Attribute(name).line()))
		return nil
	}
	var out []*T
	defer b.d.inList(name, len(b.d.diags))
	for _, e := range t.Exprs {
		r, ok := b.d.path(e, name, root+".NAME")
		if !ok {
			continue
		}
		x := find(b.d, r, name, root, n)
		switch {
		case x == nil:
		case slices.Contains(out, x):
			b.d.add(duplicateName.at(r.rng, "%s stands in %s twice.", r, name))
		default:
			out = append(out, x)
		}
	}
	return out
}
