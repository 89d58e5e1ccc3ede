package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript/forge"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/pricelist"
)

// adoptModels are what the invented calls ran on; the last has no price.
var adoptModels = []string{"claude-opus-4-8", "claude-haiku-4-5", "claude-sonnet-4-6", "gpt-5.4", "gpt-5.4-mini", "unlisted-model"}

// adopts measures plimsoll init on real skill folders and generated logs of every
// shape: how long it takes, and whether calls, micro-dollars and skills are those
// that the logs were made of. Then a log of two GB is read by itself, for memory.
func adopts(args []string) ([]figure, error) {
	flags := flag.NewFlagSet("adopt", flag.ContinueOnError)
	program := flags.String("plimsoll", "bin/plimsoll", "the program under measurement")
	data := flags.String("data", "", "folder with skills/skill-md.tar.gz")
	calls := flags.Int("calls", 4000, "calls in the log of each shape")
	size := flags.Int64("bytes", 2<<30, "size of the long log")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(*program)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	folders, skills, err := unpackSkills(filepath.Join(*data, "skills", "skill-md.tar.gz"), dir)
	if err != nil {
		return nil, err
	}
	truth, bytesWritten, err := forgeLogs(filepath.Join(dir, "logs"), skills, *calls)
	if err != nil {
		return nil, err
	}
	run := func(args ...string) (map[string]any, time.Duration, error) {
		began := time.Now()
		cmd := exec.Command(path, append([]string{"-C", filepath.Join(dir, "project")}, args...)...)
		var out, bad bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &bad
		if err := cmd.Run(); err != nil {
			return nil, 0, fmt.Errorf("%v: %w\n%s", args, err, bad.String())
		}
		var doc map[string]any
		took := time.Since(began)
		return doc, took, json.Unmarshal(out.Bytes(), &doc)
	}
	mapping := filepath.Join(dir, "mapping.json")
	raw, err := json.Marshal(forge.Mapping())
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(mapping, raw, 0o600); err != nil {
		return nil, err
	}
	from, logs := filepath.Join(dir, "skills"), filepath.Join(dir, "logs")
	known := []string{"init", "-json", "--from", from, "--logs", filepath.Join(logs, "known")}
	all := append(known, "--logs", filepath.Join(logs, "mapped"), "--mapping", mapping)
	doc, took, err := run(append(all, "--dry-run")...)
	if err != nil {
		return nil, err
	}
	found, kept := len(list(doc["skills"])), len(list(doc["kept_out"]))
	spend, _ := doc["spend"].(map[string]any)
	micro, counted, unpriced := number(spend["micro_usd"]), number(spend["calls"]), number(spend["unpriced_calls"])
	bySkill, wrong := map[string]int64{}, 0
	for _, r := range list(spend["rows"]) {
		row, _ := r.(map[string]any)
		name, _ := row["skill"].(string)
		bySkill[name] += number(row["micro_usd"])
	}
	for name, want := range truth.bySkill {
		if bySkill[name] != want {
			wrong++
		}
	}
	// What it writes validates.
	if _, _, err := run(known...); err != nil {
		return nil, err
	}
	if _, _, err := run("validate", "-json"); err != nil {
		return nil, err
	}
	peak, rate, err := long(*size)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"skill folders: found, and adopted + kept out with a reason", "all", fmt.Sprintf("%d = %d + %d", folders, found, kept), folders == found+kept},
		{fmt.Sprintf("init, %d calls in %d MB of five shapes", truth.calls, bytesWritten>>20), "< 1m", took.Round(time.Millisecond).String(), took < time.Minute},
		{"calls: in the logs, counted", "equal", fmt.Sprintf("%d, %d", truth.calls, counted), truth.calls == counted},
		{"calls without a price: in the logs, listed as such", "equal", fmt.Sprintf("%d, %d", truth.unpriced, unpriced), truth.unpriced == unpriced},
		{"micro-dollars: in the logs, in the table", "equal", fmt.Sprintf("%d, %d", truth.micro, micro), truth.micro == micro},
		{fmt.Sprintf("skills whose spend is another one, of %d", len(truth.bySkill)), "0", fmt.Sprint(wrong), wrong == 0},
		{"plimsoll validate of what was written", "passes", "passes", true},
		{fmt.Sprintf("heap while a log of %d MB is read", *size>>20), "<= 64 MB", fmt.Sprintf("%d MB, at %d MB/s", peak>>20, rate>>20), peak <= 64<<20},
	}, nil
}

func list(v any) []any { l, _ := v.([]any); return l }

func number(v any) int64 { f, _ := v.(float64); return int64(f) }

