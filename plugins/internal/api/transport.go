package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// maxErrorBody is how much of an error's body is kept.
const maxErrorBody = 64 << 10

// Network says how a server is reached.
type Network struct {
	// Proxy is the URL of a proxy for every call. Empty: HTTPS_PROXY, HTTP_PROXY
	// and NO_PROXY, which the process sees only when the backend block declares
	// them.
	Proxy string
	// CAPEM are certificates in PEM form that are trusted besides the system's.
	CAPEM string
	// Idle is how long the server may send nothing, before its answer begins or
	// within it. 0 waits for ever.
	Idle time.Duration
}

// Client sends requests. It is the HTTP client of an official SDK.
type Client struct {
	http *http.Client
	idle time.Duration
}

// ErrIdle is the cause of a call that ended because nothing came any more.
var ErrIdle = errors.New("the server sent nothing for too long")

// NewClient connects to nothing yet. Errors name the config key that is wrong.
func NewClient(n Network) (*Client, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          0,
		// The default of 2 would open a new connection for nearly every call of a
		// busy backend.
		MaxIdleConnsPerHost: 256,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if n.Proxy != "" {
		u, err := url.Parse(n.Proxy)
		if err != nil || u.Host == "" {
			return nil, errors.New("proxy is not a URL such as http://proxy.example:3128")
		}
		t.Proxy = http.ProxyURL(u)
	}
	if n.CAPEM != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // a machine without certificates of its own
		}
		if !pool.AppendCertsFromPEM([]byte(n.CAPEM)) {
			return nil, errors.New(`ca_pem holds no certificate: give the text of the PEM file, as file("ca.pem") does`)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return &Client{idle: n.Idle, http: &http.Client{
		Transport: t,
		// A model API never redirects. Following one could hand the key and the
		// prompt to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close drops the connections that nobody uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do sends req once. A status that is no success is a *StatusError, a server
// that was not reached a *NotSentError. Cancelling req's context closes the
// connection.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	var sent atomic.Bool
	ctx, cancel := context.WithCancelCause(req.Context())
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	watch := newWatch(c.idle, func() { cancel(ErrIdle) })
	resp, err := c.http.Do(req.WithContext(traced))
	if err != nil {
		watch.stop()
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("%w (%w)", cause, plain(err))
		} else {
			err = plain(err)
		}
		cancel(nil)
		if !sent.Load() {
			return nil, &NotSentError{Err: err}
		}
		return nil, err
	}
	body := &watchedBody{ReadCloser: resp.Body, watch: watch, ctx: ctx, cancel: cancel}
	resp.Body = body
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	text, _ := io.ReadAll(io.LimitReader(body, maxErrorBody)) // half an explanation is better than none
	_ = body.Close()
	return nil, &StatusError{Status: resp.StatusCode, Header: resp.Header, Body: text}
}

// plain takes the URL off an error: it may hold a password or a key, and the
// person knows the address that they configured.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// watch runs late when it was not touched for a while.
type watch struct {
	idle  time.Duration
	timer *time.Timer
}

func newWatch(idle time.Duration, late func()) *watch {
	w := &watch{idle: idle}
	if idle > 0 {
		w.timer = time.AfterFunc(idle, late)
	}
	return w
}

func (w *watch) touch() {
	if w.timer != nil {
		w.timer.Reset(w.idle)
	}
}

func (w *watch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// watchedBody is an answer's body whose silence ends the call. The watch only
// runs while somebody reads: a host that is slow to take is not the server's
// fault.
type watchedBody struct {
	io.ReadCloser
	watch  *watch
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.touch()
	n, err := b.ReadCloser.Read(p)
	b.watch.stop()
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
