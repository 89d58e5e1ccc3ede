package witness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
)

// Prover makes the request to a witness that has seen old entries: the present
// checkpoint of the log and the proof from there (audit.Consistency).
type Prover func(old int64) (Request, error)

// Client asks witnesses over HTTP.
type Client struct {
	// HTTP sends; without one, a client that knows no proxy, follows no redirect
	// and gives up after 30 seconds.
	HTTP *http.Client
}

// Submit asks the witness at a URL to cosign the log, and returns the checkpoint
// with its cosignature, checked. old is what the witness has seen as far as is
// known; when it knows better, it is asked once more from there.
func (c Client) Submit(ctx context.Context, prefix, key string, old int64, prove Prover) ([]byte, error) {
	target, err := submitURL(prefix)
	if err != nil {
		return nil, err
	}
	if _, err := parsePublic(key); err != nil {
		return nil, err
	}
	for range 3 {
		request, err := prove(old)
		if err != nil {
			return nil, err
		}
		checkpoint := request.Checkpoint
		answer, status, err := c.post(ctx, target, request)
		if err != nil {
			return nil, err
		}
		if status == http.StatusOK {
			return Join(checkpoint, string(answer), key)
		}
		head, err := audit.ParseCheckpoint(checkpoint)
		if err != nil {
			return nil, err
		}
		at, isSize := parseSize(answer)
		switch {
		case status != http.StatusConflict || !isSize:
			return nil, fmt.Errorf("the witness at %s did not cosign (%d): %s", prefix, status, said(answer))
		case at > head.Size:
			return nil, fmt.Errorf("%w (%d and %d)", errShrunk, at, head.Size)
		case at == old:
			return nil, fmt.Errorf("the witness at %s has cosigned another history of this log up to entry %d: the log was forked or rewritten. Trust nothing that it says until you know why", prefix, at)
		}
		old = at
	}
	return nil, fmt.Errorf("the witness at %s moves on faster than it can be asked: try again", prefix)
}

func (c Client) post(ctx context.Context, target string, r Request) ([]byte, int, error) {
	client := c.HTTP
	if client == nil {
		transport := &http.Transport{Proxy: nil, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext}
		defer transport.CloseIdleConnections()
		client = &http.Client{Timeout: 30 * time.Second, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(r.Bytes()))
	if err != nil {
		return nil, 0, fmt.Errorf("asking the witness: %w", err)
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	answer, err := client.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("asking the witness: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return nil, 0, fmt.Errorf("reading the answer of the witness: %w", err)
	}
	return body, answer.StatusCode, nil
}

// submitURL is prefix/add-checkpoint. The request holds no secret, and the answer
// is signed; TLS keeps others from seeing how large the log is.
func submitURL(prefix string) (string, error) {
	u, err := url.Parse(prefix)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is no URL of a witness, such as https://witness.example.com", prefix)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback(); u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", fmt.Errorf("the witness %q must be reached by https, or by http on this machine", prefix)
	}
	return strings.TrimRight(u.String(), "/") + "/add-checkpoint", nil
}

func parseSize(answer []byte) (int64, bool) {
	text := strings.TrimSuffix(string(answer), "\n")
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == text
}

// said is the first line of an answer, in characters that a terminal can show.
func said(answer []byte) string {
	line, _, _ := strings.Cut(strings.ToValidUTF8(string(answer), "?"), "\n")
	line = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, line)
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "")
	}
	return line
}
