package auth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// MetadataPath is where clients look for the protected resource metadata
// (RFC 9728, section 3). The path of the resource may follow it.
const MetadataPath = "/.well-known/oauth-protected-resource"

// about is what the metadata document says.
type about struct {
	url      string // of the document; "" without OAuth
	path     string // of the resource
	document []byte
}

func newAbout(c Config) (about, error) {
	if c.OAuth == nil {
		return about{}, nil
	}
	resource, given := c.Resource, c.Resource != ""
	if !given {
		resource = c.OAuth.Audience
	}
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil || !secure(u) {
		if !given {
			return about{}, nil // an audience that is a plain name: clients must be told the issuer
		}
		return about{}, fmt.Errorf("the resource %q must be an https URL without user and fragment (http on loopback only)", resource)
	}
	a := about{path: strings.TrimRight(u.EscapedPath(), "/")}
	where := url.URL{Scheme: u.Scheme, Host: u.Host}
	a.url = where.String() + MetadataPath + a.path
	a.document, err = json.Marshal(struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported,omitempty"`
		Methods  []string `json:"bearer_methods_supported"`
		Name     string   `json:"resource_name"`
	}{resource, []string{c.OAuth.Issuer}, c.OAuth.Scopes, []string{"header"}, "Plimsoll"})
	if err != nil {
		return about{}, fmt.Errorf("encoding the resource metadata: %w", err)
	}
	return a, nil
}

func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

// Metadata answers GET with the metadata document, at MetadataPath and below it
// with the path of the resource, or of what lies under it (connectors that are
// served whole are the same resource). Without OAuth there is none: 404. It wants
// no credential.
func (c *Checker) Metadata() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.EscapedPath(), MetadataPath)
		rest = strings.TrimRight(rest, "/")
		if !ok || c.about.document == nil || rest != "" && rest != c.about.path && !strings.HasPrefix(rest, c.about.path+"/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*") // public, and clients in browsers need it
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "public, max-age=300")
			_, _ = w.Write(c.about.document) // a client that is gone needs no answer
		case http.MethodOptions:
			w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
			w.Header().Set("Access-Control-Allow-Headers", "MCP-Protocol-Version")
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		}
	})
}
