package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// envelope is one message as it arrives.
type envelope struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  *string         `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *Answer         `json:"error"`

	over *Over
}

var errShape = errors.New("it is neither a request nor an answer of JSON-RPC 2.0")

// decode reads one message. encoding/json matches member names without regard to
// case, which would let two readers see different messages; such doubles are
// left to the last one here, and never reach a digest, which is taken of bytes.
func decode(data []byte) (*envelope, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	return &e, e.check()
}

func (e *envelope) check() error {
	if e.Version != "2.0" {
		return errShape
	}
	hasID := len(e.ID) > 0 && !bytes.Equal(e.ID, []byte("null"))
	if !hasID {
		e.ID = nil
	}
	if e.Method == nil && (!hasID && e.Error == nil || len(e.Result) == 0 && e.Error == nil && e.over == nil) {
		return errShape
	}
	return nil
}

// number is the id of an answer to one of our requests, which are numbered; some
// servers send numbers back as strings.
func (e *envelope) number() (int64, bool) {
	n, err := strconv.ParseInt(string(bytes.Trim(e.ID, `"`)), 10, 64)
	return n, err == nil
}

type outgoing struct {
	Version string          `json:"jsonrpc"`
	ID      any             `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  any             `json:"result,omitempty"`
	Error   *Answer         `json:"error,omitempty"`
}

func encode(o outgoing) ([]byte, error) {
	o.Version = "2.0"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		return nil, err
	}
	return b.Bytes(), nil // ends in the newline that stdio needs and HTTP does not mind
}

// Names of _meta that belong to the protocol.
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaClient       = "io.modelcontextprotocol/clientInfo"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaLogLevel     = "io.modelcontextprotocol/logLevel"
	metaSubscription = "io.modelcontextprotocol/subscriptionId"
	metaServer       = "io.modelcontextprotocol/serverInfo"
)

// withMeta adds what a revision wants to the params of a request. token is nil
// without progress.
func withMeta(r *Request, c *Config, revision string, token any) (json.RawMessage, error) {
	if token == nil && revision != Stateless {
		if len(r.Params) == 0 {
			return nil, nil
		}
		return r.Params, nil
	}
	params := map[string]json.RawMessage{}
	if len(r.Params) > 0 {
		if err := json.Unmarshal(r.Params, &params); err != nil {
			return nil, err
		}
	}
	meta := map[string]any{}
	if old := params["_meta"]; len(old) > 0 {
		raw := map[string]json.RawMessage{}
		if err := json.Unmarshal(old, &raw); err != nil {
			return nil, err
		}
		for k, v := range raw {
			meta[k] = v
		}
	}
	if token != nil {
		meta["progressToken"] = token
	}
	if revision == Stateless {
		caps := r.Caps
		if len(caps) == 0 {
			caps = c.Capabilities
		}
		meta[metaVersion] = revision
		meta[metaClient] = map[string]string{"name": c.Name, "version": c.Version}
		meta[metaCapabilities] = caps
		if r.LogLevel != "" {
			meta[metaLogLevel] = r.LogLevel
		}
	}
	b, err := marshal(meta)
	if err != nil {
		return nil, err
	}
	params["_meta"] = b
	return marshal(params)
}

func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
