package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

// gateways measures `plimsoll serve` between an MCP client and MCP servers: all of
// them processes of their own, on loopback.
//
//	bin/bench gateway -plimsoll bin/plimsoll -soak 24h -only soak
func gateways(args []string) ([]figure, error) {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	program := flags.String("plimsoll", "bin/plimsoll", "the program under measurement")
	soak := flags.Duration("soak", 2*time.Minute, "how long the mixed traffic lasts")
	rounds := flags.Int("rounds", 1000, "how often each call is timed")
	crowd := flags.Int("clients", 1000, "how many clients come at once")
	only := flags.String("only", "", "one of latency, clients, catalogue, soak")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	parts := []struct {
		name    string
		measure func() ([]figure, error)
	}{
		{"latency", func() ([]figure, error) { return latencies(*program, *rounds) }},
		{"clients", func() ([]figure, error) { return crowds(*program, *crowd) }},
		{"catalogue", func() ([]figure, error) { return catalogues(*program) }},
		{"soak", func() ([]figure, error) { return soaks(*program, *soak) }},
	}
	var all []figure
	for _, part := range parts {
		if *only != "" && *only != part.name {
			continue
		}
		figures, err := part.measure()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		all = append(all, figures...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no part %q: latency, clients, catalogue or soak", *only)
	}
	return all, nil
}

// timed is one kind of call and how long each took.
type timed struct {
	name string
	call func(ctx context.Context, text string) error
	took []time.Duration
}

func (t *timed) run(ctx context.Context, text string) error {
	began := time.Now()
	if err := t.call(ctx, text); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	t.took = append(t.took, time.Since(began))
	return nil
}

func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

// quantiles writes p50, p90 and p99 in milliseconds.
func quantiles(sorted []time.Duration) string {
	return fmt.Sprintf("%.2f / %.2f / %.2f ms", ms(at(sorted, 50)), ms(at(sorted, 90)), ms(at(sorted, 99)))
}

func average(all []time.Duration) time.Duration {
	sum := time.Duration(0)
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// over writes by how much the quantiles of one lie above those of the other.
func over(a, b []time.Duration) string {
	return fmt.Sprintf("%+.2f / %+.2f / %+.2f ms", ms(at(a, 50)-at(b, 50)), ms(at(a, 90)-at(b, 90)), ms(at(a, 99)-at(b, 99)))
}

// addedLimit is what the gateway may add to a call at the median, beside the barest
// gateway that writes calls down first. To a direct call even a reverse proxy that
// looks at nothing adds 0.7 to 0.9 ms on two cores, and a synced append takes 1 ms:
// that figure is shown, and says nothing of what was built here.
const addedLimit = 500 * time.Microsecond

// latencies times the same calls made directly and through the gateway, one after
// the other in an order that is shuffled anew each round: neither what else the
// machine does nor what the call before left behind favours one of them.
func latencies(program string, rounds int) (figures []figure, err error) {
	g, _, err := newGateway(program, project, 0, "near", "older", "pipe")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.start(); err != nil {
		return nil, err
	}
	disk, err := newDisk(g.dir)
	if err != nil {
		return nil, err
	}
	defer disk.close()
	for _, r := range revisions {
		part, err := g.latency(r, disk, rounds)
		if err != nil {
			return nil, fmt.Errorf("revision %s: %w", r.name, err)
		}
		figures = append(figures, part...)
	}
	return figures, nil
}

func (g *gateway) latency(r revision, disk *disk, rounds int) ([]figure, error) {
	ctx := context.Background()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	near, err := connect(ctx, client, "http://"+g.address+r.path, r.name)
	if err != nil {
		return nil, err
	}
	defer near.Close()
	bare, err := launch(g.self, upstreamArg, "-http", "127.0.0.1:0", "-to", "http://"+g.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = bare.stop(os.Kill) }() // it has nothing to lose
	address, err := bare.says("")
	if err != nil {
		return nil, err
	}
	proxied, err := connect(ctx, client, "http://"+address+r.path, r.name)
	if err != nil {
		return nil, err
	}
	defer proxied.Close()
	relayed, stop, err := g.relayed(ctx, client, "http://"+g.address+r.path, r)
	if err != nil {
		return nil, err
	}
	defer stop()
	relayedPipe, stop, err := g.relayed(ctx, client, "-", r)
	if err != nil {
		return nil, err
	}
	defer stop()
	surface, err := connect(ctx, client, g.url, r.name)
	if err != nil {
		return nil, err
	}
	defer surface.Close()
	whole, err := connect(ctx, client, g.url+"/"+r.connector, r.name)
	if err != nil {
		return nil, err
	}
	defer whole.Close()
	pipes, err := newPipe(ctx, g.self, r.name)
	if err != nil {
		return nil, err
	}
	defer pipes.Close()
	wholePipe, err := connect(ctx, client, g.url+"/pipe", r.name)
	if err != nil {
		return nil, err
	}
	defer wholePipe.Close()
	ask := func(tool string, arguments map[string]any) func(context.Context, string) error {
		return func(ctx context.Context, _ string) error {
			_, err := meta(ctx, surface, tool, arguments)
			return err
		}
	}
	direct := &timed{name: "direct", call: func(ctx context.Context, text string) error { return call(ctx, near, "echo", text) }}
	hopped := &timed{name: "through a bare proxy", call: func(ctx context.Context, text string) error { return call(ctx, proxied, "echo", text) }}
	meta := &timed{name: "call_tool", call: func(ctx context.Context, text string) error { return through(ctx, surface, r.connector+"_echo", text) }}
	passed := &timed{name: "whole", call: func(ctx context.Context, text string) error { return call(ctx, whole, "echo", text) }}
	least := &timed{name: "through the barest gateway", call: func(ctx context.Context, text string) error { return call(ctx, relayed, "echo", text) }}
	leastPiped := &timed{name: "through the barest gateway over stdio", call: func(ctx context.Context, text string) error { return call(ctx, relayedPipe, "echo", text) }}
	piped := &timed{name: "direct over stdio", call: func(ctx context.Context, text string) error { return call(ctx, pipes, "echo", text) }}
	metaPiped := &timed{name: "call_tool over stdio", call: func(ctx context.Context, text string) error { return through(ctx, surface, "pipe_echo", text) }}
	passedPiped := &timed{name: "whole over stdio", call: func(ctx context.Context, text string) error { return call(ctx, wholePipe, "echo", text) }}
	find := &timed{name: "find", call: ask("find", map[string]any{"queries": []string{"say what it is told"}})}
	describe := &timed{name: "describe", call: ask("describe", map[string]any{"names": []string{"near_echo"}})}
	synced := &timed{name: "append", call: disk.append}
	all := []*timed{direct, hopped, least, leastPiped, meta, passed, piped, metaPiped, passedPiped, find, describe, synced}
	order := rand.New(rand.NewPCG(1, 2))
	warm := max(20, rounds/10)
	var before map[string]float64
	for i := range warm + rounds {
		if i == warm {
			if before, err = g.read(); err != nil {
				return nil, err
			}
		}
		for _, k := range order.Perm(len(all)) {
			if i == warm {
				all[k].took = all[k].took[:0]
			}
			if err := all[k].run(ctx, fmt.Sprint("round ", i)); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range all {
		slices.Sort(t.took)
	}
	after, err := g.read()
	if err != nil {
		return nil, err
	}
	mean := func(what string) time.Duration {
		count := after[what+"_count"] - before[what+"_count"]
		return time.Duration((after[what+"_sum"] - before[what+"_sum"]) / max(1, count) * float64(time.Second))
	}
	// The absolute figure says more of the machine than of the gateway: one synced
	// append is in it, and a second process. So the peer in the same run has both.
	added := func(what string, through, direct, least *timed) []figure {
		d, more := at(through.took, 50)-at(direct.took, 50), at(through.took, 50)-at(least.took, 50)
		return []figure{
			{r.name + ": " + what + ", p50 / p90 / p99", "", quantiles(through.took), true},
			{r.name + ": added by it to the direct call", "", fmt.Sprintf("%s, %.1f x an append", over(through.took, direct.took), float64(d)/float64(at(synced.took, 50))), true},
			{r.name + ": added by it to the barest gateway", "p50 <= 0.5ms", over(through.took, least.took), more <= addedLimit},
		}
	}
	figures := []figure{
		{r.name + ": one synced append to an audit log on this disk", "", quantiles(synced.took), true},
		{r.name + ": direct call over HTTP", "", quantiles(direct.took), true},
		{r.name + ": through a bare proxy over HTTP", "", quantiles(hopped.took), true},
		{r.name + ": through the barest gateway over HTTP", "", quantiles(least.took), true},
		{r.name + ": direct call over stdio", "", quantiles(piped.took), true},
		{r.name + ": through the barest gateway to stdio", "", quantiles(leastPiped.took), true},
	}
	figures = append(figures, added("call_tool over HTTP", meta, direct, least)...)
	figures = append(figures, added("whole connector over HTTP", passed, direct, least)...)
	figures = append(figures, added("call_tool, upstream over stdio", metaPiped, piped, leastPiped)...)
	figures = append(figures, added("whole connector, upstream over stdio", passedPiped, piped, leastPiped)...)
	return append(figures,
		figure{r.name + ": inside the gateway, means: an append; a call with its append", "", fmt.Sprintf("%.2f ms; %.2f ms", ms(mean("plimsoll_audit_append_duration_seconds")), ms(mean("gen_ai_execute_tool_duration_seconds"))), true},
		figure{r.name + ": means of the bench: an append; a direct call over HTTP, stdio", "", fmt.Sprintf("%.2f ms; %.2f ms, %.2f ms", ms(average(synced.took)), ms(average(direct.took)), ms(average(piped.took))), true},
		figure{r.name + ": find", "", quantiles(find.took), true},
		figure{r.name + ": describe", "", quantiles(describe.took), true}), nil
}

// relayed starts a barest gateway and connects to it.
func (g *gateway) relayed(ctx context.Context, client *http.Client, before string, r revision) (*sdk.ClientSession, func(), error) {
	dir, err := os.MkdirTemp(g.dir, "relay")
	if err != nil {
		return nil, nil, err
	}
	p, err := launch(g.self, upstreamArg, "-http", "127.0.0.1:0", "-before", before, "-revision", r.name, "-dir", dir)
	if err != nil {
		return nil, nil, err
	}
	kill := func() { _ = p.stop(os.Kill) } // it has nothing to lose
	address, err := p.says("")
	if err != nil {
		kill()
		return nil, nil, err
	}
	s, err := connect(ctx, client, "http://"+address+r.path, r.name)
	if err != nil {
		kill()
		return nil, nil, err
	}
	return s, func() { _ = s.Close(); kill() }, nil
}

// disk is an audit log of its own beside the gateway's: what one synced append
// costs in the same minute on the same disk.
type disk struct{ db *badgerstore.DB }

func newDisk(dir string) (*disk, error) {
	dir = filepath.Join(dir, "floor")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		return nil, err
	}
	db, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Sealer: audit.New(audit.Config{Signer: key.Signer, Origin: key.Origin})})
	return &disk{db}, err
}

func (d *disk) append(ctx context.Context, text string) error {
	raw, err := json.Marshal(map[string]string{"text": text, "like": strings.Repeat("x", 400)}) // as long as a call's entry
	if err != nil {
		return err
	}
	_, err = d.db.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: time.Now().UTC(), Kind: "bench", Scope: "default", Data: raw}}})
	return err
}

func (d *disk) close() { _ = d.db.Close() } // nothing in it is kept
