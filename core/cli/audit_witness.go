package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit/witness"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/spf13/cobra"
)

func (c *command) witnessCommand() *cobra.Command {
	w := group("witness", "Let a second machine vouch that the log only grew",
		c.witnessInit(), c.witnessCosign(), c.witnessServe(), c.witnessRequest(), c.witnessAdd(), c.witnessSubmit())
	w.Long = "A witness on another machine cosigns the log's checkpoints, each after it has checked\nthat the log only grew since the last one. Then not even the holder of the log's key can\nrewrite what was cosigned.\n\nOn the machine of the witness: init, then cosign (files that are carried) or serve (HTTP).\nOn the machine of the log: request and add (files), or submit (HTTP); then\n`plimsoll audit verify --witness KEY`."
	return w
}

func (c *command) witnessInit() *cobra.Command {
	var key, name string
	var logs []string
	cmd := &cobra.Command{
		Use: "init", Short: "Make a witness, or let one watch another log", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if key == "" {
				return usage("--key names the file of the witness's key")
			}
			k, err := witness.Init(c.at(key), name, logs)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"name": k.Name, "key": k.Public()})
			}
			c.say("The witness %s has the key:\n  %s", k.Name, k.Public())
			if len(logs) == 0 {
				c.next("let it watch a log with --log and the line that `plimsoll audit verify` ends with there.")
			} else {
				c.next("give that line to whoever verifies the log: plimsoll audit verify --witness KEY")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "file of the key; its state lies beside it and must never be lost or copied")
	cmd.Flags().StringVar(&name, "name", "", "name of a new witness, such as witness.example.com/audit")
	cmd.Flags().StringArrayVar(&logs, "log", nil, "verifier key of a log to watch; may be repeated")
	return cmd
}

func (c *command) witnessCosign() *cobra.Command {
	var key, request, checkpoint, proof, export, out string
	cmd := &cobra.Command{
		Use: "cosign", Short: "Check a checkpoint and cosign it", Args: cobra.NoArgs,
		Long: "Takes a request (`plimsoll audit witness request`), or a checkpoint with a proof, or a whole\nexport, which needs no proof. What is cosigned goes to --out or to standard output: carry it back\nand give it to `plimsoll audit witness add`.",
		RunE: func(*cobra.Command, []string) error {
			given := 0
			for _, s := range []string{request, checkpoint, export} {
				if s != "" {
					given++
				}
			}
			if key == "" || given != 1 || (proof != "") != (checkpoint != "") {
				return usage("write --key FILE, and --request FILE, or --checkpoint FILE --proof FILE, or --export FOLDER")
			}
			w, err := witness.Open(c.at(key), engine.Now)
			if err != nil {
				return err
			}
			signed, err := c.cosign(w, request, checkpoint, proof, export)
			if err != nil {
				return err
			}
			return c.cosigned(w, signed, out)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "file of the witness's key")
	cmd.Flags().StringVar(&request, "request", "", "file with a request")
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "file with a checkpoint")
	cmd.Flags().StringVar(&proof, "proof", "", "file with the proof for it: \"old N\", then the hashes")
	cmd.Flags().StringVar(&export, "export", "", "folder of `plimsoll audit export`")
	cmd.Flags().StringVar(&out, "out", "", "file for the cosigned checkpoint")
	return cmd
}

// cosign returns the checkpoint with the cosignature.
func (c *command) cosign(w *witness.Witness, request, checkpoint, proof, export string) ([]byte, error) {
	if export != "" {
		signed, line, refusal, err := w.AddExport(c.at(export))
		if err := errors.Join(err, refused(refusal)); err != nil {
			return nil, err
		}
		return witness.Join(signed, line, w.Key())
	}
	var r witness.Request
	if request != "" {
		raw, err := os.ReadFile(c.at(request))
		if err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		if r, err = witness.ParseRequest(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", request, err)
		}
	} else {
		raw, err := os.ReadFile(c.at(proof))
		if err != nil {
			return nil, fmt.Errorf("reading the proof: %w", err)
		}
		if r.Old, r.Proof, err = witness.ParseProof(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", proof, err)
		}
		if r.Checkpoint, err = os.ReadFile(c.at(checkpoint)); err != nil {
			return nil, fmt.Errorf("reading the checkpoint: %w", err)
		}
	}
	line, refusal, err := w.Add(r)
	if err := errors.Join(err, refused(refusal)); err != nil {
		return nil, err
	}
	return witness.Join(r.Checkpoint, line, w.Key())
}

func refused(r *witness.Refusal) error {
	if r == nil {
		return nil
	}
	return fmt.Errorf("not cosigned, %s: %w", r.Reason, r)
}

