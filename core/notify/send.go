package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	attemptTimeout = 10 * time.Second // of one attempt, from dialling to the end of the answer
	maxAnswer      = 4 << 10          // bytes of an answer that are looked at
	maxHeader      = 16 << 10
)

// Failure is an attempt that did not arrive. It never holds the URL, which may be
// a secret.
type Failure struct {
	Why   string
	After time.Duration // what the receiver asked to wait; 0: it did not say
	Gone  bool          // the receiver wants no messages any more (410)
}

// Error is Why.
func (f *Failure) Error() string { return f.Why }

// SendFunc makes one attempt. A failure is a *Failure.
type SendFunc func(ctx context.Context, t Target, id string, at time.Time, body []byte) error

// Client sends over HTTP. Redirects count as failures, proxies of the
// environment are not used, and connections are not kept: a message a night
// needs none. root, for tests, dials and checks certificates; nil is the usual.
func Client(root *http.Transport) SendFunc {
	transport := &http.Transport{
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, TLSHandshakeTimeout: 5 * time.Second,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader, ForceAttemptHTTP2: true,
	}
	if root != nil {
		transport = root.Clone()
		transport.Proxy, transport.DisableKeepAlives, transport.MaxResponseHeaderBytes = nil, true, maxHeader
	}
	client := &http.Client{
		Transport: transport, Timeout: attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, t Target, id string, at time.Time, body []byte) error {
		if t.Broken != "" {
			return &Failure{Why: t.Broken}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
		if err != nil {
			return &Failure{Why: "its url cannot be used"} // the error would repeat it
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "plimsoll")
		req.Header.Set("webhook-id", id)
		req.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
		if t.Secret != "" {
			signature, err := Sign(t.Secret, id, at, body)
			if err != nil {
				return &Failure{Why: err.Error()}
			}
			req.Header.Set("webhook-signature", signature)
		}
		resp, err := client.Do(req)
		if err != nil {
			return &Failure{Why: wordsOf(err)}
		}
		defer resp.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // it only explains a failure
		return judge(resp, said, at)
	}
}

// judge tells by the status whether a message arrived.
func judge(resp *http.Response, said []byte, at time.Time) error {
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return &Failure{Why: fmt.Sprintf("it answered with %s: redirects are not followed, so put the new address into the block", resp.Status)}
	case code == http.StatusGone:
		return &Failure{Why: "it answered that it wants no messages any more (410)", Gone: true}
	}
	f := &Failure{Why: "it answered with " + resp.Status, After: waitOf(resp.Header.Get("Retry-After"), at)}
	if line := firstLine(said); line != "" {
		f.Why += ": " + line
	}
	return f
}

// waitOf reads Retry-After, seconds or a date.
func waitOf(header string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(header, 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(header); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// wordsOf an error of net/http without the URL that it repeats.
func wordsOf(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return "it was stopped"
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("it did not answer within %v", attemptTimeout)
	case errors.As(err, &dns):
		return "its host name is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at its address (connection refused)"
	case errors.As(err, &op) && op.Err != nil:
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// firstLine of an answer, as far as it can be shown in one.
func firstLine(said []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(said), "?")), "\n")
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, line)
	if runes := []rune(line); len(runes) > 200 {
		line = string(runes[:200]) + " ..."
	}
	return line
}

// SendTest makes one attempt with a message that says that it is a test.
func SendTest(ctx context.Context, send SendFunc, t Target, project string, now time.Time) error {
	m := Message{Event: "test", At: now, Project: project, Text: "this is a test of notify " + t.Name}
	id := m.id(t.Name, "")
	body, err := m.body(t.Format, id)
	if err != nil {
		return err
	}
	return send(ctx, t, id, now, body)
}
