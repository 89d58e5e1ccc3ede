package backend

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"google.golang.org/grpc"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/authority"
	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// kit is one backend under test.
type kit struct {
	ctx       context.Context
	o         Options
	authority *authority.Authority
	dir       string // of sockets
	canary    string
	config    []byte

	started []*process // all of them, to end with
	shared  *session   // configured, for all cases that change nothing
	failed  error      // why there is no shared session
	asked   bool       // it was tried to have one
	desc    *pb.DescribeResponse

	first   *call // the answer to a plain request; nil before it is asked
	sampled bool
	calls   []*account // every call of the run
	errors  []*fault   // every typed error of the run
	leaks   []string   // where a secret was seen
	secrets map[string]string
}

// fault is a typed error, and what it answered.
type fault struct {
	of    string
	error *pb.Error
}

// session is a connection to a backend.
type session struct {
	process *process // nil at an address
	conn    *grpc.ClientConn
	model   pb.ModelClient
}

func newKit(ctx context.Context, o Options) (*kit, error) {
	if err := o.Target.check(); err != nil {
		return nil, err
	}
	k := &kit{ctx: ctx, o: o, canary: "canary-" + rand.Text(), secrets: map[string]string{}}
	k.secrets[canaryName] = k.canary
	for _, name := range o.Env {
		value, ok := o.LookupEnv(name)
		if !ok {
			return nil, fmt.Errorf("the variable %s is not set; set it, or take it out of -env", name)
		}
		if secret(name) && len(value) >= 8 {
			k.secrets[name] = value
		}
	}
	config := o.Config
	if config == nil {
		config = map[string]any{}
	}
	var err error
	if k.config, err = json.Marshal(config); err != nil {
		return nil, fmt.Errorf("the config cannot be made JSON: %w", err)
	}
	if k.authority, err = authority.New(); err != nil {
		return nil, err
	}
	base := ""
	if runtime.GOOS != "windows" && len(os.TempDir()) > 40 {
		base = "/tmp" // a socket's path has about 100 bytes at most
	}
	if k.dir, err = os.MkdirTemp(base, socketDir); err != nil {
		return nil, err
	}
	return k, nil
}

// secret tells by its name whether a variable's value may be shown: an address
// may stand in an error, a key may not.
func secret(name string) bool {
	name = strings.ToUpper(name)
	for _, word := range []string{"KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// close ends everything that was started and looks at what it printed.
func (k *kit) close() {
	if k.shared != nil {
		_ = k.shared.conn.Close()
	}
	for _, p := range k.started {
		p.kill()
	}
	_ = os.RemoveAll(k.dir)
}

// open starts one more process, or connects once more, and configures nothing.
func (k *kit) open(o startOptions) (*session, error) {
	address, t := k.o.Target.Address, k.o.Target.TLS
	s := &session{}
	var err error
	if address == "" {
		if s.process, err = k.start(o); err != nil {
			return nil, err
		}
		if address, t, err = s.process.dialled(); err != nil {
			s.process.kill()
			return nil, err
		}
	}
	if s.conn, err = sdk.Dial(address, t); err != nil {
		s.close()
		return nil, err
	}
	s.model = pb.NewModelClient(s.conn)
	return s, nil
}

// configured is open and Configure.
func (k *kit) configured(o startOptions) (*session, error) {
	s, err := k.open(o)
	if err != nil {
		return nil, err
	}
	if err := k.configure(s, k.config); err != nil {
		err = fmt.Errorf("it refuses its config: %w%s", err, s.dead())
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
	if s.process != nil {
		s.process.kill()
	}
}

// dead is a part of a sentence: that the process has ended by itself, and how;
// empty while it lives.
func (s *session) dead() string {
	if s.process == nil || !s.process.waits(300*time.Millisecond) {
		return ""
	}
	return fmt.Sprintf("; the process ended by itself (%s)%s", s.process.state(), s.process.said.quoted())
}

// refusal is a Configure that was answered with a typed error.
type refusal struct{ e *pb.Error }

func (r refusal) Error() string { return r.e.GetCode() + ": " + r.e.GetMessage() }

func (k *kit) configure(s *session, config []byte) error {
	ctx, cancel := context.WithTimeout(k.ctx, k.o.Timeout)
	defer cancel()
	answer, err := s.model.Configure(ctx, &pb.ConfigureRequest{ConfigJson: config})
	if err != nil {
		return err
	}
	if e := answer.GetError(); e != nil {
		k.errors = append(k.errors, &fault{"a config", e})
		k.look("the refusal of a config", e.GetMessage())
		return refusal{e}
	}
	return nil
}

func (k *kit) describe(s *session) (*pb.DescribeResponse, error) {
	ctx, cancel := context.WithTimeout(k.ctx, k.o.Timeout)
	defer cancel()
	d, err := s.model.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, s.dead())
	}
	k.look("its description", d.String())
	return d, nil
}

// session is the shared one, started anew when the last case ended it.
func (k *kit) session() (*session, error) {
	if k.shared != nil && (k.shared.process == nil || k.shared.process.alive()) {
		return k.shared, nil
	}
	if k.asked && k.failed != nil {
		return nil, k.failed
	}
	if k.shared != nil {
		k.shared.close()
		k.shared = nil
	}
	k.asked = true
	s, err := k.configured(startOptions{})
	if err == nil {
		var d *pb.DescribeResponse
		if d, err = k.describe(s); err == nil {
			k.desc = d
		} else {
			s.close()
		}
	}
	if err != nil {
		k.failed = err
		return nil, err
	}
	k.shared = s
	return s, nil
}

// down is why the backend cannot be asked.
func (k *kit) down() error {
	_, err := k.session()
	return err
}

// model is the id that is asked.
func (k *kit) model() string {
	if k.o.Model != "" {
		return k.o.Model
	}
	if models := k.desc.GetModels(); len(models) > 0 {
		return models[0].GetId()
	}
	return "conformance"
}

// look notes where a secret is seen.
func (k *kit) look(where string, texts ...string) {
	for name, value := range k.secrets {
		for _, t := range texts {
			if strings.Contains(t, value) {
				k.leaks = append(k.leaks, fmt.Sprintf("%s shows the value of %s", where, name))
			}
		}
	}
}

// patience is a bound of time, with the slack of this run.
func (k *kit) patience(d time.Duration) time.Duration { return d + k.o.Slack }

func (k *kit) facts() map[string]string {
	facts := map[string]string{"model": k.o.Model}
	if k.desc != nil {
		facts["backend"] = strings.TrimSpace(k.desc.GetName() + " " + k.desc.GetVersion())
		facts["model"] = k.model()
		facts["simulated"] = fmt.Sprint(k.desc.GetSimulated())
	}
	return facts
}