func (c *command) cosigned(w *witness.Witness, signed []byte, out string) error {
	seen, _, err := witness.Cosigned(signed, w.Key())
	if err != nil {
		return err
	}
	if out != "" {
		if err := atomicfile.Write(c.at(out), signed, 0o644); err != nil {
			return fmt.Errorf("writing the cosigned checkpoint: %w", err)
		}
	}
	if c.json {
		return c.document(map[string]any{"witness": w.Key(), "entries": seen.Size, "time": seen.Time, "checkpoint": string(signed)})
	}
	if out == "" {
		_, err := c.Out.Write(signed)
		return err
	}
	c.say("%s cosigned %s. Written to %s.", seen.Name(), plural(int(seen.Size), "entry", "entries"), c.short(out))
	c.next("carry it to the machine of the log: plimsoll audit witness add --witness %s FILE", w.Key())
	return nil
}

func (c *command) witnessServe() *cobra.Command {
	var key, listen string
	cmd := &cobra.Command{
		Use: "serve", Short: "Cosign over HTTP (c2sp.org/tlog-witness)", Args: cobra.NoArgs,
		Long: "Answers POST /add-checkpoint until it is told to stop. It listens on this machine only: put a\nserver with TLS in front for others.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := netip.ParseAddrPort(listen)
			if key == "" || err != nil || !at.Addr().IsLoopback() {
				return usage("write --key FILE, and --listen with an address of this machine, such as 127.0.0.1:7072")
			}
			w, err := witness.Open(c.at(key), engine.Now)
			if err != nil {
				return err
			}
			return c.serveWitness(cmd.Context(), w, listen)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "file of the witness's key")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:7072", "address on this machine; port 0 takes a free one")
	return cmd
}

func (c *command) serveWitness(ctx context.Context, w *witness.Witness, listen string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listening for requests to the witness: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/add-checkpoint", w.Handler(func(err error) { c.note("%v", err) }))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	c.say("The witness %s answers at http://%s/add-checkpoint", w.Key(), l.Addr())
	select {
	case err := <-ended:
		return fmt.Errorf("serving the witness: %w", err)
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(within); err != nil {
		return fmt.Errorf("stopping the witness: %w", err)
	}
	return nil
}

func (c *command) witnessRequest() *cobra.Command {
	var key, out string
	var old int64
	cmd := &cobra.Command{
		Use: "request", Short: "What to carry to a witness: checkpoint and proof", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error {
				if !cmd.Flags().Changed("old") && key != "" {
					var err error
					if old, err = l.Witnessed(key); err != nil {
						return err
					}
				}
				r, err := l.WitnessRequest(old)
				if err != nil {
					return err
				}
				if out == "" {
					_, err := c.Out.Write(r.Bytes())
					return err
				}
				if err := atomicfile.Write(c.at(out), r.Bytes(), 0o644); err != nil {
					return fmt.Errorf("writing the request: %w", err)
				}
				c.say("Written to %s: the proof from %s on.", c.short(out), plural(int(old), "entry", "entries"))
				c.next("carry it to the witness: plimsoll audit witness cosign --key FILE --request FILE --out FILE")
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&key, "witness", "", "verifier key of the witness: the proof begins at what it cosigned last, as far as is known here")
	cmd.Flags().Int64Var(&old, "old", 0, "where the proof begins, when the witness asks for it")
	cmd.Flags().StringVar(&out, "out", "", "file for the request (default: standard output)")
	return cmd
}

func (c *command) witnessAdd() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "add FILE", Short: "Keep a cosigned checkpoint beside the log", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				return usage("--witness says whose cosignature it is: the verifier key of the witness")
			}
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error {
				raw, err := os.ReadFile(c.at(args[0]))
				if err != nil {
					return fmt.Errorf("reading the cosigned checkpoint: %w", err)
				}
				seen, err := l.KeepCosigned(cmd.Context(), key, raw)
				if err != nil {
					return err
				}
				return c.witnessed(seen)
			})
		},
	}
	cmd.Flags().StringVar(&key, "witness", "", "verifier key of the witness")
	return cmd
}

func (c *command) witnessSubmit() *cobra.Command {
	var key, url string
	cmd := &cobra.Command{
		Use: "submit", Short: "Ask a witness over HTTP and keep its cosignature", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key == "" || url == "" {
				return usage("write --witness with the verifier key of the witness, and --url with where it answers")
			}
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error {
				seen, err := l.Submit(cmd.Context(), url, key)
				if err != nil {
					return err
				}
				return c.witnessed(seen)
			})
		},
	}
	cmd.Flags().StringVar(&key, "witness", "", "verifier key of the witness")
	cmd.Flags().StringVar(&url, "url", "", "where it answers, without /add-checkpoint")
	return cmd
}

func (c *command) witnessed(seen witness.Seen) error {
	if c.json {
		return c.document(map[string]any{"witness": seen.Key, "entries": seen.Size, "time": seen.Time})
	}
	c.say("%s has cosigned %s.", seen.Name(), plural(int(seen.Size), "entry", "entries"))
	c.next("verify with it, from any machine that knows the key: plimsoll audit verify --witness %s", seen.Key)
	return nil
}
