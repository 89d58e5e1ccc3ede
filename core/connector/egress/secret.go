package egress

import (
	"io"
	"os"
	"strings"
)

// secretLimit is how long a header's value may be.
const secretLimit = 16 << 10

func (h Header) check() error {
	set := 0
	for _, s := range []string{h.Env, h.File, h.Value} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		return refuse("secret", "header %q needs exactly one of env, file and value", h.Name)
	}
	for i := range len(h.Name) {
		c := h.Name[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return refuse("secret", "header %q: that is no name of a header", h.Name)
		}
	}
	switch strings.ToLower(h.Name) {
	case "", "host", "content-length", "transfer-encoding", "connection", "upgrade", "trailer", "te":
		return refuse("secret", "header %q belongs to HTTP itself and cannot be set", h.Name)
	}
	return nil
}

// read is the header's value now. Errors name the reference, never the value.
func (h Header) read(lookup func(string) (string, bool)) (string, error) {
	value := h.Value
	switch {
	case h.Env != "":
		if lookup == nil {
			lookup = os.LookupEnv
		}
		v, ok := lookup(h.Env)
		if !ok || v == "" {
			return "", refuse("secret", "header %s needs the variable %s, which is not set: set it for the process that runs Plimsoll", h.Name, h.Env)
		}
		value = v
	case h.File != "":
		f, err := os.Open(h.File)
		if err != nil {
			return "", refuse("secret", "header %s: %v", h.Name, err)
		}
		b, err := io.ReadAll(io.LimitReader(f, secretLimit+1))
		_ = f.Close()
		if err != nil || len(b) > secretLimit {
			return "", refuse("secret", "header %s: %s cannot be read, or has more than %d bytes", h.Name, h.File, secretLimit)
		}
		value = strings.TrimSpace(string(b))
		if value == "" {
			return "", refuse("secret", "header %s: %s is empty", h.Name, h.File)
		}
	}
	for i := range len(value) {
		if c := value[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return "", refuse("secret", "header %s: its value holds a line break or a control character", h.Name)
		}
	}
	return h.Prefix + value, nil
}

// Mask hides the values of secret headers in a text, as they are now.
func Mask(headers []Header, lookup func(string) (string, bool), text string) string {
	for _, h := range headers {
		if h.Value != "" {
			continue
		}
		full, err := h.read(lookup)
		if value := strings.TrimPrefix(full, h.Prefix); err == nil && len(value) >= 4 {
			text = strings.ReplaceAll(text, value, "["+h.Name+"]")
		}
	}
	return text
}
