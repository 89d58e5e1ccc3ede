package host

import (
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
)

// outputCases are answers that may not leave the sandbox, and some that must.
func outputCases() []Case {
	at := func(ptr, n uint32) asm.Guest { return calling(asm.Const64(asm.Pack(ptr, n, false))) }
	says := func(answer string) asm.Guest {
		g := guest()
		// Long answers do not fit below the input: they lie behind it.
		g.Data = [][]byte{cat(0, asm.Const32(asm.Scratch), asm.End, answer)}
		g.Min = uint64(len(answer)>>16) + 2
		g.Call = packed(asm.Scratch, len(answer), false)
		return g
	}
	fails := func(answer string) asm.Guest {
		g := guest()
		g.Answer, g.Failed = answer, true
		return g
	}
	atEnd := func(answer string, extra int) asm.Guest {
		g := guest()
		begin := 2<<16 - len(answer)
		g.Data = [][]byte{cat(0, asm.Const32(int32(begin)), asm.End, answer)}
		g.Call = packed(begin+extra, len(answer), false)
		return g
	}
	const size = 2 << 16
	protocol, schema, text := refused("protocol"), refused("schema"), refused("utf8")
	nested := func(n int) string {
		return `{"output":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	quoted := func(s string) string { return `{"output":"` + s + `"}` }

	out := drafts(saysOutputIn, sectionCall, doOutput, []draft{
		{id: "output.zero", title: "the answer 0", guest: calling(asm.Const64(0)), expect: protocol, twice: true},
		{id: "output.length_zero", title: "an answer of no bytes", guest: at(4096, 0), expect: protocol},
		{id: "output.outside", title: "an answer at the end of 4 GiB", guest: at(0xfffffff0, 50), expect: protocol},
		{id: "output.wraps", title: "an answer that wraps around 4 GiB", guest: at(0xffffffff, 2), expect: protocol},
		{id: "output.size_zero", title: "an answer of no bytes, right behind memory", guest: at(size, 0), expect: protocol},
		{id: "output.across_end", title: "an answer that ends one byte behind memory", guest: atEnd(okAnswer, 1), expect: protocol},
		{id: "output.last_byte", title: "an answer that ends with the last byte of memory", guest: atEnd(okAnswer, 0), expect: answers(okAnswer)},
		{id: "output.one_byte", title: "an answer of one byte, the last", guest: at(size-1, 1), expect: protocol},
		{id: "output.gibibyte", title: "an answer that is said to be 1 GiB", guest: at(4096, 1<<30), expect: refused("output_limit", "protocol")},
		{id: "output.longest", title: "an answer of 2^31-1 bytes", guest: at(1, 1<<31-1), expect: refused("output_limit", "protocol")},
		{id: "output.all_bits", title: "an answer of -1: an error of 2^31-1 bytes at the end of 4 GiB", guest: calling(asm.Const64(-1)), expect: refused("output_limit", "protocol")},
		{id: "output.limit_plus_one", title: "an answer of one byte more than the limit", guest: says(quoted(strings.Repeat("x", 64<<10-len(quoted(""))+1))), expect: refused("output_limit")},
		{id: "output.limit", title: "an answer of as many bytes as the limit", guest: says(quoted(strings.Repeat("x", 64<<10-len(quoted(""))))), expect: Expect{OK: true}},
		{id: "output.invalid_utf8", title: "a byte that UTF-8 does not have", guest: says(quoted("\xff")), expect: text},
		{id: "output.overlong", title: "an overlong slash", guest: says(quoted("\xc0\xaf")), expect: text},
		{id: "output.surrogate_bytes", title: "half a surrogate pair as three bytes", guest: says(quoted("\xed\xa0\x80")), expect: text},
		{id: "output.beyond_unicode", title: "a code point beyond Unicode", guest: says(quoted("\xf4\x90\x80\x80")), expect: text},
		{id: "output.cut_utf8", title: "a character that is cut off", guest: says(`{"output":"` + "\xe2\x82"), expect: refused("utf8", "protocol")},
		{id: "output.high_surrogate", title: "an escaped high surrogate alone", guest: says(quoted(`\ud800`)), expect: text},
		{id: "output.low_surrogate", title: "an escaped low surrogate alone, behind an escaped backslash", guest: says(quoted(`\\\udc00`)), expect: text},
		{id: "output.wrong_pair", title: "an escaped high surrogate and a letter", guest: says(quoted(`\ud83d\u0041`)), expect: text},
		{id: "output.key_surrogate", title: "half a surrogate pair in a member's name", guest: says(`{"output":{"\udfff":1}}`), expect: text},
		{id: "output.pair", title: "an escaped pair, and text that looks like half of one", guest: says(quoted(`\ud83d\ude00 \\ud800 é`)), expect: answers(quoted(`\ud83d\ude00 \\ud800 é`))},
		{id: "output.no_json", title: "no JSON", guest: says(`{"output":`), expect: protocol},
		{id: "output.nan", title: "NaN", guest: says(`{"output":NaN}`), expect: protocol},
		{id: "output.two_values", title: "two values", guest: says(okAnswer + okAnswer), expect: protocol},
		{id: "output.trailing_nul", title: "JSON and a NUL", guest: says(okAnswer + "\x00"), expect: protocol},
		{id: "output.bom", title: "JSON behind a byte order mark", guest: says("\ufeff" + okAnswer), expect: protocol},
		{id: "output.control", title: "a bare control character in a string", guest: says(quoted("\x01")), expect: protocol},
		{id: "output.deep", title: "30,000 arrays inside of each other", guest: says(nested(30_000)), expect: either("protocol", "schema")},
		{id: "output.deep_open", title: "60,000 brackets that are never closed", guest: says(strings.Repeat("[", 60_000)), expect: refused("protocol", "schema")},
		{id: "output.huge_number", title: "a number of 60,000 digits", guest: says(`{"output":` + strings.Repeat("9", 60_000) + `}`), expect: either("protocol", "schema")},
		{id: "output.array", title: "an array where an object belongs", guest: says(`[1]`), expect: schema},
		{id: "output.wrong_shape", title: "the answer of another op", guest: says(okText), expect: schema},
		{id: "output.null", title: "null", guest: says(`null`), expect: schema},
	})
	check := drafts("passed must be there. Without it nothing was checked, which never passes.", sectionOps, "Refuse an answer to check without passed; never read it as true or false.", []draft{
		{id: "output.check_empty", title: "an answer to check without passed", guest: says(`{}`), expect: schema},
		{id: "output.check_null", title: "an answer to check whose passed is null", guest: says(`{"passed":null}`), expect: schema},
		{id: "output.check_text", title: "an answer to check whose passed is a text", guest: says(`{"passed":"true"}`), expect: schema},
	})
	for i := range check {
		check[i].Calls[0].Op, check[i].Calls[0].Input = opCheck, json.RawMessage(`{"gate":"g","input":1,"output":1}`)
	}
	failures := drafts("With the error bit set the answer is {code, message}. Host codes are the host's own, and guests cannot produce them.", sectionFail,
		"Keep who said it beside the code; check the shape of failures as that of answers.", []draft{
			{id: "failure.own_code", title: "a failure with a code of the author's own", guest: fails(`{"code":"no_date","message":"there is no date"}`), expect: Expect{GuestCodes: []string{"no_date"}}},
			{id: "failure.host_code", title: "a guest that says deadline", guest: fails(`{"code":"deadline","message":"it was the host, honestly"}`), expect: Expect{GuestCodes: []string{"deadline"}, Codes: []string{"schema", "protocol"}}},
			{id: "failure.no_code", title: "a failure without a code", guest: fails(`{"why":"x"}`), expect: schema},
			{id: "failure.no_json", title: "a failure that is no JSON", guest: fails(`sorry`), expect: protocol},
			{id: "failure.not_utf8", title: "a failure that is no UTF-8", guest: fails(`{"code":"a","message":"` + "\xff" + `"}`), expect: text},
		})
	return append(append(out, check...), failures...)
}
