package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func clean(t *testing.T, text string) *Project {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.hcl"), []byte(text))
	p, diags := Load(dir, Options{})
	if len(diags) > 0 {
		t.Fatalf("%v", diags)
	}
	return p
}

// What a block does not say comes from its kind, and what it says wins.
func TestKindDefaults(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			p := clean(t, fmt.Sprintf("connector \"a\" {\n  command = [\"x\"]\n  kind = %q\n}\n", k.Name))
			c := p.Connector("a")
			if !reflect.DeepEqual(c.Kind, k) {
				t.Errorf("kind = %+v, want %+v", c.Kind, k)
			}
			if c.ReadOnly != k.ReadOnly || c.Strict != k.Strict || c.Sanitise != k.Sanitise || c.MaxTools != k.MaxTools ||
				c.Timeout != k.Timeout || c.OutputLimit != k.OutputLimit || c.Concurrency != k.Concurrency || c.Idle != k.Idle || (c.Session == nil) != (k.Session == nil) {
				t.Errorf("connector = %+v, want what %+v says", c, k)
			}
			if c.Timeout <= 0 || c.OutputLimit <= 0 || c.Concurrency <= 0 {
				t.Error("a kind leaves a call without a bound")
			}
			p = clean(t, fmt.Sprintf("connector \"a\" {\n  command = [\"x\"]\n  kind = %q\n  read_only = %t\n  strict = %t\n  sanitise = %t\n  max_tools = 7\n  timeout = \"7s\"\n  output_limit = \"7KiB\"\n  concurrency = 7\n  idle = \"0s\"\n}\n", k.Name, !k.ReadOnly, !k.Strict, !k.Sanitise))
			c = p.Connector("a")
			if c.ReadOnly == k.ReadOnly || c.Strict == k.Strict || c.Sanitise == k.Sanitise || c.MaxTools != 7 || c.Timeout != 7*time.Second || c.OutputLimit != 7<<10 || c.Concurrency != 7 || c.Idle != 0 {
				t.Errorf("what the block says does not win: %+v", c)
			}
		})
	}
	if clean(t, "connector \"a\" {\n  command = [\"x\"]\n}\n").Connector("a").Kind.Name != "proxy_aggregator" {
		t.Error("the default is another kind")
	}
}

func TestConnectorReadsWhatItSays(t *testing.T) {
	p := clean(t, `
connector "remote" {
  url     = "https://mcp.example.com/mcp"
  kind    = "stateful_session"
  tools   = ["issues_*"]
  private = ["10.0.0.0/8"]
  header "authorization" {
    file   = "token"
    prefix = "Bearer "
  }
  session {
    lifetime = "30m"
  }
}
principal "ci" {
  roles = ["builder"]
  token {
    sha256 = "sha256:A6A1F3E2B4C5D6E7F8091A2B3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D5E6F"
  }
}
access {
  rule "ask first" {
    tools  = ["remote_*"]
    effect = "ask"
  }
  limit "hourly" {
    calls  = 3
    within = "1h"
  }
}
serve {
  mcp {
    listen = "127.0.0.1:0"
    whole  = [connector.remote]
  }
  metrics = "127.0.0.1:9464"
}
search {
  threshold = 0
}
`)
	c := p.Connector("remote")
	if h := c.Headers[0]; h.Name != "Authorization" || h.File != filepath.Join(p.Dir, "token") || h.Prefix != "Bearer " {
		t.Errorf("header = %+v", h)
	}
	if c.Session.Lifetime != 30*time.Minute || c.Session.Max != 16 || !c.Offers("issues_get") || c.Offers("pulls_get") || c.Prefixed("issues_get") != "remote_issues_get" {
		t.Errorf("connector = %+v", c)
	}
	if got := p.Principals[0].Token.SHA256; got != strings.ToLower(got) || len(got) != 64 {
		t.Errorf("sha256 = %q", got)
	}
	if r := p.Access.Rules[0]; r.Valid != DefaultValid || r.When != nil || r.Everything() {
		t.Errorf("rule = %+v", r)
	}
	if l := p.Access.Limits[0]; l.Per != "principal" || !l.Everything() {
		t.Errorf("limit = %+v", l)
	}
	if s := p.Serving(); s.MCP.Whole[0] != c || s.Metrics != "127.0.0.1:9464" || s.Nightly != nil {
		t.Errorf("serve = %+v", s)
	}
	if p.Search.Threshold == nil || *p.Search.Threshold != 0 {
		t.Errorf("search = %+v", p.Search)
	}
	if roles, open := p.Roles(); len(roles) != 1 || open {
		t.Errorf("roles = %v, %t", roles, open)
	}
	empty := clean(t, "")
	if empty.Accessing().Unmatched != "careful" || empty.Searching().Threshold != nil || empty.Connector("a") != nil {
		t.Error("what holds without blocks is something else")
	}
}

func TestCheckSkillPatterns(t *testing.T) {
	p := clean(t, "access {\n  rule \"a\" {\n    skills = [\"digest-*\", \"digst\"]\n    effect = \"deny\"\n  }\n}\n")
	got := p.CheckSkillPatterns([]string{"digest-email", "digest"})
	if len(got) != 1 || !strings.Contains(got[0].Detail, `Did you mean "digest"?`) {
		t.Errorf("%+v", got)
	}
	if got := clean(t, "").CheckSkillPatterns(nil); got != nil {
		t.Errorf("%+v", got)
	}
}

// The table of kinds in docs/connectors.md is what the kinds say.
func TestKindTable(t *testing.T) {
	comparePart(t, filepath.Join(root, "docs", "connectors.md"), "<!-- kinds", "<!-- end of kinds -->", KindTable())
}
