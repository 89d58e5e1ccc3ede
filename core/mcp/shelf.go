package mcp

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// skillsExtension is Skills over MCP (SEP-2640). A file of a skill is a resource
// at skill://NAME/PATH, a skill is its SKILL.md.
const skillsExtension = "io.modelcontextprotocol/skills"

const (
	manifest  = "SKILL.md"
	directory = "inode/directory"
	page      = 200 // entries of one page; an entry is never split
)

// shelve answers everything about skills from the library: prompts, resources
// and the extension's three methods.
func (m *meta) shelve(s *sdk.Server) error {
	for _, method := range []string{methodSkillsList, methodSkillsGet, methodDirectory} {
		if err := register(s, method, nobody); err != nil {
			return err
		}
	}
	s.AddReceivingMiddleware(func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			answer := m.shelfMethod(method)
			v := visitOf(ctx)
			if answer == nil || v == nil {
				return next(ctx, method, req)
			}
			params, err := paramsOf(req)
			if err != nil {
				return nil, err
			}
			var in ask
			if err := json.Unmarshal(params, &in); err != nil {
				return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: method + ": the params cannot be read"}
			}
			body, err := answer(ctx, v.caller(ctx, req), in)
			if err != nil {
				return nil, shelfError(ctx, method, in, err)
			}
			revision := rev2025
			if stateless(req.GetSession().(*sdk.ServerSession)) {
				revision = rev2026
				body = append(body, member{"ttlMs", json.RawMessage(strconv.Itoa(listTTL))}, member{"cacheScope", quote("private")})
				if !cacheable(method) {
					body = body.drop("ttlMs", "cacheScope")
				}
			}
			return &reply{body: dress(body, method, revision)}, nil
		}
	})
	return nil
}

// ask is every member that one of the methods takes.
type ask struct {
	Cursor    string            `json:"cursor"`
	URI       string            `json:"uri"`
	Name      string            `json:"name"`
	Arguments map[string]string `json:"arguments"`
}

func (m *meta) shelfMethod(method string) func(context.Context, Caller, ask) (object, error) {
	switch method {
	case "prompts/list":
		return m.prompts
	case "prompts/get":
		return m.prompt
	case "resources/list":
		return m.resources
	case "resources/templates/list":
		return m.templates
	case "resources/read":
		return m.read
	case methodSkillsList:
		return m.skills
	case methodSkillsGet:
		return m.skill
	case methodDirectory:
		return m.directory
	}
	return nil
}

// errMissing is what is not there, for this caller.
var errMissing = errors.New("there is nothing by this name")

func shelfError(ctx context.Context, method string, in ask, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var p *Problem
	if errors.Is(err, errMissing) || errors.As(err, &p) && p.Code == CodeUnknown {
		if in.URI != "" {
			return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "there is no such resource", Data: object{{"uri", quote(in.URI)}}.bytes()}
		}
		return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "there is no such prompt"}
	}
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		return wire
	}
	if p != nil {
		code := int64(jsonrpc.CodeInternalError)
		if p.Code == CodeInvalid {
			code = jsonrpc.CodeInvalidParams
		}
		return &jsonrpc.Error{Code: code, Message: p.Error()}
	}
	return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: method + ": the skills cannot be read at the moment; the operator's log says why"}
}

// shelved is a skill with the place where its files are served.
type shelved struct {
	Skill
	base string // "skill://name", without a slash behind
}

// load lists the caller's skills, by base.
func (m *meta) load(ctx context.Context, c Caller) ([]shelved, error) {
	skills, err := m.config.Library.Skills(ctx, c)
	if err != nil {
		m.log("listing skills", "error", err)
		return nil, err
	}
	out := make([]shelved, 0, len(skills))
	for _, s := range skills {
		out = append(out, shelved{s, base(s)})
	}
	slices.SortStableFunc(out, func(a, b shelved) int { return cmp.Compare(a.base, b.base) })
	return out, nil
}

// base is where a skill is served. Its last segment has to be the name in the
// front matter, which a skill read leniently may not be called by.
func base(s Skill) string {
	out := "skill://" + url.PathEscape(s.Name)
	if front, err := readObject(s.Frontmatter); err == nil {
		if n := front.text("name"); n != "" && n != s.Name {
			out += "/" + url.PathEscape(n)
		}
	}
	return out
}

func (s shelved) uri(file string) string {
	parts := strings.Split(file, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return s.base + "/" + strings.Join(parts, "/")
}

// paged cuts a page out of entries sorted by key. A cursor is the last key seen,
// so a list that changes in between neither repeats nor loses what stayed.
func paged[T any](entries []T, key func(T) string, cursor string) (now []T, next string, err error) {
	start := 0
	if cursor != "" {
		last, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			return nil, "", &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "the cursor is not one of this server's; list again without one"}
		}
		at, found := slices.BinarySearchFunc(entries, string(last), func(e T, k string) int { return cmp.Compare(key(e), k) })
		start = at
		if found {
			start++
		}
	}
	rest := entries[start:]
	if len(rest) <= page {
		return rest, "", nil
	}
	now = rest[:page]
	return now, base64.RawURLEncoding.EncodeToString([]byte(key(now[page-1]))), nil
}

// listed writes one page of a list.
func listed[T any](of string, entries []T, key func(T) string, cursor string, write func(T) any) (object, error) {
	now, next, err := paged(entries, key, cursor)
	if err != nil {
		return nil, err
	}
	out := make([]any, 0, len(now))
	for _, e := range now {
		out = append(out, write(e))
	}
	raw, err := marshal(out)
	if err != nil {
		return nil, fmt.Errorf("writing a list: %w", err)
	}
	body := object{{of, raw}}
	if next != "" {
		body = append(body, member{"nextCursor", quote(next)})
	}
	return body, nil
}

