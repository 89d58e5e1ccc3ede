package sandbox

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// checkText lets only text out that every JSON reader understands in the same
// way: UTF-8, JSON, and no escape of half a surrogate pair, which readers
// replace, keep or refuse as they like.
func checkText(op abi.Op, raw []byte) error {
	switch {
	case !utf8.Valid(raw):
		return fail(abi.UTF8, fmt.Sprintf("the answer to %s is not UTF-8", op))
	case !json.Valid(raw):
		return fail(abi.Protocol, fmt.Sprintf("the answer to %s is not JSON: %s", op, clip(string(raw), 80)))
	case loneSurrogate(raw):
		return fail(abi.UTF8, fmt.Sprintf("the answer to %s escapes half of a surrogate pair", op))
	}
	return nil
}

// checkAnswer holds an answer to everything that stands between a guest and its
// caller. What is all right, as nearly all answers are, is read once, by scan;
// the rest is read again to say what is wrong.
func checkAnswer(op abi.Op, raw []byte, failed bool) error {
	well, output := scan(raw)
	if !well {
		if err := checkText(op, raw); err != nil {
			return err
		}
	}
	if failed {
		return guestError(op, raw)
	}
	if well && output && (op == abi.OpFinish || op == abi.OpRun) {
		return nil
	}
	if err := abi.CheckAnswer(op, raw); err != nil {
		return fail(abi.Schema, fmt.Sprintf("the answer to %s does not have its shape: %v", op, err))
	}
	return nil
}

// loneSurrogate looks for \uD800..\uDFFF that is not one half of a pair, in
// valid JSON.
func loneSurrogate(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++ // what is escaped; valid JSON does not end here
		if raw[i] != 'u' {
			continue
		}
		switch unit := hex4(raw[i+1 : i+5]); {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			rest := raw[i+5:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
				return true
			}
			if low := hex4(rest[2:6]); low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 10
		default:
			i += 4
		}
	}
	return false
}

func hex4(b []byte) (v int) {
	for _, c := range b {
		switch {
		case c <= '9':
			v = v<<4 | int(c-'0')
		case c <= 'F':
			v = v<<4 | int(c-'A'+10)
		default:
			v = v<<4 | int(c-'a'+10)
		}
	}
	return v
}
