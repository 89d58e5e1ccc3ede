package engine

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/auth"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Agents makes the MCP server of a surface: over HTTP as the serve block says, or
// over stdio without one. Who calls over HTTP is asked of principals and oauth.
func (x *Surface) Agents(version string, warn func(error)) (*mcp.Server, error) {
	p := x.Project().Config
	c := mcp.Config{
		Version: version, Desk: x.Desk, Library: x.Desk, Now: clock, Log: x.logger(),
		Ready:     func(context.Context) error { return x.Desk.Sound() },
		Principal: auth.From, Recorder: x.record,
	}
	surface := p.Serving().MCP
	if surface == nil {
		return mcp.New(c)
	}
	door := &door{surface: x, warn: warn}
	if _, err := door.checker(); err != nil {
		return nil, err
	}
	about := door.then(func(c *auth.Checker) http.Handler { return c.Metadata() })
	c.Auth, c.Origins = door.require, surface.Origins
	c.Open = map[string]http.Handler{
		auth.MetadataPath: about, auth.MetadataPath + "/": about,
		"GET /approvals": door.require(http.HandlerFunc(x.listApprovals)), "POST /approvals/{id}": door.require(http.HandlerFunc(x.answerApproval)),
	}
	var names []string
	for _, w := range surface.Whole {
		names = append(names, w.Name)
	}
	if len(names) > 0 {
		c.Wholes = x.Desk.Wholes(names)
	}
	if t := surface.TLS; t != nil {
		pair, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key))
		if err != nil {
			return nil, fmt.Errorf("the certificate of serve.mcp and its key do not fit: %w", err)
		}
		c.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return mcp.New(c)
}

// logger tells an operator what no caller is told.
func (x *Surface) logger() *slog.Logger {
	if x.options.Stderr == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(x.options.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// door knows the callers of the project as it is now: principals, the issuer and
// its keys may change while an engine runs.
type door struct {
	surface *Surface
	warn    func(error)

	mu    sync.Mutex
	of    *config.Project
	known *auth.Checker
}

func (d *door) checker() (*auth.Checker, error) {
	p := d.surface.Project().Config
	d.mu.Lock()
	defer d.mu.Unlock()
	same := d.of != nil && reflect.DeepEqual(d.of.Principals, p.Principals) && reflect.DeepEqual(d.of.OAuth, p.OAuth) && reflect.DeepEqual(d.of.Serve, p.Serve)
	if same {
		return d.known, nil
	}
	c := auth.Config{
		Now: clock, Warn: d.warn,
		Judged: func(outcome string) { d.surface.record.Add(telemetry.Logins, 1, outcome) },
	}
	for _, b := range p.Principals {
		c.Tokens = append(c.Tokens, auth.Token{Principal: b.Name, Roles: b.Roles, Env: b.Token.Env, File: b.Token.File, SHA256: b.Token.SHA256})
	}
	if o := p.OAuth; o != nil {
		c.OAuth = &auth.OAuth{Issuer: o.Issuer, Audience: o.Audience, JWKS: []byte(o.JWKS), Roles: o.Roles, Scopes: o.Scopes, Types: o.Types}
	}
	if mcp := p.Serving().MCP; mcp != nil && mcp.Anonymous || len(p.Principals) == 0 && p.OAuth == nil {
		c.Anonymous = &access.Principal{Name: Local, Kind: access.KindLocal}
	}
	known, err := auth.New(c)
	if err != nil {
		return nil, err
	}
	d.of, d.known = p, known
	return known, nil
}

// require lets through who proved who they are, as the files say now. While they
// cannot be used nobody is let in.
func (d *door) require(next http.Handler) http.Handler {
	return d.then(func(c *auth.Checker) http.Handler { return c.Require(next) })
}

func (d *door) then(handler func(*auth.Checker) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := d.checker()
		if err != nil {
			d.warn(fmt.Errorf("nobody is let in: %w", err))
			reply(w, http.StatusServiceUnavailable, map[string]any{"error": "callers cannot be told apart right now"})
			return
		}
		handler(c).ServeHTTP(w, r)
	})
}

// listApprovals are the calls that wait and that the caller may answer.
func (x *Surface) listApprovals(w http.ResponseWriter, r *http.Request) {
	by, _ := auth.From(r.Context())
	list, err := x.Desk.Waiting(false)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"error": "the calls that wait cannot be read"})
		x.problem("reading the calls that wait: %v", err)
		return
	}
	out := []map[string]any{}
	for _, a := range list {
		if a.Answers(by) != nil {
			continue
		}
		out = append(out, map[string]any{
			"id": a.ID, "principal": a.Name, "connector": a.Connector, "tool": a.Tool, "skill": a.Skill, "rule": a.Rule,
			"arguments": a.Arguments, "asked": a.Asked,
		})
	}
	reply(w, http.StatusOK, map[string]any{"approvals": out})
}

// answerApproval is a yes or a no by a principal with the role that the rule asks.
func (x *Surface) answerApproval(w http.ResponseWriter, r *http.Request) {
	by, _ := auth.From(r.Context())
	var body struct {
		Answer string `json:"answer"`
		Note   string `json:"note"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil || body.Answer != "yes" && body.Answer != "no" {
		reply(w, http.StatusBadRequest, map[string]any{"error": `send {"answer": "yes"} or {"answer": "no", "note": "why"}`})
		return
	}
	a, err := x.Desk.Answer(r.Context(), r.PathValue("id"), by, body.Answer == "yes", body.Note)
	if err != nil {
		reply(w, http.StatusConflict, map[string]any{"error": err.Error()})
		return
	}
	reply(w, http.StatusOK, map[string]any{"id": a.ID, "state": a.State})
}

func reply(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc) // a client that is gone is not told
}

// Recorder makes what records metrics and traces as the serve block says; nil when
// it says nothing of either.
func (p *Project) Recorder(version string, failed func(error)) (*telemetry.Telemetry, error) {
	s := p.Config.Serving()
	if s.Metrics == "" && s.Traces == "" {
		return nil, nil
	}
	t, err := telemetry.New(telemetry.Config{Version: version, Now: clock, Traces: s.Traces, Failed: failed})
	if err != nil {
		return nil, errors.Join(errors.New("making ready to record metrics and traces"), err)
	}
	return t, nil
}
