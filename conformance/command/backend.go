package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/backend"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

const backendUsage = `usage: plimsoll-conformance backend [flags] TARGET
TARGET is the file of a backend, HOST:PORT or unix:///PATH of one that runs, or, with
-plimsoll, the name of one inside the plimsoll binary.
`

func backendCommand(ctx context.Context, args []string, s Streams) int {
	f, o := kitFlags("backend")
	show := f.Bool("list", false, "list the cases, and test nothing")
	plimsoll := f.String("plimsoll", "", "the plimsoll binary, to test a backend that is inside it")
	config := f.String("config", "", "the values of the config block as JSON, or @FILE with them")
	env := f.String("env", "", "names of the environment variables that the backend is handed, divided by commas")
	model := f.String("model", "", "the model that is asked; without it the first one that the backend lists")
	slow := f.String("slow", "", "a model that takes seconds to answer, for the cases about giving up")
	embedding := f.String("embedding", "", "the model of embeddings")
	long := f.String("long", "", "a prompt with an answer of a MiB or more; without it one long word, which some backends repeat")
	pattern := f.String("case", "", "only cases whose ids match this regular expression")
	timeout := f.Duration("timeout", 30*time.Second, "the most that one call may take")
	slack := f.Duration("slack", 0, "add this to every bound of time, where the machine is busy with something else")
	ca := f.String("ca", "", "file with the authority of an address's certificate, PEM")
	cert := f.String("cert", "", "file with the certificate that the kit shows to an address, PEM")
	key := f.String("key", "", "file with that certificate's key, PEM")
	if code, ok := parse(f, args, s); !ok {
		return code
	}
	if *show {
		for _, c := range backend.Cases() {
			fmt.Fprintf(s.Out, "%-24s %s\n", strings.TrimPrefix(c.ID, "backend."), c.Title)
		}
		return Done
	}
	if f.NArg() != 1 {
		fmt.Fprint(s.Err, backendUsage)
		return Usage
	}
	options := backend.Options{
		Env: list(*env), Model: *model, Slow: *slow, Embedding: *embedding, Long: *long,
		Only: list(o.only), Skip: list(o.skip), Timeout: *timeout, Slack: *slack,
		Again: again(f), Progress: progress(s),
	}
	var errs [4]error
	options.Target, errs[0] = backend.ParseTarget(f.Arg(0), *plimsoll)
	options.Config, errs[1] = values(*config)
	options.Target.TLS, errs[2] = certificates(*ca, *cert, *key)
	if *pattern != "" {
		options.Case, errs[3] = regexp.Compile(*pattern)
	}
	if err := errors.Join(errs[:]...); err != nil {
		fmt.Fprintln(s.Err, err)
		return Usage
	}
	r, err := backend.Run(ctx, options)
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return Internal
	}
	return deliver(r, o, s)
}

// again is the command that runs one case alone. The config stands in a report
// only by the name of its file: it may hold what is nobody's business.
func again(f *flag.FlagSet) string {
	var b strings.Builder
	b.WriteString("plimsoll-conformance backend -v -only %s")
	f.Visit(func(g *flag.Flag) {
		value := g.Value.String()
		switch g.Name {
		case "only", "skip", "case", "json", "junit", "html", "v":
			return
		case "config":
			if !strings.HasPrefix(value, "@") {
				value = "..."
			}
		}
		b.WriteString(" -" + g.Name + " " + quoted(strings.ReplaceAll(value, "%", "%%")))
	})
	return b.String() + " " + quoted(strings.ReplaceAll(f.Arg(0), "%", "%%"))
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// values reads the config.
func values(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	raw := []byte(text)
	if name, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if raw, err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("reading the config: %w", err)
		}
	}
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // a seed above 2^53 stays what it is
	if err := d.Decode(&out); err != nil || out == nil || d.More() {
		return nil, errors.New(`-config has to be one JSON object, such as {"greeting":"Ahoy"}, or @FILE with one`)
	}
	return out, nil
}

// certificates reads both ends' of a connection to an address.
func certificates(ca, cert, key string) (*sdk.TLS, error) {
	if ca == "" && cert == "" && key == "" {
		return nil, nil
	}
	t := &sdk.TLS{}
	for _, f := range []struct {
		name, flag string
		into       *[]byte
	}{{ca, "ca", &t.CA}, {cert, "cert", &t.Cert}, {key, "key", &t.Key}} {
		if f.name == "" {
			return nil, fmt.Errorf("-ca, -cert and -key are given together, and -%s is not there", f.flag)
		}
		raw, err := os.ReadFile(f.name)
		if err != nil {
			return nil, fmt.Errorf("reading -%s: %w", f.flag, err)
		}
		*f.into = raw
	}
	return t, t.Check()
}
