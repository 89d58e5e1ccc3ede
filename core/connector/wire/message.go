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
// without progress. The params are spliced, not decoded: arguments can be large,
// and are written by whoever made them.
func withMeta(r *Request, c *Config, revision string, token any) (json.RawMessage, error) {
	params := bytes.TrimSpace(r.Params)
	meta := map[string]any{}
	for k, v := range r.Meta {
		meta[k] = v
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
	if len(params) == 0 && len(meta) == 0 {
		return nil, nil
	}
	if len(params) == 0 {
		params = []byte("{}")
	}
	if params[0] != '{' || params[len(params)-1] != '}' {
		return nil, errors.New("they are no object")
	}
	if len(meta) == 0 {
		return params, nil
	}
	b, err := marshal(meta)
	if err != nil {
		return nil, err
	}
	rest := bytes.TrimSpace(params[1:])
	out := make([]byte, 0, len(rest)+len(b)+12)
	out = append(append(out, `{"_meta":`...), b...)
	if rest[0] != '}' {
		out = append(out, ',')
	}
	return append(out, rest...), nil
}

// encodeCall writes a request; params are valid JSON already. A message is one
// line, so line breaks between their members go.
func encodeCall(id int64, method string, params json.RawMessage) ([]byte, error) {
	name, err := json.Marshal(method)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(params)+len(method)+64)
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(append(b, `,"method":`...), name...)
	if len(params) > 0 {
		b = append(b, `,"params":`...)
		if bytes.IndexByte(params, '\n') >= 0 || bytes.IndexByte(params, '\r') >= 0 {
			w := bytes.NewBuffer(b)
			if err := json.Compact(w, params); err != nil {
				return nil, err
			}
			b = w.Bytes()
		} else {
			b = append(b, params...)
		}
	}
	return append(b, '}', '\n'), nil
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
