package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// introduce finds the model where none is named, refuses one that the server does
// not have, and gives the server's version when it tells one.
func (c *client) introduce(ctx context.Context) (string, error) {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err := c.get(ctx, "/v1/models", &list)
	var names []string
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	e := &c.config.Endpoint
	switch {
	case err != nil && (e.Model == "" || unreached(err)):
		return "", fmt.Errorf("asking %s for its models: %w", e.URL, err)
	case e.Model == "" && len(names) == 0:
		return "", fmt.Errorf("%s lists no models: name one", e.URL)
	case e.Model == "":
		e.Model = names[0]
	case err == nil && len(names) > 0 && !slices.Contains(names, e.Model):
		return "", fmt.Errorf("%s does not serve %q: it has %s", e.URL, e.Model, short(strings.Join(names, ", ")))
	}
	var version struct {
		Version string `json:"version"`
	}
	if c.get(ctx, "/version", &version) != nil {
		return "", nil // few servers have it
	}
	return short(version.Version), nil
}

// unreached tells an error of a server that is not there from one of a server that
// only lacks a path, as some lack their list of models.
func unreached(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func (c *client) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.config.Endpoint.base()+path, nil)
	if err != nil {
		return err
	}
	for name, value := range c.config.Endpoint.Headers {
		req.Header.Set(name, value)
	}
	if c.config.Endpoint.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.config.Endpoint.Key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d: %s", res.StatusCode, explain(body))
	}
	return json.Unmarshal(body, into)
}

// Words of the two probes whose difference is the ratio of tokens to words.
const (
	fewWords  = 64
	manyWords = 320
)

// probe asks for one token, once or twice, to learn whether the server answers
// with a stream at all, and how many tokens it makes of so many words. Servers
// that do not say are taken to make one of each, and the run says that.
func (c *client) probe(ctx context.Context) (Prompt, error) {
	p := Prompt{API: c.config.Endpoint.API, PerWord: 1}
	if p.API == TokenIDs {
		p.PerWord = 0
		got, err := c.once(ctx, p, fewWords)
		if err != nil {
			return p, fmt.Errorf("the server does not take token ids as a prompt (use api completions): %w", err)
		}
		if got != 0 && got != fewWords {
			return p, fmt.Errorf("the server counts %d tokens in %d token ids: it does not take them as such (use api completions)", got, fewWords)
		}
		p.Measured = got != 0
		return p, nil
	}
	few, err := c.once(ctx, p, fewWords)
	if err != nil || few == 0 {
		return p, err
	}
	many, err := c.once(ctx, p, manyWords)
	if err != nil {
		return p, err
	}
	slope := float64(many-few) / (manyWords - fewWords)
	if slope < 0.1 || slope > 20 {
		return p, fmt.Errorf("the server counts %d tokens in %d words and %d in %d: its usage cannot be right", few, fewWords, many, manyWords)
	}
	p.PerWord, p.Template, p.Measured = slope, max(float64(few)-slope*fewWords, 0), true
	return p, nil
}

// once sends a probe of so many words or ids, and gives the prompt tokens that
// the server counts; 0 when it does not say.
func (c *client) once(ctx context.Context, p Prompt, n int) (int, error) {
	w := newWriter(Config{Workload: Workload{Seed: c.config.Workload.Seed}}, p)
	r := &Request{N: -1, Asked: 1}
	c.send(ctx, r, w.body(c.config, mostPrompts*2+n, item{input: n, output: 1}))
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("probing %s: %w", c.config.Endpoint.URL, context.Cause(ctx))
	}
	if !r.OK() {
		hint := ""
		if r.Status == http.StatusBadRequest && !c.config.Endpoint.Plain {
			hint = ". If it takes only what OpenAI's API has, set plain"
		}
		return 0, errors.New("probing " + c.config.Endpoint.URL + ": " + r.Error + hint)
	}
	return r.Input, nil
}
