package backend

import (
	"bufio"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// process is the target, started as a host starts it. The kit does not use the
// library that the host uses: that would forgive the same things.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser // the life line
	said   *tail          // what it printed to stderr
	line   handshake
	tls    sdk.TLS
	dir    string // of its sockets
	exited chan struct{}
}

// handshake is the line with which a backend begins:
// core protocol | protocol | network | address | "grpc" | certificate
type handshake struct {
	text        string
	protocol    int
	network     string
	address     string
	certificate string // base64 of DER, without padding
}

// startOptions say how a start differs from a host's.
type startOptions struct {
	noCookie bool
	env      []string // besides what is declared
	versions string   // of the protocol that are offered; "" is ours
}

// maxLine bounds the handshake: a certificate has about 1 KiB.
const maxLine = 64 << 10

// socketDir begins the name of a folder of sockets. The whole path has to be
// short: a socket's name has 103 bytes on some systems.
const socketDir = sdk.SocketDirPrefix

// launch starts the program and reads nothing yet.
func (k *kit) launch(o startOptions) (*process, *os.File, error) {
	env, err := k.environment()
	if err != nil {
		return nil, nil, err
	}
	p := &process{said: &tail{}, exited: make(chan struct{})}
	if p.tls, err = k.authority.Issue("plimsoll"); err != nil {
		return nil, nil, err
	}
	if p.dir, err = os.MkdirTemp(k.dir, "plugin-dir"); err != nil {
		return nil, nil, err
	}
	cookie := sdk.Handshake()
	if !o.noCookie {
		env = append(env, cookie.MagicCookieKey+"="+cookie.MagicCookieValue)
	}
	if o.versions == "" {
		o.versions = strconv.Itoa(sdk.ProtocolVersion)
	}
	env = append(env, "PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000", "PLUGIN_PROTOCOL_VERSIONS="+o.versions,
		"PLUGIN_CLIENT_CERT="+string(p.tls.CA), "PLUGIN_UNIX_SOCKET_DIR="+p.dir)
	command := k.o.Target.Command
	p.cmd = exec.CommandContext(k.ctx, command[0], command[1:]...)
	p.cmd.Env = append(env, o.env...)
	p.cmd.Stderr = p.said
	p.cmd.WaitDelay = time.Second
	alone(p.cmd)
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	p.cmd.Stdout = write
	err = p.cmd.Start()
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return nil, nil, fmt.Errorf("it cannot be started: %w", err)
	}
	k.started = append(k.started, p)
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	return p, read, nil
}

// start starts the program and waits for its handshake.
func (k *kit) start(o startOptions) (*process, error) {
	p, out, err := k.launch(o)
	if err != nil {
		return nil, err
	}
	lines := make(chan string, 1)
	go func() {
		defer out.Close()
		in := bufio.NewReaderSize(out, maxLine)
		first, err := in.ReadSlice('\n') // a line that does not end is none
		if err != nil && len(first) == 0 {
			close(lines)
			return
		}
		lines <- string(first)
		_, _ = io.Copy(io.Discard, in)
	}()
	select {
	case line, ok := <-lines:
		if !ok {
			p.waits(time.Second)
			err = fmt.Errorf("it ended before its handshake (%s)%s", p.state(), p.said.quoted())
		} else {
			p.line, err = parseHandshake(line)
		}
	case <-time.After(k.o.Timeout):
		err = fmt.Errorf("it printed no handshake in %s%s", k.o.Timeout, p.said.quoted())
	}
	if err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// parseHandshake reads the line. Its fields are go-plugin's, with which the host
// launches: specified there in docs/guide-plugin-write-non-go.md.
func parseHandshake(line string) (handshake, error) {
	h := handshake{text: strings.TrimSpace(line)}
	f := strings.Split(h.text, "|")
	wrong := func(why string) (handshake, error) {
		return h, fmt.Errorf("its first line on stdout is no handshake (%s): %.120q", why, h.text)
	}
	if len(f) < 5 {
		return wrong("want 1|PROTOCOL|NETWORK|ADDRESS|grpc|CERTIFICATE")
	}
	version, err := strconv.Atoi(f[1])
	switch {
	case f[0] != "1":
		return wrong("the first field is not 1")
	case err != nil:
		return wrong("the protocol version is no number")
	case f[2] != "unix" && f[2] != "tcp":
		return wrong("the network is neither unix nor tcp")
	case f[4] != "grpc":
		return wrong("the fifth field is not grpc")
	}
	h.protocol, h.network, h.address = version, f[2], f[3]
	if len(f) > 5 {
		h.certificate = f[5]
	}
	return h, nil
}

// dialled is the address and the certificates with which it is reached.
func (p *process) dialled() (string, *sdk.TLS, error) {
	der, err := base64.RawStdEncoding.DecodeString(p.line.certificate)
	if err != nil || len(der) == 0 {
		return "", nil, fmt.Errorf("its handshake shows no certificate: %.120q", p.line.text)
	}
	t := p.tls
	t.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return p.address(), &t, nil
}

func (p *process) address() string {
	if p.line.network == "unix" {
		return "unix://" + p.line.address
	}
	// Its certificate is for localhost, whatever number it printed.
	_, port, _ := strings.Cut(p.line.address, ":")
	return "localhost:" + port
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) kill() {
	end(p.cmd)
	p.waits(5 * time.Second)
	_ = p.stdin.Close()
	_ = os.RemoveAll(p.dir)
}

// waits tells whether the process ends within d.
func (p *process) waits(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// state is how it ended.
func (p *process) state() string {
	if p.alive() {
		return "still running"
	}
	return p.cmd.ProcessState.String()
}

// left are the files in its folder of sockets.
func (p *process) left() []string {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		out = append(out, filepath.Base(e.Name()))
	}
	return out
}

// environment is what a host would hand over: the declared variables, and one
// more that nobody declared, which no backend may show to anybody.
func (k *kit) environment() ([]string, error) {
	env := append(systemEnv(), canaryName+"="+k.canary)
	for _, name := range k.o.Env {
		value, ok := k.o.LookupEnv(name)
		if !ok {
			return nil, fmt.Errorf("the variable %s is not set", name)
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}

// canaryName is a variable whose value is a secret of this run.
const canaryName = "PLIMSOLL_CONFORMANCE_CANARY"
