package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// skillEntry is a skill as skills/list and skills/get tell of it: every file with
// the digest and the size of its bytes.
type skillEntry struct {
	URI         string          `json:"uri"`
	Frontmatter json.RawMessage `json:"frontmatter"`
	Resources   []skillFile     `json:"resources"`
}

type skillFile struct {
	URI    string `json:"uri"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

func (s shelved) entry() any {
	e := skillEntry{URI: s.uri(manifest), Frontmatter: s.Frontmatter, Resources: make([]skillFile, 0, len(s.Files))}
	for _, f := range s.Files {
		e.Resources = append(e.Resources, skillFile{URI: s.uri(f.Path), Digest: f.Digest, Size: f.Size})
	}
	slices.SortFunc(e.Resources, func(a, b skillFile) int { return cmp.Compare(a.URI, b.URI) })
	return e
}

func (m *meta) skills(ctx context.Context, c Caller, in ask) (object, error) {
	all, err := m.load(ctx, c)
	if err != nil {
		return nil, err
	}
	return listed("skills", all, byBase, in.Cursor, shelved.entry)
}

func (m *meta) skill(ctx context.Context, c Caller, in ask) (object, error) {
	if in.URI == "" {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: methodSkillsGet + ": uri is missing"}
	}
	all, err := m.load(ctx, c)
	if err != nil {
		return nil, err
	}
	s, file, ok := at(all, in.URI)
	if !ok || file != manifest {
		return nil, errMissing
	}
	raw, err := marshal(s.entry())
	if err != nil {
		return nil, err
	}
	return object{{"skill", raw}}, nil
}

// directory lists what lies directly in a folder of a skill.
func (m *meta) directory(ctx context.Context, c Caller, in ask) (object, error) {
	if in.URI == "" {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: methodDirectory + ": uri is missing"}
	}
	all, err := m.load(ctx, c)
	if err != nil {
		return nil, err
	}
	s, folder, ok := at(all, strings.TrimSuffix(in.URI, "/"))
	if !ok {
		return nil, errMissing
	}
	children := s.children(folder)
	if len(children) == 0 {
		return nil, errMissing // a file, or nothing
	}
	return listed("resources", children, func(r *sdk.Resource) string { return r.URI }, in.Cursor, func(r *sdk.Resource) any { return r })
}

func (s shelved) children(folder string) []*sdk.Resource {
	prefix := folder + "/"
	if folder == "" {
		prefix = ""
	}
	seen := map[string]bool{}
	var out []*sdk.Resource
	for _, f := range s.Files {
		rest, ok := strings.CutPrefix(f.Path, prefix)
		if !ok || rest == "" {
			continue
		}
		child, _, deeper := strings.Cut(rest, "/")
		if seen[child] {
			continue
		}
		seen[child] = true
		r := &sdk.Resource{URI: s.uri(prefix + child), Name: child, MIMEType: f.mime(), Size: f.Size}
		if deeper {
			r.MIMEType, r.Size = directory, 0
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *sdk.Resource) int { return cmp.Compare(a.URI, b.URI) })
	return out
}
