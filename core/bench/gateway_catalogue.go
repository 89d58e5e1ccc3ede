package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// lists is how often the list of the meta-tools is asked for.
const lists = 1000

// catalogues has one server of ten thousand tools behind the gateway.
func catalogues(program string) (figures []figure, err error) {
	g, approving, err := newGateway(program, large, crowded-own, "near")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	began := time.Now()
	if err := g.start(); err != nil {
		return nil, err
	}
	ready := time.Since(began)
	disk, err := newDisk(g.dir)
	if err != nil {
		return nil, err
	}
	defer disk.close()
	ctx := context.Background()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	s, err := connect(ctx, client, g.url, revisions[0].name)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	order := rand.New(rand.NewPCG(3, 4))
	first, missed := time.Duration(0), 0
	wanted := 0
	find := &timed{name: "find", call: func(ctx context.Context, _ string) error {
		wanted = order.IntN(crowded - own)
		v, o, p := toolWords(wanted)
		text, err := meta(ctx, s, "find", map[string]any{"queries": []string{fmt.Sprintf("%s the %s in %s", v, o, p)}})
		if err == nil && !strings.Contains(text, "near_"+toolName(wanted)+" ") {
			missed++
		}
		return err
	}}
	describe := &timed{name: "describe", call: func(ctx context.Context, _ string) error {
		_, err := meta(ctx, s, "describe", map[string]any{"names": []string{"near_" + toolName(wanted)}})
		return err
	}}
	synced := &timed{name: "append", call: disk.append}
	const asked = 500
	for i := range asked {
		for _, t := range []*timed{find, describe, synced} {
			if err := t.run(ctx, ""); err != nil {
				return nil, err
			}
		}
		if i == 0 {
			first = time.Since(began)
		}
	}
	for _, t := range []*timed{find, describe, synced} {
		slices.Sort(t.took)
	}
	seen, err := g.read()
	if err != nil {
		return nil, err
	}
	count, within := seen["plimsoll_search_duration_seconds_count"], seen["plimsoll_search_duration_seconds_bucket<=0.005"]
	holding, err := g.holds()
	if err != nil {
		return nil, err
	}
	same, bytes, err := g.sameLists(client)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"10,000 tools: approving them", "", approving.Round(time.Millisecond).String(), true},
		{"10,000 tools: plimsoll serve until it is ready", "", ready.Round(time.Millisecond).String(), true},
		{"10,000 tools: likewise until the first answers", "", first.Round(time.Millisecond).String(), true},
		{"10,000 tools: one synced append, p50 / p90 / p99", "", quantiles(synced.took), true},
		{"10,000 tools: find", "", quantiles(find.took), true},
		{"10,000 tools: describe, the same way without a search", "", quantiles(describe.took), true},
		{"10,000 tools: searches that took at most 5 ms themselves", ">= 99 %", fmt.Sprintf("%.1f %%, mean %.2f ms", 100*within/count, 1000*seen["plimsoll_search_duration_seconds_sum"]/count), within >= 0.99*count},
		{"10,000 tools: tools that were looked for and not found", "none", fmt.Sprintf("%d of %d", missed, asked), missed == 0},
		{"10,000 tools: the server, after a GC", "", holding.String(), true},
		{fmt.Sprintf("10,000 tools: %d lists of the meta-tools and one restart", lists), "same bytes", fmt.Sprintf("%d differ; %d bytes", same, bytes), same == 0},
	}, nil
}

// sameLists asks for the list of tools again and again, in both revisions and
// across a restart, and counts the answers that are not the first one's bytes.
func (g *gateway) sameLists(client *http.Client) (differ, size int, err error) {
	var first []byte
	for i := range lists + 1 {
		if i == lists {
			if err := g.stop(); err != nil {
				return 0, 0, err
			}
			if err := g.start(); err != nil {
				return 0, 0, err
			}
		}
		body, err := g.list(client)
		if err != nil {
			return 0, 0, err
		}
		if first == nil {
			first = body
		}
		if !bytes.Equal(body, first) {
			differ++
		}
	}
	return differ, len(first), nil
}

func (g *gateway) list(client *http.Client) ([]byte, error) {
	req, err := http.NewRequest(http.MethodPost, g.url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"} {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"call_tool"`)) {
		return nil, fmt.Errorf("tools/list answered %d: %.300s", res.StatusCode, body)
	}
	return body, nil
}
