package suite

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

var replyMembers = []string{"op", "asks", "contains", "completion", "answer", "error"}

// host reads what the host answers in op run.
func (r *reader) host(c *Case, n *node) {
	if n.kind != '[' {
		r.bad(n.span, "case-type", "Wrong type", `host is a list of the calls that the code makes, in order, such as [{"op": "model.generate", "completion": "Hello"}].`)
		return
	}
	for _, item := range n.items {
		c.Host = append(c.Host, r.reply(item))
	}
}

func (r *reader) reply(n *node) reply {
	out := reply{at: n.span}
	answers := 0
	for _, m := range n.members {
		switch m.name {
		case "op":
			op, ok := abi.ParseHostOp(r.string(m.value, "op"))
			if !ok {
				r.bad(m.value.span, "case-op", "Unknown op", "%q is no call to a host.%s The calls are %s.", m.value.text, diag.DidYouMean(m.value.text, abi.Capabilities()), strings.Join(abi.Capabilities(), ", "))
			}
			out.op = op
		case "asks":
			out.asks = &value{r.json(m.value, "asks"), m.value.span}
		case "contains":
			out.contains = r.several(m.value)
		case "answer":
			out.answer = r.json(m.value, "answer")
			answers++
		case "completion":
			out.answer = r.completion(m.value)
			answers++
		case "error":
			out.failure = r.hostFailure(m.value)
			answers++
		default:
			r.bad(m.at, "case-member", "Unknown member", "A call to the host has no member %q.%s It may have: %s.", m.name, diag.DidYouMean(m.name, replyMembers), strings.Join(replyMembers, ", "))
		}
	}
	if n.kind != '{' || n.get("op") == nil || answers != 1 {
		r.bad(n.span, "case-host", "Host call is not complete", "A call to the host names its op and has one of completion (of model.generate), answer and error.")
	}
	return out
}

func (r *reader) completion(n *node) json.RawMessage {
	raw, err := json.Marshal(abi.GenerateOutput{Completion: r.lines(n, "completion").text})
	if err != nil {
		r.bad(n.span, "case-type", "Wrong type", "completion cannot be written as JSON: %v.", err)
	}
	return raw
}

func (r *reader) hostFailure(n *node) *abi.Failure {
	var f abi.Failure
	for _, m := range n.members {
		switch m.name {
		case "code":
			f.Code = r.string(m.value, "code")
		case "message":
			f.Message = r.string(m.value, "message")
		case "retryable":
			f.Retryable = r.bool(m.value, "retryable")
		default:
			r.bad(m.at, "case-member", "Unknown member", "An error of the host has no member %q. It has: code, message, retryable.", m.name)
		}
	}
	if f.Code == "" {
		r.bad(n.span, "case-host", "Host call is not complete", `An error of the host names its code: {"code": "unavailable", "message": "..."}.`)
	}
	return &f
}

// answers plays the host of a case, and notes every call that is not the one
// foreseen.
type answers struct {
	*runner
	next int
}

func (h *answers) call(op abi.HostOp, payload []byte) ([]byte, error) {
	if h.next == len(h.Host) {
		h.problem(span{}, "case-host", "Another host call", "The code calls %s, and the case foresees %d calls only. It asks:", op, len(h.Host)).Diff = indented(payload)
		return nil, unforeseen(op)
	}
	want := h.Host[h.next]
	h.next++
	if want.op != op {
		h.problem(want.at, "case-host", "Another host call", "Here %s was foreseen, and the code calls %s. It asks:", want.op, op).Diff = indented(payload)
		return nil, unforeseen(op)
	}
	if want.asks != nil {
		if got, err := canonjson.Transform(payload); err != nil {
			h.problem(want.at, "case-host", "Another host call", "What the code asks has no canonical form: %v.", err)
		} else {
			h.same("asks", *want.asks, got)
		}
	}
	for _, part := range want.contains {
		// Compared as it travels: quotes and line feeds of a prompt are escaped there.
		quotedPart, err := quoted(part.text)
		if err != nil || !strings.Contains(string(payload), strings.Trim(quotedPart, `"`)) {
			h.problem(part.at, "case-contains", "Text is missing", "%q does not occur in what the code asks:", part.text).Diff = indented(payload)
		}
	}
	if want.failure != nil {
		return nil, want.failure
	}
	return want.answer, nil
}

func unforeseen(op abi.HostOp) error {
	return &abi.Failure{Code: "unavailable", Message: fmt.Sprintf("this test foresees no call of %s here", op)}
}

// end notes calls that did not come.
func (h *answers) end() {
	for _, want := range h.Host[h.next:] {
		h.problem(want.at, "case-host", "Host call did not come", "%s was foreseen here, and the code did not call it.", want.op)
	}
}
