// Package command is the command line of plimsoll-conformance: it reads flags,
// runs a kit and writes its report. It must not decide anything about a case.
//
//	code := command.Run(ctx, os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, version)
//	os.Exit(code) // 0 conformant, 1 not, 2 wrong usage, 11 the kit could not work
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/conformance/adapter"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// Exit codes, those of the plimsoll binary.
const (
	Done     = 0
	Problems = 1
	Usage    = 2
	Internal = 11
)

// Streams are the process's own.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

const usage = `plimsoll-conformance tells whether code does what sdk/ABI.md says, and a backend what
sdk/backend says.

  plimsoll-conformance skill FILE|FOLDER   the code of a skill, as any host may call it
  plimsoll-conformance host -- COMMAND     a host, through an adapter (conformance/host/PROTOCOL.md)
  plimsoll-conformance host -list          the host kit's cases
  plimsoll-conformance host -write FOLDER  the host kit's modules and cases.json
  plimsoll-conformance serve-host          the adapter of this house's own host
  plimsoll-conformance backend TARGET      a model backend: a file, an address, or one inside plimsoll
  plimsoll-conformance backend -list       the backend kit's cases
  plimsoll-conformance verify FILE         whether a JSON report is as the kit wrote it

Flags of skill, host and backend (-h after the name shows all of its own):
`

// Run runs one subcommand and gives the exit code.
func Run(ctx context.Context, args []string, s Streams, version string) int {
	if len(args) == 0 {
		return help(s.Err, Usage)
	}
	var err error
	switch args[0] {
	case "skill":
		return skillCommand(ctx, args[1:], s)
	case "host":
		return hostCommand(ctx, args[1:], s)
	case "backend":
		return backendCommand(ctx, args[1:], s)
	case "serve-host":
		err = serve(ctx, args[1:], s, version)
	case "verify":
		return verify(args[1:], s)
	case "version":
		fmt.Fprintln(s.Out, version)
	case "help", "-h", "-help", "--help":
		return help(s.Out, Done)
	default:
		fmt.Fprintf(s.Err, "there is no subcommand %q\n\n", args[0])
		return help(s.Err, Usage)
	}
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return Internal
	}
	return Done
}

func help(w io.Writer, code int) int {
	fmt.Fprint(w, usage)
	f, _ := kitFlags("skill")
	f.SetOutput(w)
	f.PrintDefaults()
	return code
}

// shared are the flags of every kit.
type shared struct {
	only, skip       string
	json, junit, web string
	verbose          bool
}

func kitFlags(name string) (*flag.FlagSet, *shared) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	o := &shared{}
	f.StringVar(&o.only, "only", "", "only these cases: ids, groups or patterns with *, divided by commas")
	f.StringVar(&o.skip, "skip", "", "switch these cases off; a report with such cases is not conformant")
	f.StringVar(&o.json, "json", "", "write the report as JSON to this file (- is the standard output)")
	f.StringVar(&o.junit, "junit", "", "write the report as JUnit XML to this file")
	f.StringVar(&o.web, "html", "", "write the report as one HTML page to this file")
	f.BoolVar(&o.verbose, "v", false, "say of every case what the specification says and what was seen")
	return f, o
}

func list(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// parse reads flags; ok is false when the command ends here with code.
func parse(f *flag.FlagSet, args []string, s Streams) (code int, ok bool) {
	f.SetOutput(s.Err)
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return Done, false
	case err != nil:
		return Usage, false
	}
	return Done, true
}

// deliver writes the report wherever it was asked for, and gives the exit code.
func deliver(r *report.Report, o *shared, s Streams) int {
	colour := os.Getenv("NO_COLOR") == "" && terminal(s.Out)
	err := errors.Join(
		toFile(o.json, s.Out, r.WriteJSON),
		toFile(o.junit, s.Out, r.WriteJUnit),
		toFile(o.web, s.Out, r.WriteHTML),
	)
	if o.json != "-" && o.junit != "-" && o.web != "-" {
		err = errors.Join(err, r.WriteText(s.Out, report.TextOptions{Colour: colour, Verbose: o.verbose}))
	}
	switch {
	case err != nil:
		fmt.Fprintln(s.Err, err)
		return Internal
	case !r.Conformant():
		return Problems
	}
	return Done
}

func toFile(name string, out io.Writer, write func(io.Writer) error) (err error) {
	switch name {
	case "":
		return nil
	case "-":
		return write(out)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func serve(ctx context.Context, args []string, s Streams, version string) error {
	f := flag.NewFlagSet("serve-host", flag.ContinueOnError)
	cache := f.String("cache", "", "folder of compiled code; without it a folder of its own is used")
	f.SetOutput(s.Err)
	if err := f.Parse(args); err != nil {
		return err
	}
	return adapter.Serve(ctx, s.In, s.Out, adapter.Options{CacheDir: *cache, Version: version})
}

func verify(args []string, s Streams) int {
	if len(args) != 1 {
		fmt.Fprintln(s.Err, "usage: plimsoll-conformance verify FILE")
		return Usage
	}
	f, err := os.Open(args[0])
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return Usage
	}
	defer f.Close()
	r, err := report.Read(f)
	if err != nil {
		fmt.Fprintf(s.Err, "%s: %v\n", args[0], err)
		return Problems
	}
	fmt.Fprintf(s.Out, "%s is as the kit wrote it: %s kit, %s, %s\n%s\n", args[0], r.Kit, r.Subject.Name, r.Result, r.Digest)
	return Done
}
