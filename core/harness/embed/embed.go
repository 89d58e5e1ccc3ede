// Package embed asks any OpenAI-compatible endpoint for vectors: POST URL with
// {"model", "input"}, as OpenAI, vLLM, llama.cpp, Ollama and others answer it.
//
// It must not open connections by itself, retry, or keep anything: the caller
// hands over the http.Client, which knows where texts may go (core/access has
// the rules of egress), and core/harness keeps the vectors. Whatever goes wrong
// is an error without the texts and without the key in it.
//
//	client := &embed.Client{HTTP: egress, URL: "http://127.0.0.1:8000/v1/embeddings", Model: "bge-m3"}
//	hybrid, err := harness.Embed(ctx, index, client.Model, client, cache)
//	found := hybrid.Find(ctx, view, []string{"tell the team"}, harness.Options{})
package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/plimsoll-dev/plimsoll/core/harness"
)

// maxAnswer is the most that is read of an answer: 64 vectors of 4,096 numbers
// in decimal are 5 MB.
const maxAnswer = 32 << 20

// Client is one endpoint and model. All fields but Key are needed. It may be
// used by any number of goroutines.
type Client struct {
	HTTP  *http.Client
	URL   string // of the endpoint itself, with its path
	Model string
	Key   string // sent as a bearer token; "" sends none
}

var _ harness.Embedder = (*Client)(nil)

// Embed gives one vector for each text, in their order.
func (c *Client) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	switch {
	case c.HTTP == nil:
		return nil, errors.New("asking for embeddings: no HTTP client was given, and texts go nowhere without one")
	case c.URL == "" || c.Model == "":
		return nil, errors.New("asking for embeddings: the URL and the model must both be given")
	case len(texts) == 0:
		return nil, nil
	}
	got, err := c.ask(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("asking %s for embeddings: %w", c.host(), err)
	}
	return got, nil
}

// host is the endpoint without what a URL may carry of secrets.
func (c *Client) host() string {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return "the endpoint"
	}
	return u.Host
}

func (c *Client) ask(ctx context.Context, texts []string) ([][]float32, error) {
	body, err := json.Marshal(map[string]any{"model": c.Model, "input": texts, "encoding_format": "float"})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL is none")
	}
	r.Header.Set("Content-Type", "application/json")
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL, which may have a key in it
		}
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the answer is %s", resp.Status)
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return decode(data, len(texts))
}

// decode puts the vectors in the order of the texts, which an endpoint need not
// keep, and refuses an answer with one missing or twice.
func decode(data []byte, n int) ([][]float32, error) {
	var answer struct {
		Data []struct {
			Index     *int      `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, errors.New("the answer is not the JSON of embeddings")
	}
	if len(answer.Data) != n {
		return nil, fmt.Errorf("%d vectors came back for %d texts", len(answer.Data), n)
	}
	out := make([][]float32, n)
	for i, d := range answer.Data {
		at := i
		if d.Index != nil {
			at = *d.Index
		}
		if at < 0 || at >= n || out[at] != nil || len(d.Embedding) == 0 {
			return nil, fmt.Errorf("vector %d of the answer is empty, of no text, or of one that has its vector", i+1)
		}
		out[at] = d.Embedding
	}
	return out, nil
}
