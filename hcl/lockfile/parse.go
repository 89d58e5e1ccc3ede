package lockfile

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Parse reads a lock file of up to 4 MiB; an empty one is fine. The file is nil
// when there are errors, of which all are returned: a lock that holds in part
// would let through what the other part should have stopped.
func Parse(name string, src []byte) (*File, diag.List) {
	body, diags := plain.Parse(name, src, maxBytes)
	if !diags.HasErrors() {
		diags = append(diags, plain.CheckTop(body, []string{"plugin", "skill", "connector", "tool"})...)
	}
	for i := range diags {
		diags[i].Detail += " Restore the file from version control, or remove it and run: " + lockPlugin
	}
	if body == nil || len(diags) > 0 {
		return nil, diags
	}
	r := reader{first: map[string]*hclsyntax.Block{}}
	f := &File{}
	for _, b := range body.Blocks {
		switch b.Type {
		case "plugin":
			if r.begin(b, lockPlugin, []string{"NAME"}, "version", "source", "digests", "config_schema") {
				f.Plugins = append(f.Plugins, Plugin{Name: b.Labels[0], Version: r.text("version"), Source: r.text("source"),
					Digests: r.digests(), ConfigSchema: r.schema(), Range: whole(b)})
			}
		case "skill":
			if r.begin(b, addSkill, []string{"NAME"}, "source", "digest") {
				f.Skills = append(f.Skills, Skill{Name: b.Labels[0], Source: r.text("source"), Digest: r.digest(), Range: whole(b)})
			}
		case "connector":
			if r.begin(b, approveTool, []string{"CONNECTOR"}, "digest") {
				f.Connectors = append(f.Connectors, Connector{Name: b.Labels[0], Digest: r.digest(), Range: whole(b)})
			}
		case "tool":
			if r.begin(b, approveTool, []string{"CONNECTOR", "TOOL"}, "digest") {
				f.Tools = append(f.Tools, Tool{Connector: b.Labels[0], Name: b.Labels[1], Digest: r.digest(), Range: whole(b)})
			}
		}
	}
	if r.diags.HasErrors() {
		return nil, r.diags
	}
	return f, r.diags
}

func whole(b *hclsyntax.Block) diag.Range {
	r := plain.Range(b.TypeRange)
	r.End = diag.Pos(b.CloseBraceRange.End)
	return r
}

// reader reads one block after another and collects what is wrong with them.
type reader struct {
	block *hclsyntax.Block
	way   string // the command that makes a sound block of this kind
	first map[string]*hclsyntax.Block
	diags diag.List
}

// begin turns to a block; false says that its labels name nothing new.
func (r *reader) begin(b *hclsyntax.Block, way string, labels []string, attributes ...string) bool {
	r.block, r.way = b, way
	required := slices.DeleteFunc(slices.Clone(attributes), func(name string) bool { return name == "config_schema" })
	for _, d := range plain.CheckBlock(b, labels, attributes, required) {
		r.report(d)
	}
	if len(b.Labels) != len(labels) {
		return false
	}
	head := plain.Head(b)
	if other := r.first[head]; other != nil {
		r.report(plain.Duplicate(b, other, "Of two entries nobody knows which one holds."))
		return false
	}
	r.first[head] = b
	return true
}

// report adds the way out: the file is not for editing, so the advice is never
// to mend it by hand.
func (r *reader) report(d diag.Diagnostic) {
	d.Suggest = ""
	d.Detail += " Remove the block and run: " + r.way
	r.diags = append(r.diags, d)
}

func (r *reader) text(name string) string {
	attr := r.block.Body.Attributes[name]
	if attr == nil {
		return "" // reported by begin
	}
	s, d := plain.String(attr)
	if d != nil {
		r.report(*d)
	}
	return s
}

func (r *reader) digest() string {
	s := r.text("digest")
	if attr := r.block.Body.Attributes["digest"]; attr != nil {
		r.checkDigest(s, attr.Expr)
	}
	return s
}

func (r *reader) checkDigest(s string, expr hclsyntax.Expression) {
	scheme, sum, found := strings.Cut(s, ":")
	raw, err := hex.DecodeString(sum)
	switch {
	case !found || scheme != "sha256":
		r.report(diag.Errorf(plain.Range(expr.Range()), "unknown-digest", "Unknown kind of digest",
			"A digest begins with sha256: and %q does not.", s))
	case err != nil || len(raw) != 32 || strings.ToLower(sum) != sum:
		r.report(diag.Errorf(plain.Range(expr.Range()), "bad-digest", "Not a digest",
			"Behind sha256: stand 64 hexadecimal digits in lower case, and %q are none.", sum))
	}
}

// digests reads the object of platforms and their digests.
func (r *reader) digests() map[string]string {
	attr := r.block.Body.Attributes["digests"]
	if attr == nil {
		return nil
	}
	object, ok := attr.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok || len(object.Items) == 0 {
		r.report(diag.Errorf(plain.Range(attr.Expr.Range()), "wrong-type", "Wrong type",
			"digests takes an object with one digest for each platform, such as { \"linux/amd64\" = \"sha256:...\" }."))
		return nil
	}
	out := map[string]string{}
	for _, item := range object.Items {
		platform, ok := plain.Literal(item.KeyExpr)
		if os, arch, found := strings.Cut(platform, "/"); !ok || !found || os == "" || arch == "" {
			r.report(diag.Errorf(plain.Range(item.KeyExpr.Range()), "bad-platform", "Not a platform",
				"A platform is written as \"linux/amd64\"."))
			continue
		}
		if _, twice := out[platform]; twice {
			r.report(diag.Errorf(plain.Range(item.KeyExpr.Range()), "duplicate-platform", "Duplicate platform",
				"The platform %q stands in this object twice.", platform))
		}
		digest, ok := plain.Literal(item.ValueExpr)
		if !ok {
			r.report(diag.Errorf(plain.Range(item.ValueExpr.Range()), "wrong-type", "Wrong type",
				"The digest of %q is not a string in quotes.", platform))
			continue
		}
		r.checkDigest(digest, item.ValueExpr)
		out[platform] = digest
	}
	return out
}

// schema reads config_schema into canonical JSON.
func (r *reader) schema() string {
	attr := r.block.Body.Attributes["config_schema"]
	if attr == nil {
		return ""
	}
	canonical, err := canonjson.Transform([]byte(r.text("config_schema")))
	if err != nil {
		r.report(diag.Errorf(plain.Range(attr.Expr.Range()), "bad-schema", "Not a JSON schema",
			"config_schema holds a JSON document, and this is none: %v.", err))
	}
	return string(canonical)
}
