package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// minToken is the shortest token that is taken, in bytes: below it a token could
// be guessed in spite of the limit.
const minToken = 16

// maxLines is how many tokens one variable or file may hold, one on each line: the
// present one and the next, with room for a slow change.
const maxLines = 4

// Token is where the bearer token of a principal is. Exactly one of Env, File and
// SHA256 is set. A variable or file may hold several tokens, one on each line: to
// change a token, add the new one, move the callers, take the old one out. Files
// are read again when they change.
type Token struct {
	Principal string
	Roles     []string
	Scope     string // the tenant
	Env       string
	File      string
	SHA256    string // of the token, 64 hexadecimal digits
}

// Digest is what to write as sha256 in the config for a token.
func Digest(token string) string {
	d := sum(token)
	return hex.EncodeToString(d[:])
}

func sum(token string) [32]byte { return sha256.Sum256([]byte(token)) }

type known struct {
	digest    [32]byte
	principal access.Principal
}

// tokens finds principals by the digest of their token.
type tokens struct {
	fixed []known
	files []*tokenFile
}

type tokenFile struct {
	Token
	watch watched
	mu    sync.RWMutex
	known []known
}

func newTokens(c Config) (*tokens, error) {
	t := &tokens{}
	var errs []error
	for _, token := range c.Tokens {
		if err := t.add(token, c); err != nil {
			errs = append(errs, fmt.Errorf("the token of principal %q: %w", token.Principal, err))
		}
	}
	if len(errs) == 0 {
		errs = append(errs, t.distinct())
	}
	return t, errors.Join(errs...)
}

func (t *tokens) add(token Token, c Config) error {
	switch {
	case token.Env != "":
		text, ok := c.Getenv(token.Env)
		if !ok || strings.TrimSpace(text) == "" {
			return fmt.Errorf("the environment variable %s is not set", token.Env)
		}
		list, err := parseTokens(token, text)
		if err != nil {
			return fmt.Errorf("the environment variable %s: %w", token.Env, err)
		}
		t.fixed = append(t.fixed, list...)
	case token.File != "":
		f := &tokenFile{Token: token, watch: watched{path: token.File, max: maxLines * (MaxToken + 2), warn: c.Warn}}
		raw, err := f.watch.read(c.Now())
		if err != nil {
			return err
		}
		if f.known, err = parseTokens(token, string(raw)); err != nil {
			return fmt.Errorf("the file %s: %w", token.File, err)
		}
		t.files = append(t.files, f)
	case token.SHA256 != "":
		d, err := hex.DecodeString(token.SHA256)
		if err != nil || len(d) != sha256.Size {
			return errors.New("sha256 must be 64 hexadecimal digits")
		}
		t.fixed = append(t.fixed, known{[32]byte(d), token.who()})
	default:
		return errors.New("it says neither env nor file nor sha256")
	}
	return nil
}

func (t Token) who() access.Principal {
	return access.Principal{Name: t.Principal, Roles: slices.Clone(t.Roles), Scope: t.Scope, Kind: access.KindToken}
}

// parseTokens never says what it read.
func parseTokens(t Token, text string) ([]known, error) {
	lines := strings.Fields(text)
	if len(lines) == 0 || len(lines) > maxLines {
		return nil, fmt.Errorf("it has %d tokens, 1 to %d are right, one on each line", len(lines), maxLines)
	}
	var out []known
	for i, line := range lines {
		switch {
		case len(line) < minToken:
			return nil, fmt.Errorf("token %d has %d characters, at least %d are needed: make one with `openssl rand -hex 32`", i+1, len(line), minToken)
		case len(line) > MaxToken:
			return nil, fmt.Errorf("token %d is longer than %d bytes", i+1, MaxToken)
		case !isToken(line):
			return nil, fmt.Errorf("token %d has a character that a bearer token cannot have: letters, digits and -._~+/ only", i+1)
		}
		out = append(out, known{sum(line), t.who()})
	}
	return out, nil
}

// distinct refuses one token of two principals: which of them calls could not be
// told.
func (t *tokens) distinct() error {
	owner := map[[32]byte]string{}
	for _, k := range t.all() {
		if other, ok := owner[k.digest]; ok && other != k.principal.Name {
			return fmt.Errorf("the principals %q and %q have the same token: give each its own", other, k.principal.Name)
		}
		owner[k.digest] = k.principal.Name
	}
	return nil
}

func (t *tokens) all() []known {
	out := slices.Clone(t.fixed)
	for _, f := range t.files {
		f.mu.RLock()
		out = append(out, f.known...)
		f.mu.RUnlock()
	}
	return out
}

// find compares with every known token, in a time that does not tell which one
// was near.
func (t *tokens) find(digest [32]byte, now time.Time) (access.Principal, bool) {
	var found *access.Principal
	look := func(list []known) {
		for i := range list {
			if subtle.ConstantTimeCompare(list[i].digest[:], digest[:]) == 1 {
				found = &list[i].principal
			}
		}
	}
	look(t.fixed)
	for _, f := range t.files {
		look(f.current(now))
	}
	if found == nil {
		return access.Principal{}, false
	}
	p := *found
	p.Roles = slices.Clone(p.Roles)
	return p, true
}

func (f *tokenFile) current(now time.Time) []known {
	if raw, changed := f.watch.changed(now); changed {
		list, err := parseTokens(f.Token, string(raw))
		if err != nil {
			f.watch.complain(fmt.Errorf("the file %s with the token of principal %q: %w; the tokens read before stay in force", f.File, f.Principal, err))
		} else {
			f.mu.Lock()
			f.known = list
			f.mu.Unlock()
		}
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.known
}

// watched is a small file that is read again when it changes; it is looked at
// most once a second.
type watched struct {
	path string
	max  int64
	warn func(error)

	mu      sync.Mutex
	looked  time.Time
	size    int64
	changes time.Time
	failing bool
}

// read reads the file whatever it was before.
func (w *watched) read(now time.Time) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked = now
	info, err := os.Stat(w.path)
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	return w.load(info)
}

func (w *watched) load(info os.FileInfo) ([]byte, error) {
	if info.Size() > w.max {
		return nil, fmt.Errorf("the file %s has %d bytes, at most %d are read", w.path, info.Size(), w.max)
	}
	raw, err := os.ReadFile(w.path)
	if err != nil {
		return nil, fmt.Errorf("reading it: %w", err)
	}
	if int64(len(raw)) > w.max {
		return nil, fmt.Errorf("the file %s has %d bytes, at most %d are read", w.path, len(raw), w.max)
	}
	w.size, w.changes = info.Size(), info.ModTime()
	return raw, nil
}

// changed gives the content when it is another file than before.
func (w *watched) changed(now time.Time) ([]byte, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if since := now.Sub(w.looked); since >= 0 && since < time.Second {
		return nil, false
	}
	w.looked = now
	info, err := os.Stat(w.path)
	if err == nil && info.Size() == w.size && info.ModTime().Equal(w.changes) {
		return nil, false
	}
	var raw []byte
	if err == nil {
		raw, err = w.load(info)
	}
	if err != nil {
		if !w.failing {
			w.failing = true
			w.complain(fmt.Errorf("the file %s cannot be read again, what was read before stays in force: %w", w.path, err))
		}
		return nil, false
	}
	w.failing = false
	return raw, true
}

func (w *watched) complain(err error) {
	if w.warn != nil {
		w.warn(err)
	}
}