// unpackSkills lays the archive out, and tells which skills have a name of their
// own: calls are invented for these.
func unpackSkills(archive, dir string) (folders int, skills []forge.Skill, err error) {
	f, err := os.Open(archive)
	if err != nil {
		return 0, nil, fmt.Errorf("reading the skills (DATA=folder): %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, nil, err
	}
	times, index := map[string]int{}, &transcript.Index{}
	var all []forge.Skill
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, nil, err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		src, err := io.ReadAll(r)
		if err != nil {
			return 0, nil, err
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return 0, nil, err
		}
		if err := os.WriteFile(path, src, 0o600); err != nil {
			return 0, nil, err
		}
		if !strings.EqualFold(filepath.Base(path), "SKILL.md") {
			continue
		}
		folders++
		front, body, _ := skill.ParseSkillMD(h.Name, src)
		times[front.Name]++
		index.Add(front.Name, body)
		// One in a file of another case is kept out, and its text is not looked for.
		if filepath.Base(path) == "SKILL.md" && skill.NameOK(front.Name) && len(body) > 200 && !strings.Contains(body, "\r") {
			all = append(all, forge.Skill{Name: front.Name, Body: body})
		}
	}
	for _, s := range all {
		// A body that holds another skill's is of both: such a call has no one skill.
		if times[s.Name] == 1 && len(index.In(s.Body)) == 1 {
			skills = append(skills, s)
		}
	}
	return folders, skills, nil
}

// forged is what the logs were made of.
type forged struct {
	calls, unpriced, micro int64
	bySkill                map[string]int64
}

func forgeLogs(dir string, skills []forge.Skill, calls int) (forged, int64, error) {
	out := forged{bySkill: map[string]int64{}}
	var written int64
	for i, shape := range []string{transcript.Claude, transcript.Codex, transcript.Span, transcript.Exchange, transcript.Mapped} {
		folder := filepath.Join(dir, "known")
		if shape == transcript.Mapped {
			folder = filepath.Join(dir, "mapped")
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return out, 0, err
		}
		var b bytes.Buffer
		truth, err := forge.Write(&b, forge.Options{Shape: shape, Seed: uint64(i), Calls: calls, Skills: skills, Models: adoptModels, Session: shape, Bulk: 2000})
		if err != nil {
			return out, 0, err
		}
		written += int64(b.Len())
		if err := os.WriteFile(filepath.Join(folder, shape+".jsonl"), b.Bytes(), 0o600); err != nil {
			return out, 0, err
		}
		for _, c := range truth.Calls {
			out.calls++
			micro, ok := exactCost(c)
			if !ok {
				out.unpriced++
			}
			out.micro += micro
			out.bySkill[c.Skill] += micro
		}
	}
	return out, written, nil
}

// exactCost is what a call costs at list prices, in rational numbers: another way
// than the program's. ok is false without a price.
func exactCost(c transcript.Call) (int64, bool) {
	e, err := pricelist.Shipped().Find(c.Model)
	if err != nil {
		return 0, false
	}
	rates := e.Rates
	if e.Above != nil && c.Usage.Prompt() > e.Above.Tokens {
		rates = e.Above.Rates
	}
	dear := func(rate int64) int64 {
		if rate == 0 {
			return 2 * rates.Input
		}
		return rate
	}
	sum := new(big.Int)
	for _, x := range [][2]int64{{c.Usage.Input, rates.Input}, {c.Usage.CachedInput, rates.CacheRead}, {c.Usage.CacheWrite - c.Usage.CacheWrite1h, dear(rates.CacheWrite)}, {c.Usage.CacheWrite1h, dear(rates.CacheWrite1h)}, {c.Usage.Output, rates.Output}} {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(x[0]), big.NewInt(x[1])))
	}
	return sum.Add(sum, big.NewInt(500_000)).Div(sum, big.NewInt(1_000_000)).Int64(), true
}

// long reads one log of so many bytes, and gives the largest heap and the rate.
func long(size int64) (peak uint64, rate int64, err error) {
	src, stop := io.Pipe()
	go func() {
		text := strings.Repeat("lorem ipsum ", 1500)
		for n, left := 0, size; left > 0; n++ {
			line := fmt.Sprintf(`{"type":"user","sessionId":"s","timestamp":"2026-06-01T09:00:00Z","message":{"content":%q}}`+"\n"+
				`{"type":"assistant","sessionId":"s","timestamp":"2026-06-01T09:00:00Z","requestId":"r","message":{"id":"m%d","model":"m","content":[{"type":"text","text":"x"}],"usage":{"input_tokens":9,"output_tokens":9}}}`+"\n", text, n)
			if _, err := io.WriteString(stop, line); err != nil {
				return
			}
			left -= int64(len(line))
		}
		stop.Close()
	}()
	began, calls := time.Now(), 0
	var m runtime.MemStats
	err = transcript.New(transcript.Options{}).Read(src, "long", func(transcript.Call) error {
		if calls++; calls%5000 == 0 {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
		return nil
	})
	return peak, int64(float64(size) / time.Since(began).Seconds()), err
}