func byBase(s shelved) string { return s.base }

// prompts are the skills whose instructions a person may want to start with.
func (m *meta) prompts(ctx context.Context, c Caller, in ask) (object, error) {
	all, err := m.load(ctx, c)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s shelved) bool { return !s.Prompt })
	return listed("prompts", all, byBase, in.Cursor, func(s shelved) any {
		p := &sdk.Prompt{Name: s.Name, Description: s.Description}
		for _, a := range s.Arguments {
			p.Arguments = append(p.Arguments, &sdk.PromptArgument{Name: a.Name, Description: a.Description, Required: a.Required})
		}
		return p
	})
}

func (m *meta) prompt(ctx context.Context, c Caller, in ask) (object, error) {
	all, err := m.load(ctx, c)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s shelved) bool { return s.Prompt && s.Name == in.Name })
	if i < 0 {
		return nil, errMissing
	}
	for _, a := range all[i].Arguments {
		if _, given := in.Arguments[a.Name]; a.Required && !given {
			return nil, invalid("The prompt %s needs the argument %s.", in.Name, a.Name)
		}
	}
	text, err := m.config.Library.Prompt(ctx, c, in.Name, in.Arguments)
	if err != nil {
		return nil, err
	}
	messages, err := marshal([]*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: text}}})
	if err != nil {
		return nil, fmt.Errorf("writing a prompt: %w", err)
	}
	return object{{"description", quote(all[i].Description)}, {"messages", messages}}, nil
}

// resources lists the skills, one resource each: their SKILL.md. The other files
// are told by skills/get and resources/directory/read; here they would drown it.
func (m *meta) resources(ctx context.Context, c Caller, in ask) (object, error) {
	all, err := m.load(ctx, c)
	if err != nil {
		return nil, err
	}
	return listed("resources", all, byBase, in.Cursor, func(s shelved) any {
		r := &sdk.Resource{URI: s.uri(manifest), Name: s.Name, Description: s.Description, MIMEType: "text/markdown"}
		if front, err := readObject(s.Frontmatter); err == nil && front.text("name") != "" {
			r.Name, r.Description = front.text("name"), front.text("description")
		}
		if f, ok := s.file(manifest); ok {
			r.Size = f.Size
		}
		return r
	})
}

func (m *meta) templates(_ context.Context, _ Caller, in ask) (object, error) {
	if in.Cursor != "" {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "the cursor is not one of this server's; list again without one"}
	}
	raw, err := marshal([]*sdk.ResourceTemplate{
		{Name: "skill-file", Description: "A file of a skill.", URITemplate: "skill://{skill}/{+path}"},
		{Name: "result", Description: "A result of yours that was too long, from a byte on; its digest stands in the result.", URITemplate: resultScheme + "{digest}/{from}"},
	})
	if err != nil {
		return nil, err
	}
	return object{{"resourceTemplates", raw}}, nil
}

func (s shelved) file(at string) (File, bool) {
	i := slices.IndexFunc(s.Files, func(f File) bool { return f.Path == at })
	if i < 0 {
		return File{}, false
	}
	return s.Files[i], true
}

// at finds the skill of a URI and the path in it; "" is the skill's folder.
func at(all []shelved, uri string) (shelved, string, bool) {
	var found shelved
	var rest string
	for _, s := range all {
		if uri == s.base && len(s.base) > len(found.base) {
			found, rest = s, ""
		}
		if tail, ok := strings.CutPrefix(uri, s.base+"/"); ok && len(s.base) > len(found.base) {
			found, rest = s, tail
		}
	}
	if found.base == "" {
		return found, "", false
	}
	parts := strings.Split(rest, "/")
	for i := range parts {
		p, err := url.PathUnescape(parts[i])
		if err != nil || strings.Contains(p, "/") {
			return found, "", false
		}
		parts[i] = p
	}
	return found, strings.Join(parts, "/"), true
}

func (m *meta) read(ctx context.Context, c Caller, in ask) (object, error) {
	if body, ok, err := m.resultOf(ctx, c, in.URI); ok {
		return body, err
	}
	all, err := m.load(ctx, c)
	if err != nil {
		return nil, err
	}
	s, file, ok := at(all, in.URI)
	if !ok {
		return nil, errMissing
	}
	f, ok := s.file(file)
	if !ok {
		return nil, errMissing
	}
	data, err := m.config.Library.File(ctx, c, s.Name, f.Path)
	if err != nil {
		return nil, err
	}
	content := object{{"uri", quote(in.URI)}, {"mimeType", quote(f.mime())}}
	if utf8.Valid(data) {
		content = append(content, member{"text", quote(string(data))})
	} else {
		content = append(content, member{"blob", quote(base64.StdEncoding.EncodeToString(data))})
	}
	return object{{"contents", slices.Concat([]byte("["), content.bytes(), []byte("]"))}}, nil
}

// mimes are those of files that skills have. The system's table would make a list
// differ from machine to machine.
var mimes = map[string]string{
	".md": "text/markdown", ".txt": "text/plain", ".json": "application/json", ".csv": "text/csv",
	".yaml": "application/yaml", ".yml": "application/yaml", ".html": "text/html", ".css": "text/css", ".xml": "application/xml",
	".js": "text/javascript", ".ts": "text/x-typescript", ".py": "text/x-python", ".sh": "text/x-shellscript", ".hcl": "text/x-hcl",
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
	".pdf": "application/pdf", ".wasm": "application/wasm",
}

func (f File) mime() string {
	if f.MIME != "" {
		return f.MIME
	}
	if t := mimes[strings.ToLower(path.Ext(f.Path))]; t != "" {
		return t
	}
	return "application/octet-stream"
}
