package engine

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

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
		Version: version, Desk: x.Desk, Library: x.Desk, Now: clock, Log: slog.New(slog.DiscardHandler),
		Principal: auth.From,
	}
	surface := p.Serving().MCP
	if surface == nil {
		return mcp.New(c)
	}
	checker, err := x.checker(p, surface, warn)
	if err != nil {
		return nil, err
	}
	c.Auth, c.Origins = checker.Require, surface.Origins
	c.Open = map[string]http.Handler{
		auth.MetadataPath: checker.Metadata(), auth.MetadataPath + "/": checker.Metadata(),
		"GET /approvals": checker.Require(http.HandlerFunc(x.listApprovals)), "POST /approvals/{id}": checker.Require(http.HandlerFunc(x.answerApproval)),
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

// checker knows the callers of a project.
func (x *Surface) checker(p *config.Project, s *config.Surface, warn func(error)) (*auth.Checker, error) {
	c := auth.Config{
		Now: clock, Warn: warn,
		Judged: func(outcome string) { x.record.Add(telemetry.Logins, 1, outcome) },
	}
	for _, b := range p.Principals {
		c.Tokens = append(c.Tokens, auth.Token{Principal: b.Name, Roles: b.Roles, Env: b.Token.Env, File: b.Token.File, SHA256: b.Token.SHA256})
	}
	if o := p.OAuth; o != nil {
		c.OAuth = &auth.OAuth{Issuer: o.Issuer, Audience: o.Audience, JWKS: []byte(o.JWKS), Roles: o.Roles, Scopes: o.Scopes}
	}
	if s.Anonymous || len(p.Principals) == 0 && p.OAuth == nil {
		c.Anonymous = &access.Principal{Name: Local, Kind: access.KindLocal}
	}
	return auth.New(c)
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
