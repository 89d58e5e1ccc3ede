package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Run is the whole program: it reads the command line, writes the logs of a
// start to stderr, listens, and serves until ctx ends. It returns the exit code:
// that of a known failure, 2 for a command line that cannot be understood.
//
// Once it listens it writes a line `Uvicorn running on http://HOST:PORT` to
// stderr, as vLLM does; with --port 0 that is where the port can be read.
func Run(ctx context.Context, args, env []string, stdout, stderr io.Writer) int {
	l, err := ParseArgs(args, env)
	if err != nil {
		fmt.Fprintf(stderr, "fake-engine: error: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nfake-engine: error: "))
		return 2
	}
	if l.version {
		fmt.Fprintln(stdout, l.script.Version)
		return 0
	}
	if l.print {
		raw, err := json.MarshalIndent(l, "", "  ")
		if err != nil {
			fmt.Fprintln(stderr, "fake-engine: error:", err)
			return 1
		}
		fmt.Fprintf(stdout, "%s\n", raw)
		return 0
	}
	say := func(lines ...string) {
		r := strings.NewReplacer("{model}", l.Model, "{port}", strconv.Itoa(l.Port))
		for _, line := range lines {
			fmt.Fprintln(stderr, r.Replace(line))
		}
	}
	say("(APIServer pid=101) INFO [api_server.py:1896] vLLM API server version "+l.script.Version+" (simulated by Plimsoll's fake engine)",
		"(APIServer pid=101) INFO [utils.py:233] non-default args: "+strings.Join(l.Args, " "))
	if code, over := start(ctx, l, say); over {
		return code
	}
	return serve(ctx, l, say)
}

// start takes its time, warns, and fails where the script says so.
func start(ctx context.Context, l Launch, say func(...string)) (code int, over bool) {
	s := l.script.Start
	for _, w := range s.Warn {
		say(known(w).Log...)
	}
	if s.After > 0 {
		say("(EngineCore_DP0 pid=202) INFO [gpu_model_runner.py:2602] Starting to load model {model}...")
		if !sleep(ctx, time.Duration(s.After)) && !s.Deaf {
			return 143, true
		}
	}
	if s.Fail == "" {
		return 0, false
	}
	f := known(s.Fail)
	say(f.Log...)
	if !f.Hang {
		return f.Exit, true
	}
	<-ctx.Done()
	if s.Deaf {
		select {}
	}
	return 143, true
}

// serve listens and answers until it is told to stop or dies.
func serve(ctx context.Context, l Launch, say func(...string)) int {
	at, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(l.Host, strconv.Itoa(l.Port)))
	if err != nil {
		if strings.Contains(err.Error(), "in use") {
			say(known("port-in-use").Log...)
			return 1
		}
		say("(APIServer pid=101) OSError: " + err.Error())
		return 1
	}
	dead := make(chan struct{}, 1)
	e := New(l, func() {
		select {
		case dead <- struct{}{}:
		default:
		}
	})
	server := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(at) }()
	say("(APIServer pid=101) INFO:     Application startup complete.", "(APIServer pid=101) INFO:     Uvicorn running on http://"+at.Addr().String()+" (Press CTRL+C to quit)")
	var old <-chan time.Time
	if d := l.script.Start.Die; d > 0 {
		old = time.After(time.Duration(d))
	}
	stop := ctx.Done()
	if l.script.Start.Deaf {
		stop = nil
	}
	select {
	case <-stop:
		say("(APIServer pid=101) INFO:     Shutting down")
		end, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		if server.Shutdown(end) != nil {
			server.Close()
		}
		return 0
	case <-old:
	case <-dead:
	case err := <-failed:
		if !errors.Is(err, http.ErrServerClosed) {
			say("(APIServer pid=101) ERROR: " + err.Error())
		}
	}
	say(died...)
	server.Close()
	return 1
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
