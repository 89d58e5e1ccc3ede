package sandbox

import (
	"context"
	"errors"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// TestScriptCannotReenter: a host call looks at values that the script passes,
// and must not run what the script put into them: code that asks the host again
// from there wrote over the engine's stack and ended the process (2026-11).
func TestScriptCannotReenter(t *testing.T) {
	for name, body := range map[string]string{
		"a text":          `let n = 0; const evil = { toString() { if (n++ < 50) __plimsoll_host(0, evil); return "{}" } }; __plimsoll_host(0, evil); return n`,
		"a number":        `let n = 0; const evil = { valueOf() { if (n++ < 50) __plimsoll_host(evil, "{}"); return 0 } }; __plimsoll_host(evil, "{}"); return n`,
		"a symbol":        `__plimsoll_host(0, Symbol("x"))`,
		"a big one":       `__plimsoll_host(0n, "{}")`,
		"a line":          `let n = 0; const evil = { toString() { if (n++ < 50) console.log("x"); return "s" } }; Array.prototype.join = () => evil; console.log("a"); return n`,
		"a line of lines": `let n = 0; const evil = { toString() { if (n++ < 50) console.log("x"); return "s" } }; Array.prototype.map = () => ({ join: () => evil }); console.log("a"); return n`,
		"by a call site": `let native; Error.prepareStackTrace = (e, sites) => { native ??= sites.map((s) => s.getFunction?.()).find((f) => f?.name === "plimsoll"); return "" };
			let n = 0; const look = { toString() { new Error("x").stack; return "{}" } }; __plimsoll_host(0, look); __plimsoll_host(look, "{}");
			console.log(look); console.log({ toJSON() { look.toString() } });
			const evil = { toString() { if (n++ < 50) native(2, 0, evil); return "{}" }, valueOf() { return this.toString() } };
			if (native) native(evil, evil, evil);
			return native === undefined`,
	} {
		t.Run(name, func(t *testing.T) {
			a := admitScript(t, "export default skill({ async finish(input) { if (input.quiet) return 1; "+body+" } });")
			for range 3 {
				raw, err := a.Call(context.Background(), abi.OpFinish, []byte(finishNothing), CallOptions{})
				var e *Error
				if err != nil && !errors.As(err, &e) {
					t.Errorf("the error is none of the sandbox's: %v", err)
				}
				t.Logf("%s %v", raw, err)
				if raw, err = a.Call(context.Background(), abi.OpFinish, []byte(`{"input":{"quiet":true},"completion":""}`), CallOptions{}); err != nil || string(raw) != `{"output":1}` {
					t.Errorf("the call behind it: %s %v", raw, err)
				}
			}
		})
	}
}
