package script

import (
	"testing"
	"testing/fstest"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

func TestFirst(t *testing.T) {
	p, err := Bundle(fstest.MapFS{"skill.ts": {Data: []byte(`
import { skill, user } from "@plimsoll/skill";
interface In { text: string }
let n: number = 0;
export default skill<In, string>({
  name: "a",
  prepare: async (input, turn) => { await null; console.log("hi", {a: 1}, Math.random(), Date.now()); return [user(input.text + turn.step + (++n))]; },
  finish(input, answer) {
    const deep = (x: number): number => deep(x + 1) + 1;
    if (answer.completion === "deep") return String(deep(1));
    return input.foo.bar;
  },
  check: { net: () => fetch("x") },
});
`)}}, "skill.ts")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(p.Code[len(p.Code)-800:]))
	l, err := load(t, p)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(len(l.saved))
	fmt.Println(l.call(t, abi.OpDescribe, "{}"))
	for range 2 {
		fmt.Println(l.call(t, abi.OpPrepare, `{"input":{"text":"ü"},"step":"main"}`))
	}
	fmt.Println(l.host.log)
	fmt.Println(l.call(t, abi.OpFinish, `{"input":{"text":"ü"},"completion":"main"}`))
	fmt.Println(l.call(t, abi.OpFinish, `{"input":{"text":"ü"},"completion":"deep"}`))
	fmt.Println(l.call(t, abi.OpCheck, `{"input":{"text":"ü"},"output":1,"gate":"net"}`))
}
